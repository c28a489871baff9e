"""How unsure a model is of one image, as answers tell it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from monai_ext.landmarks.geometry import FloatArray, Unit

from .image_score import image_score
from .map_radius import map_radius
from .predictions import Predictions

#: The measure; see :func:`~monai_ext.inferers.map_radius.map_radius`.
MEASURE = "map_radius"


class Uncertainty(NamedTuple):
    """Of K landmarks of one image.

    Attributes:
        unit: that of the answer.
        score: of the image: the mean over the landmarks that are present, over all where none is.
        landmarks: (K,) of each, also of those that are missing.
    """

    unit: Unit
    score: float
    landmarks: FloatArray

    def to_dict(self, names: Sequence[str]) -> dict[str, Any]:
        """Finite JSON, by the names of the landmarks."""
        values = dict(zip(names, self.landmarks.tolist(), strict=True))
        return {"measure": MEASURE, "unit": self.unit, "score": self.score, "landmarks": values}


def uncertainty_of(found: Predictions) -> Uncertainty:
    """The uncertainty of one image, in mm where it is calibrated, else in px.

    Args:
        found: of one image.
    """
    unit: Unit = "mm" if bool(found.calibrated.all()) else "px"
    values = map_radius(found, unit)
    score = image_score(values, found.status)
    both = torch.cat([score, values[0]]).double().cpu().numpy()
    return Uncertainty(unit, float(both[0]), both[1:])
