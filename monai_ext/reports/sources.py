"""The JSON files that a page is made from, distinguished by their content, and the evaluations among them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from monai_ext.evaluation import Evaluation, FailureCauses, RecordedPoints, read_causes, read_points
from monai_ext.landmarks import FloatArray, InputError, read_json

from .card_about import NOT_STATED


class Kind(Enum):
    """Content of a file."""

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


@dataclass(frozen=True)
class EvaluatedModel:
    """One model on one set of images.

    Attributes:
        name: differs from those of the other models of the page.
        evaluation: the scores.
        points: truth and prediction; None if the file was written without.
        source: the file.
        studies: folder that the images are looked for in; None if it is not known.
        failures: factors of the images and causes of errors; None if the file was written without.
    """

    name: str
    evaluation: Evaluation
    points: RecordedPoints | None
    source: Source
    studies: Path | None
    failures: FailureCauses | None = None

    @property
    def errors(self) -> FloatArray:
        """(N, K) distances in the evaluation's unit, NaN where not measured."""
        rows = [row.errors for row in self.evaluation.images]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(self.evaluation.names))

    def fact(self, key: str) -> str:
        """The value that the file states under a key, or that it states none."""
        value: Any = self.source.document.get(key)
        return NOT_STATED if value in (None, "") else str(value)


def read_evaluated(sources: Sequence[Source], studies: Path | None = None) -> list[EvaluatedModel]:
    """The evaluations of some files; models of one name are distinguished by their folder.

    Args:
        sources: files of the kind EVALUATION.
        studies: folder of the images; None takes the one that each file names.

    Raises:
        InputError: a file is damaged, or its points are of other images or landmarks than its scores.
    """
    found = [_evaluated(source, studies) for source in sources]
    for distinguish in (_by_folder, _by_number):
        counts = Counter(model.name for model in found)
        found = [
            replace(model, name=distinguish(model, number)) if counts[model.name] > 1 else model
            for number, model in enumerate(found, start=1)
        ]
    return found


def _evaluated(source: Source, studies: Path | None) -> EvaluatedModel:
    document = source.document
    try:
        evaluation, points = Evaluation.from_dict(document), read_points(document)
        failures = read_causes(document)
    except InputError as error:
        raise InputError(f"{source.path}: {error}") from None
    ids = [row.image for row in evaluation.images]
    wrong = [row.image for row in evaluation.images if len(row.errors) != len(evaluation.names)]
    fits = points is None or (points.landmarks == evaluation.names and [image.image for image in points.images] == ids)
    shape = (len(ids), len(evaluation.names))
    fits = fits and len(evaluation.subjects) in (0, len(ids))
    fits = fits and (failures is None or np.shape(failures.factors.missed) == shape)
    if wrong or not fits or len(set(ids)) != len(ids):
        raise InputError(
            f"{source.path}: images, landmarks and points do not fit each other; write it again with evaluate."
        )
    name = " ".join(str(document[key]) for key in ("protocol", "model_version") if document.get(key))
    folder = document.get("studies")
    return EvaluatedModel(
        name or source.path.parent.name or source.path.stem,
        evaluation,
        points,
        source,
        studies or (Path(folder) if isinstance(folder, str) and folder else None),
        failures,
    )


def _by_folder(model: EvaluatedModel, number: int) -> str:
    return f"{model.name} ({model.source.path.resolve().parent.name})"


def _by_number(model: EvaluatedModel, number: int) -> str:
    return f"{model.name}, file {number}"
