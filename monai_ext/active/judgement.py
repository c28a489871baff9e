"""Uncertainties of a model beside its errors, on labelled images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from monai_ext.engines import LabelledImage, read_labels
from monai_ext.images import read_frame
from monai_ext.inferers import Predictor, observed
from monai_ext.landmarks import FloatArray, InputError, Unit
from monai_ext.metrics import radial_errors
from monai_ext.models import Observed, RadiusUnit, joined

from .measure import UncertaintyMeasure
from .observer import Observer


class Judgement(NamedTuple):
    """N images of K landmarks.

    Attributes:
        observed: what calibrations are fitted on.
        values: (N, K) of each measure, by its name.
        errors: (N, K) distances from the truth; NaN unless a landmark is truly defined and was called so.
        status: (N, K) codes of Status that the model gave.
    """

    observed: Observed
    values: dict[str, FloatArray]
    errors: FloatArray
    status: NDArray[np.int8]


def common_unit(images: Sequence[LabelledImage]) -> Unit:
    """The unit mm where all images are calibrated, else px.

    Raises:
        InputError: an image header cannot be read.
    """
    return "mm" if all(read_frame(image.image).spacing is not None for image in images) else "px"


def judge_images(
    predictors: Sequence[Predictor],
    images: Sequence[LabelledImage],
    measures: Sequence[UncertaintyMeasure],
    unit: RadiusUnit = "px",
    *,
    batch_size: int = 4,
    on_image: Callable[[], None] = lambda: None,
) -> Judgement:
    """Runs a model over labelled images and computes all measures from the same passes.

    Args:
        predictors: the model; further ones for disagreement by ``ensemble``.
        images: the model has not learned from them.
        measures: of uncertainty.
        unit: of the errors.
        batch_size: images at a time.
        on_image: called after each image.

    Raises:
        InputError: there is no image, one cannot be read, its label may not be used, or lengths in mm are not known.
    """
    if not images:
        raise InputError("There is no labelled image to evaluate the model on; label some.")
    sources = tuple(dict.fromkeys(m.source for m in measures if m.source is not None))
    observer = Observer(predictors, sources, batch_size=batch_size)
    names = predictors[0].protocol.landmark_names
    labels = read_labels(images, predictors[0].protocol)
    values: dict[str, list[FloatArray]] = {measure.name: [] for measure in measures}
    parts, errors, status = [], [], []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        found = observer.observe([image.image for image in batch])
        truths = [labels[image.id] for image in batch]
        points = torch.from_numpy(np.stack([truth.points for truth in truths]))
        known = torch.from_numpy(np.stack([truth.status for truth in truths]))
        spacing = None if unit == "px" else found.lengths(unit)[:, 0].cpu()
        answered = found.status.cpu()
        errors.append(radial_errors(found.points.cpu(), points, known, answered, spacing).numpy())
        status.append(answered.numpy())
        parts.append(observed(found, points, known, [image.id for image in batch], names, unit))
        for measure in measures:
            values[measure.name].append(measure.compute(found).double().cpu().numpy())
        for _ in batch:
            on_image()
    return Judgement(
        joined(parts),
        {name: np.concatenate(parts) for name, parts in values.items()},
        np.concatenate(errors),
        np.concatenate(status),
    )
