"""An evaluation's errors in percent of a distance between two landmarks of the truth, such as the outer eye corners."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from pydantic import field_serializer

from monai_ext.landmarks import InputError
from monai_ext.metrics import (
    cumulative_error_area,
    error_statistics,
    failure_rate,
    image_errors,
    normalized_errors,
    pair_distances,
)

from .evaluate import Pair, aligned_pairs
from .scores import Evaluation, Number, Result, finite


class NormalizedScores(Result):
    """Scores over images, each in percent of its own distance between two true landmarks.

    Lengths are in percent of that distance, rates are shares from 0 to 1; NaN where nothing was measurable.
    """

    unit: Literal["%"] = "%"
    between: tuple[str, str]  #: the two landmarks
    limit: float  #: an image fails above it, and the area under the error distribution goes up to it; percent
    count: int  #: how many images were measured
    left_out: tuple[str, ...]  #: IDs of measured images whose truth lacks one of the two landmarks
    me: Number  #: mean over images of the image's mean error, percent
    me_sd: Number  #: sample standard deviation of the same over images, percent
    failure_rate: Number  #: share of the measured images that fail
    auc: Number  #: (1/t) * integral of the cumulative error distribution from 0 to t = ``limit``
    images: tuple[tuple[str, Number], ...]  #: ID and mean error of each image, percent

    @field_serializer("images", when_used="json")
    def _named(self, images: tuple[tuple[str, float], ...]) -> list[dict[str, Any]]:
        return [{"image": image, "error": finite(error)} for image, error in images]


def normalize_scores(
    evaluation: Evaluation, pairs: Sequence[Pair], between: tuple[str, str], limit: float = 10.0
) -> NormalizedScores:
    """The evaluation's errors over the distance between two landmarks of each image's truth.

    Errors and distances are both in the evaluation's unit, so that it cancels out.

    Args:
        evaluation: of the pairs.
        pairs: image ID, truth and prediction of each image.
        between: names of two landmarks.
        limit: the failure threshold and the end of the area under the error distribution, in percent.

    Raises:
        InputError: a landmark is unknown or named twice, the limit is not positive, or the evaluation is of other
            images.
    """
    pairs = aligned_pairs(pairs)
    if [image for image, _, _ in pairs] != [row.image for row in evaluation.images]:
        raise InputError("The evaluation and the points are of different images; evaluate these pairs first.")
    truths = [truth for _, truth, _ in pairs]
    first, second = (truths[0].index(name) for name in between)
    if first == second:
        raise InputError(f"A distance needs two different landmarks, not from {between[0]!r} to itself.")
    spacing = None
    if evaluation.unit == "mm":
        spacing = torch.from_numpy(np.stack([truth.frame.scale for truth in truths]))
    distances = pair_distances(
        torch.from_numpy(np.stack([truth.points for truth in truths])),
        (first, second),
        torch.from_numpy(np.stack([truth.status for truth in truths])),
        spacing,
    )
    errors = torch.tensor([row.errors for row in evaluation.images], dtype=torch.float64)
    per_image = 100 * image_errors(normalized_errors(errors, distances))
    over_images = error_statistics(per_image[:, None])
    measured = zip(evaluation.images, distances.tolist(), strict=True)
    return NormalizedScores(
        between=between,
        limit=float(limit),
        count=int(over_images.count),
        left_out=tuple(row.image for row, distance in measured if math.isnan(distance) and not math.isnan(row.error)),
        me=float(over_images.mean),
        me_sd=float(over_images.sd),
        failure_rate=float(failure_rate(per_image, limit)),
        auc=float(cumulative_error_area(per_image, limit)),
        images=tuple(zip((row.image for row in evaluation.images), per_image.tolist(), strict=True)),
    )
