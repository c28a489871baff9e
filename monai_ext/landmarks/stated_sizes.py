"""Pixel sizes that a person stated for images without one of their own: ``calibration.json`` in a studies folder.

``{"ID": {"mm_per_px": [x, y], "how": "table points.csv", "time": "2026-01-31T12:00:00+00:00"}}``; further fields of an
image are kept. It makes lengths millimetres; where an image lies in space never changes by it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from .errors import InputError
from .files import read_json
from .studies import image_id, same_name

CALIBRATION_FILE = "calibration.json"


class StatedSize(NamedTuple):
    """The size of a pixel as a person stated it.

    Args:
        mm_per_px: millimetres per pixel along (x, y).
        how: where it came from, e.g. ``"table points.csv"``.
    """

    mm_per_px: tuple[float, float]
    how: str


def stated_size(image: Path) -> StatedSize | None:
    """The size that ``calibration.json`` beside an image file states for it; None where there is none.

    Raises:
        InputError: the file is malformed.
    """
    sizes = read_stated_sizes(image.parent)
    own = image_id(image.name) or image.name
    found = same_name(own, sizes) if sizes else None
    return None if found is None else sizes[found]


def read_stated_sizes(folder: Path) -> Mapping[str, StatedSize]:
    """The stated sizes by image ID; none without the file.

    Raises:
        InputError: the file is malformed; names the image.
    """
    path = folder / CALIBRATION_FILE
    try:
        state = path.stat()
    except OSError:
        return {}
    return _parsed(path, (state.st_mtime_ns, state.st_ino, state.st_size))


def with_stated_sizes(folder: Path, sizes: Mapping[str, StatedSize]) -> dict[str, Any]:
    """The content of ``calibration.json`` with further sizes; what it has of other images stays.

    Raises:
        InputError: the present file is malformed.
    """
    read_stated_sizes(folder)
    path = folder / CALIBRATION_FILE
    document: dict[str, Any] = read_json(path) if path.exists() else {}
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    added = {image: {"mm_per_px": list(size.mm_per_px), "how": size.how, "time": now} for image, size in sizes.items()}
    return dict(sorted({**document, **added}.items()))


@lru_cache(maxsize=16)
def _parsed(path: Path, state: tuple[int, int, int]) -> Mapping[str, StatedSize]:
    document = read_json(path)
    if not isinstance(document, dict):
        raise InputError(f'{path} must hold {{"ID": {{"mm_per_px": [x, y]}}}}, not {document!r:.80}.')
    sizes = {}
    for image, entry in document.items():
        values = entry.get("mm_per_px") if isinstance(entry, dict) else None
        if not isinstance(values, list) or len(values) != 2 or not all(_is_size(value) for value in values):
            raise InputError(
                f"{path}: the mm_per_px of {image!r} must be two numbers above 0, not {values!r:.80}: mend or "
                "remove it."
            )
        how = entry.get("how")
        sizes[image] = StatedSize(
            (float(values[0]), float(values[1])), how if isinstance(how, str) and how else "stated"
        )
    return sizes


def _is_size(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9 and math.isfinite(value)
