"""Predicted landmarks compared with the truth over a set of images."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from monai_ext.landmarks import FloatArray, Frame, InputError, Landmarks, Unit
from monai_ext.metrics import (
    ErrorStatistics,
    PresenceCounts,
    cumulative_error_area,
    error_statistics,
    failure_rate,
    image_errors,
    presence_counts,
)

from .scores import Evaluation, ImageScores, Scores

#: Image ID, truth, prediction.
Pair = tuple[str, Landmarks, Landmarks]


def aligned_pairs(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs with all landmarks in the order of the first truth.

    Raises:
        InputError: there is no pair, an image ID repeats, a landmark name is unknown, or the frames of truth and
            prediction differ in size or calibration; names the image.
    """
    if not pairs:
        raise InputError("There is nothing to evaluate: give at least one image with a truth and a prediction.")
    names = pairs[0][1].names
    aligned: list[Pair] = []
    seen: set[str] = set()
    for image, truth, prediction in pairs:
        if image in seen:
            raise InputError(f"The image {image} occurs twice in the evaluation; give each image once.")
        seen.add(image)
        try:
            truth, prediction = truth.reordered(names), prediction.reordered(names)
        except InputError as error:
            raise InputError(f"Image {image}: {error}") from None
        _check_frames(image, truth, prediction)
        aligned.append((image, truth, prediction))
    return aligned


def _check_frames(image: str, truth: Landmarks, prediction: Landmarks) -> None:
    a, b = truth.frame, prediction.frame
    if a.size != b.size:
        raise InputError(
            f"Image {image}: the truth is of an image of {a.width} x {a.height} pixels and the prediction of one of "
            f"{b.width} x {b.height}; predict on the image that was annotated."
        )
    if a.spacing and b.spacing and not np.allclose(a.spacing, b.spacing, rtol=1e-6, atol=0):
        raise InputError(
            f"Image {image}: the truth has {a.spacing} mm per pixel and the prediction {b.spacing}; "
            "they must be of one image."
        )


def common_unit(frames: Iterable[Frame]) -> Unit:
    """Millimetres where all images are calibrated, else pixels."""
    return "mm" if all(frame.spacing is not None for frame in frames) else "px"


def distances(first: Landmarks, second: Landmarks, unit: Unit) -> FloatArray:
    """(K,) distances of the landmarks of one image; NaN unless both are defined.

    Args:
        first: in whose frame the distances are.
        second: the same landmarks in the same order.
        unit: of the distances; mm of a calibrated image alone.
    """
    if unit == "mm":
        apart = first.frame.distance(first.points, second.points)
    else:
        apart = np.linalg.norm(first.points - second.points, axis=1)
    return np.where(first.defined & second.defined, apart, np.nan)


def _unit(pairs: Sequence[Pair], wanted: Unit | None) -> tuple[Unit, tuple[str, ...]]:
    """The unit of the evaluation, and what a reader should be warned of."""
    uncalibrated = [image for image, truth, _ in pairs if truth.frame.unit == "px"]
    if wanted == "px" or (wanted is None and len(uncalibrated) == len(pairs)):
        return "px", ()
    if not uncalibrated:
        return "mm", ()
    if wanted == "mm":
        raise InputError(f"Image {uncalibrated[0]} has no known pixel size, so the evaluation cannot be in mm; use px.")
    message = (
        f"{len(uncalibrated)} of {len(pairs)} images have no known pixel size (the first is {uncalibrated[0]}): "
        "all errors, thresholds and limits are in pixels."
    )
    warnings.warn(message, stacklevel=3)
    return "px", (message,)


def _scores(
    name: str, statistics: ErrorStatistics, mre_px: float, presence: PresenceCounts, thresholds: Sequence[float]
) -> Scores:
    return Scores(
        name=name,
        count=int(statistics.count),
        mre=float(statistics.mean),
        mre_px=mre_px,
        sd=float(statistics.sd),
        median=float(statistics.median),
        sdr=dict(zip(thresholds, statistics.sdr.tolist(), strict=True)),
        misses=int(presence.misses),
        false_alarms=int(presence.false_alarms),
        correct_absences=int(presence.correct_absences),
        unanswered=int(presence.unanswered),
    )


