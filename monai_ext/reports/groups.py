"""Models that can be compared: same images with the same truth, same landmarks, same unit and limits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monai_ext.evaluation import Evaluation
from monai_ext.landmarks import FloatArray

from .sources import EvaluatedModel


class Likeness(NamedTuple):
    """Properties that models have in common which are compared."""

    landmarks: tuple[str, ...]
    unit: str
    limits: tuple[float, ...]
    images: tuple[str, ...]
    truth: str


#: Words for the fields of :class:`Likeness`.
WORDS = {
    "landmarks": "their landmarks",
    "unit": "their unit",
    "limits": "their thresholds",
    "images": "their images",
    "truth": "the true points",
}


@dataclass(frozen=True)
class Group:
    """Models that may be compared with each other.

    Attributes:
        models: one or more.
        likeness: what they have in common.
    """

    models: tuple[EvaluatedModel, ...]
    likeness: Likeness

    @property
    def first(self) -> Evaluation:
        """The evaluation of the first model."""
        return self.models[0].evaluation

    @property
    def evaluations(self) -> dict[str, Evaluation]:
        """By the name of the model."""
        return {model.name: model.evaluation for model in self.models}

    @property
    def title(self) -> str:
        """Task of the models and the number of their images."""
        model = self.models[0]
        name = str(model.source.document.get("title") or model.source.document.get("protocol") or model.name)
        count = len(self.first.images)
        return f"{name}: {count} image{'' if count == 1 else 's'}, errors in {self.first.unit}"

    def aligned_errors(self, model: EvaluatedModel) -> FloatArray:
        """(N, K) errors of one of the models, the images in the order of the first model."""
        return model.errors[self._places(model)]

    def aligned_subjects(self, model: EvaluatedModel) -> tuple[int, ...]:
        """(N,) numbers of the subjects that an evaluation of one of the models states, likewise; else none."""
        found = model.evaluation.subjects
        return tuple(found[i] for i in self._places(model)) if found else ()

    def _places(self, model: EvaluatedModel) -> NDArray[np.intp]:
        place = {row.image: i for i, row in enumerate(model.evaluation.images)}
        return np.array([place[row.image] for row in self.first.images], dtype=np.intp)


def comparable_groups(models: Sequence[EvaluatedModel]) -> list[Group]:
    """The models by what they have in common, in the order of the first of each group."""
    groups: dict[Likeness, list[EvaluatedModel]] = {}
    for model in models:
        groups.setdefault(_likeness(model), []).append(model)
    return [Group(tuple(members), likeness) for likeness, members in groups.items()]


def differences(groups: Sequence[Group]) -> list[str]:
    """In what the groups differ, in words."""
    kinds = [group.likeness for group in groups]
    return [word for field, word in WORDS.items() if len({getattr(kind, field) for kind in kinds}) > 1]


def _likeness(model: EvaluatedModel) -> Likeness:
    evaluation = model.evaluation
    return Likeness(
        evaluation.names,
        evaluation.unit,
        (*evaluation.thresholds, evaluation.failure_threshold, evaluation.auc_limit),
        tuple(sorted(row.image for row in evaluation.images)),
        _truth(model),
    )


def _truth(model: EvaluatedModel) -> str:
    """A digest of the true points, or that the file holds none."""
    if model.points is None:
        return "not in the file"
    truth = {
        image.image: [image.size, image.spacing, [item.model_dump() for item in image.truth]]
        for image in model.points.images
    }
    return hashlib.sha256(json.dumps(truth, sort_keys=True).encode("utf-8")).hexdigest()
