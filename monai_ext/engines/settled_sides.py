"""Images that train or validate against their hash, since too few were labelled then; a model folder remembers them.

Without that, an image that one version was trained on could validate the next one, which starts with its weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from monai_ext.landmarks import InputError
from monai_ext.landmarks.files import read_json, write_json_atomically

from .dataset import Split

FILE = "settled_sides.json"


def read_settled_sides(folder: Path) -> dict[str, Split]:
    """The side of each of these images by ID; empty where the folder has none.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    document = read_json(path)
    sides: dict[str, Split] = {}
    for side in ("train", "val"):
        members = document.get(side, []) if isinstance(document, dict) else None
        if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
            raise InputError(f'{path} must hold {{"train": [IDs], "val": [IDs]}}, not {document!r:.80}; remove it.')
        sides.update(dict.fromkeys(members, side))
    return sides


def write_settled_sides(folder: Path, sides: Mapping[str, Split]) -> None:
    """Adds images to those that are remembered; nothing is written where all of them are.

    Raises:
        InputError: the present file is damaged.
        OSError: there is no room.
    """
    known = read_settled_sides(folder)
    merged = {**known, **sides}
    if merged != known:
        document = {name: sorted(image for image, side in merged.items() if side == name) for name in ("train", "val")}
        write_json_atomically(folder / FILE, document)