def with_presence(evaluation: Evaluation, truth: NDArray[np.int8], prediction: NDArray[np.int8] | None) -> Evaluation:
    """The evaluation with other counts of what was called missing.

    Args:
        evaluation: of N images and K landmarks.
        truth: (N, K) codes of :class:`~monai_ext.landmarks.Status`.
        prediction: (N, K) codes; None if they are not known, so that the counts are None.
    """
    names = [name for name in PresenceCounts._fields if name in Scores.model_fields]
    rows: list[dict[str, int | None]] = [dict.fromkeys(names)] * (1 + truth.shape[1])
    if prediction is not None:
        sides = torch.from_numpy(prediction), torch.from_numpy(truth)
        columns = presence_counts(*sides, per_landmark=True)
        counts = [presence_counts(*sides), *(PresenceCounts(*each) for each in zip(*columns, strict=True))]
        rows = [{name: int(getattr(row, name)) for name in names} for row in counts]
    overall, *landmarks = (
        scores.model_copy(update=row)
        for scores, row in zip((evaluation.overall, *evaluation.landmarks), rows, strict=True)
    )
    return evaluation.model_copy(update={"overall": overall, "landmarks": tuple(landmarks)})


def check_limits(thresholds: Sequence[float], failure_threshold: float, auc_limit: float) -> None:
    """Refuses what nothing can be measured by.

    Raises:
        InputError: a value is no positive number, or a threshold repeats.
    """
    for value in (*thresholds, failure_threshold, auc_limit):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"A threshold must be a positive distance, not {value}.")
    if len(set(thresholds)) != len(thresholds):
        raise InputError(f"The thresholds {list(thresholds)} contain a value twice; give each once.")


def evaluate_landmarks(
    pairs: Sequence[Pair],
    thresholds: Sequence[float],
    failure_threshold: float,
    auc_limit: float,
    *,
    unit: Unit | None = None,
) -> Evaluation:
    """Compares predictions with the truth.

    Lengths are in millimetres only where EVERY image is calibrated (by the truth's frame), else all in pixels; units
    are never mixed. Pixel errors are given beside them in either case.

    Args:
        pairs: image ID, truth and prediction of each image; landmarks are matched by name.
        thresholds: of the success detection rates, in the evaluation's unit.
        failure_threshold: an image fails when its mean error lies above it; in the evaluation's unit.
        auc_limit: upper end t of the area under the cumulative error distribution; in the evaluation's unit.
        unit: the unit to use; None chooses as said above.

    Raises:
        InputError: see :func:`aligned_pairs`; a threshold is not positive or repeats; ``unit="mm"`` but an image is
            not calibrated.

    Warns:
        UserWarning: some images are calibrated and some are not; also kept in ``Evaluation.warnings``.
    """
    thresholds = tuple(float(t) for t in thresholds)
    check_limits(thresholds, failure_threshold, auc_limit)
    pairs = aligned_pairs(pairs)
    unit, notes = _unit(pairs, unit)
    errors, errors_px = (
        torch.from_numpy(np.stack([distances(truth, answer, each) for _, truth, answer in pairs]))
        for each in (unit, "px")
    )
    status_true = torch.from_numpy(np.stack([truth.status for _, truth, _ in pairs]))
    status_pred = torch.from_numpy(np.stack([prediction.status for _, _, prediction in pairs]))
    per_image, per_image_px = image_errors(errors), image_errors(errors_px)
    over_images = error_statistics(per_image[:, None])
    columns = error_statistics(errors, thresholds, per_landmark=True)
    columns_px = errors_px.nanmean(0).tolist()
    presence = presence_counts(status_pred, status_true, per_landmark=True)
    return Evaluation(
        unit=unit,
        thresholds=thresholds,
        failure_threshold=float(failure_threshold),
        auc_limit=float(auc_limit),
        overall=_scores(
            "all",
            error_statistics(errors, thresholds),
            float(errors_px.nanmean()),
            presence_counts(status_pred, status_true),
            thresholds,
        ),
        me=float(over_images.mean),
        me_sd=float(over_images.sd),
        failure_rate=float(failure_rate(per_image, failure_threshold)),
        auc=float(cumulative_error_area(per_image, auc_limit)),
        landmarks=tuple(
            _scores(
                name,
                ErrorStatistics(*(value[..., k] for value in columns)),
                columns_px[k],
                PresenceCounts(*(value[k] for value in presence)),
                thresholds,
            )
            for k, name in enumerate(pairs[0][1].names)
        ),
        images=tuple(
            ImageScores(image=image, error=error, error_px=error_px, errors=tuple(row), errors_px=tuple(row_px))
            for (image, _, _), error, error_px, row, row_px in zip(
                pairs,
                per_image.tolist(),
                per_image_px.tolist(),
                errors.tolist(),
                errors_px.tolist(),
                strict=True,
            )
        ),
        warnings=notes,
    )
