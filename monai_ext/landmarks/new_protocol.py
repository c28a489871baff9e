"""A first protocol file for landmarks that have only names so far."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

import yaml

from .errors import InputError
from .protocol import Protocol, is_name
from .protocol_file import PROTOCOL_EXTENSIONS

#: Pixels of the network input of a new protocol: enough for about 2 px accuracy, quick to train on a CPU.
INPUT_AREA = 384 * 320
#: Inputs of at most this size are trained in batches of 8, others of 4.
SMALL_AREA = 192 * 192
#: Network sides are multiples of this, so that no padding is needed.
MULTIPLE = 32
LARGEST_SIDE = 4096


def new_protocol_text(path: Path, names: Sequence[str], channels: str, sizes: Sequence[tuple[int, int]]) -> str:
    """The content of a protocol file with those landmarks, ready for a person to describe them.

    Args:
        path: the new .yaml file; its stem names the protocol.
        names: the landmark names.
        channels: ``grey`` or ``rgb``.
        sizes: (width, height) of the images; the network input takes their typical shape.

    Raises:
        InputError: there is such a file, its name is no protocol name or does not end in .yaml, there are no landmarks,
            or a name is none that a protocol can have.
    """
    check_new_protocol(path, names)
    width, height = input_size(sizes)
    document = {
        "name": path.stem,
        "title": path.stem.replace("_", " ").capitalize(),
        "channels": channels,
        "landmarks": [{"name": name, "description": f"Describe where {name} lies."} for name in names],
        "network": {
            "name": "heatmap_net",
            "backbone": "efficientnet-lite0",
            "pretrained": "imagenet",
            "stride": 2,
            "sigma": 1.5,
            "input_size": {"width": width, "height": height},
        },
        "recipe": {"name": "fine_tune", "batch_size": 8 if width * height <= SMALL_AREA else 4},
    }
    Protocol.model_validate(document)
    header = (
        "# Describe every landmark for the person who places it. Left/right partners name each other:\n"
        "#   - {name: left_eye, description: ..., pair: right_eye}\n"
    )
    return header + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def check_new_protocol(path: Path, names: Sequence[str]) -> None:
    """Refuses what :func:`new_protocol_text` refuses, before images are read.

    Raises:
        InputError: as :func:`new_protocol_text`.
    """
    if path.exists() or path.is_symlink():
        raise InputError(f"The protocol file {path} exists: name another one.")
    if path.suffix not in PROTOCOL_EXTENSIONS:
        raise InputError(
            f"The protocol file {path} must end in {' or '.join(PROTOCOL_EXTENSIONS)}: name it {path.stem}.yaml."
        )
    if not is_name(path.stem):
        raise InputError(f"The file name {path.name!r} cannot name a protocol: use letters, digits and underscores.")
    if not names:
        raise InputError(f"The protocol {path} would have no landmark: name at least one.")
    unfit = [name for name in names if not is_name(name)]
    if unfit:
        others = f" (nor can {len(unfit) - 1} more)" if len(unfit) > 1 else ""
        raise InputError(
            f"The landmark name {unfit[0]!r} cannot be used in a protocol{others}: use letters, digits and "
            "underscores, "
            f"a letter first, as with --rename '{unfit[0]}=NAME' for each landmark."
        )


def input_size(sizes: Sequence[tuple[int, int]], *, enlarge: bool = False) -> tuple[int, int]:
    """A (width, height) of the images' typical shape with about :data:`INPUT_AREA` pixels, for a network.

    Args:
        sizes: (width, height) of the images.
        enlarge: give small images as many; else not more than they have.
    """
    width, height = median(size[0] for size in sizes), median(size[1] for size in sizes)
    scale = (INPUT_AREA / (width * height)) ** 0.5
    scale = scale if enlarge else min(1.0, scale)
    return _side(width * scale), _side(height * scale)


def _side(length: float) -> int:
    return min(LARGEST_SIDE, max(MULTIPLE, round(length / MULTIPLE) * MULTIPLE))
