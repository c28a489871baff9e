"""Score and features that a model gives to images which wait for a label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from monai_ext.active import Observer, UncertaintyMeasure
from monai_ext.inferers import Predictor, Reduction, image_score
from monai_ext.landmarks import FloatArray


class PoolView(NamedTuple):
    """Answers of a model for N images.

    Attributes:
        scores: (N,) uncertainty of each image, or None if no measure was requested.
        features: (N, F) of each image, or None if they were not asked for.
    """

    scores: FloatArray | None
    features: FloatArray | None


def view_pool(
    predictors: Sequence[Predictor],
    paths: Sequence[Path],
    measure: UncertaintyMeasure | None = None,
    *,
    reduction: Reduction = "mean",
    features: bool = False,
    batch_size: int = 4,
    on_image: Callable[[], None] = lambda: None,
) -> PoolView:
    """Looks at image files.

    Args:
        predictors: the model; further ones for disagreement by ``ensemble``.
        paths: N image files.
        measure: of uncertainty, or None.
        reduction: how landmarks make the score of an image.
        features: whether features are wanted.
        batch_size: images at a time.
        on_image: called after each image.

    Raises:
        InputError: an image cannot be read, or the models cannot have the measure.
    """
    sources = (measure.source,) if measure is not None and measure.source is not None else ()
    observer = Observer(predictors, sources, features=features, batch_size=batch_size)
    scores: list[FloatArray] = []
    vectors: list[FloatArray] = []
    for found in observer(paths) if measure is not None or features else ():
        if measure is not None:
            scores.append(image_score(measure.compute(found), found.status, reduction).double().cpu().numpy())
        if found.features is not None:
            vectors.append(found.features.double().cpu().numpy())
        for _ in range(len(found.points)):
            on_image()
    return PoolView(
        np.concatenate([*scores, np.zeros(0)]) if measure is not None else None,
        np.concatenate(vectors) if vectors else np.zeros((0, 0)) if features else None,
    )
