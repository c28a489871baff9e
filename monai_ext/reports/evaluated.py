"""Evaluations of models as a page needs them: named, with their points, and where their images lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from monai_ext.evaluation.recorded_points import RecordedPoints, read_points
from monai_ext.evaluation.scores import Evaluation
from monai_ext.landmarks import InputError
from monai_ext.landmarks.geometry import FloatArray

from .sources import Source

NOT_STATED = "not stated"


@dataclass(frozen=True)
class EvaluatedModel:
    """One model on one set of images.

    Attributes:
        name: differs from those of the other models of the page.
        evaluation: the scores.
        points: truth and prediction; None where the file was written without.
        source: the file.
        studies: folder that the images are looked for in; None where it is not known.
    """

    name: str
    evaluation: Evaluation
    points: RecordedPoints | None
    source: Source
    studies: Path | None

    @property
    def errors(self) -> FloatArray:
        """(N, K) distances in the evaluation's unit, NaN where not measured."""
        rows = [row.errors for row in self.evaluation.images]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(self.evaluation.names))

    def fact(self, key: str) -> str:
        """What the file states under a key, or that it does not."""
        value: Any = self.source.document.get(key)
        return NOT_STATED if value in (None, "") else str(value)


def read_evaluated(sources: Sequence[Source], studies: Path | None = None) -> list[EvaluatedModel]:
    """The evaluations of some files; models of one name are told apart by their folder.

    Args:
        sources: files of the kind EVALUATION.
        studies: folder of the images; None takes the one that each file names.

    Raises:
        InputError: a file is damaged, or its points are of other images or landmarks than its scores.
    """
    found = [_read(source, studies) for source in sources]
    for distinguish in (_by_folder, _by_number):
        counts = Counter(model.name for model in found)
        found = [
            replace(model, name=distinguish(model, number)) if counts[model.name] > 1 else model
            for number, model in enumerate(found, start=1)
        ]
    return found


def _read(source: Source, studies: Path | None) -> EvaluatedModel:
    document = source.document
    try:
        evaluation, points = Evaluation.from_dict(document), read_points(document)
    except InputError as error:
        raise InputError(f"{source.path}: {error}") from None
    ids = [row.image for row in evaluation.images]
    wrong = [row.image for row in evaluation.images if len(row.errors) != len(evaluation.names)]
    fits = points is None or (points.landmarks == evaluation.names and [image.image for image in points.images] == ids)
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
    )


def _by_folder(model: EvaluatedModel, number: int) -> str:
    return f"{model.name} ({model.source.path.resolve().parent.name})"


def _by_number(model: EvaluatedModel, number: int) -> str:
    return f"{model.name}, file {number}"
