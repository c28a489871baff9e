"""The JSON files that a page is made from, told apart by what they hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from monai_ext.landmarks import InputError
from monai_ext.landmarks.files import read_json


class Kind(Enum):
    """What a file holds."""

    EVALUATION = "evaluation of a model"
    UNCERTAINTY = "uncertainty of a model"
    TRAINING = "history of a training"
    SIMULATION = "simulated active learning"
    ABLATION = "ablation"


#: Keys that a file of each kind has, and no file of another.
_KEYS = {
    Kind.EVALUATION: {"overall", "images", "thresholds", "failure_threshold"},
    Kind.UNCERTAINTY: {"reliability", "measures", "model_version"},
    Kind.TRAINING: {"history", "val_error", "unit"},
    Kind.SIMULATION: {"curves", "reference_error"},
    Kind.ABLATION: {"rows", "measures", "cells"},
}

#: Names that the commands give such files.
FILE_NAMES = ("metrics.json", "uncertainty.json", "results.json")


@dataclass(frozen=True)
class Source:
    """One file.

    Attributes:
        path: as it was given.
        sha256: of its bytes, in hexadecimal digits.
        kind: what it holds.
        document: its JSON object.
    """

    path: Path
    sha256: str
    kind: Kind
    document: dict[str, Any]


def find_sources(paths: Sequence[Path]) -> list[Source]:
    """The files, and those with the names :data:`FILE_NAMES` in folders, in the order given; each file once.

    Raises:
        InputError: a path does not exist, a folder has no such file, or a file holds none of the kinds.
    """
    files: dict[Path, Path] = {}
    for path in paths:
        for file in _files(Path(path)):
            files.setdefault(file.resolve(), file)
    return [_read(file) for file in files.values()]


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = [path / name for name in FILE_NAMES if (path / name).is_file()]
    if not found:
        raise InputError(
            f"The folder {path} holds none of {', '.join(FILE_NAMES)}: give the output folder of `evaluate`, "
            "`uncertainty`, `simulate-active-learning` or `ablate`, or a JSON file."
        )
    return found


def _read(path: Path) -> Source:
    try:
        data = path.read_bytes()
        document = json.loads(data.decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        document = read_json(path)  # says what is wrong with the file
        data = path.read_bytes()
    keys = set(document) if isinstance(document, dict) else set()
    kind = next((kind for kind, wanted in _KEYS.items() if wanted <= keys), None)
    if kind is None:
        raise InputError(
            f"{path} holds neither an evaluation nor uncertainty, training, simulation or ablation results, but the "
            f"keys {sorted(keys)!r:.80}; give a JSON file that `monai-landmarks` wrote."
        )
    return Source(path, hashlib.sha256(data).hexdigest(), kind, document)
