"""Uncertainty of a prediction: the mean distance of a heatmap's mass from the point that was read off it.

Shapes: B images, K landmarks, (h, w) cells of a heatmap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from monai_ext.landmarks import FloatArray, Unit
from monai_ext.metrics import radial_errors
from monai_ext.models import Observed, RadiusUnit

from .image_score import image_score
from .read_output import Predictions

#: The measure; see :func:`map_radius`.
MEASURE = "map_radius"


class Uncertainty(NamedTuple):
    """Uncertainty of one image of K landmarks.

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
    """The uncertainty of the one image in a batch, in mm where it is calibrated, else in px."""
    unit: Unit = "mm" if bool(found.calibrated.all()) else "px"
    values = map_radius(found, unit)
    score = image_score(values, found.status)
    both = torch.cat([score, values[0]]).double().cpu().numpy()
    return Uncertainty(unit, float(both[0]), both[1:])


def map_radius(predictions: Predictions, unit: RadiusUnit = "px") -> torch.Tensor:
    """(B, K) mean distance of the whole heatmap's mass from the point that was read off it, float32.

    The expected radial error of McCouat and Voiculescu, Contour-Hugging Heatmaps for Landmark Detection, CVPR 2022.

    Raises:
        InputError: millimetres of an image without calibration.
    """
    steps = predictions.lengths(unit)[..., None] * predictions.linear
    metric = (steps.mT @ steps).float()
    height, width = predictions.heatmaps.shape[2:]
    device = predictions.heatmaps.device
    x = torch.arange(width, device=device) - predictions.cells[..., :1].float()
    y = torch.arange(height, device=device) - predictions.cells[..., 1:].float()
    across = metric[..., 0, 0, None] * x.square()
    down = metric[..., 1, 1, None] * y.square()
    both = 2 * metric[..., 0, 1, None, None] * y[..., :, None] * x[..., None, :]
    squared = across[..., None, :] + down[..., :, None] + both
    return (probabilities(predictions.heatmaps) * squared.clamp(min=0).sqrt()).sum((2, 3))


def probabilities(heatmaps: torch.Tensor) -> torch.Tensor:
    """(B, K, h, w) heatmaps as distributions over their cells; negative values count as 0.

    A map that is nowhere positive says nothing: it becomes uniform.
    """
    mass = heatmaps.float().clamp(min=0).nan_to_num(nan=0.0, posinf=0.0)
    total = mass.sum((2, 3), keepdim=True)
    cells = heatmaps.shape[2] * heatmaps.shape[3]
    return torch.where(total > 0, mass / torch.where(total > 0, total, 1.0), 1.0 / cells)


def observed(
    found: Predictions,
    points: torch.Tensor,
    status: torch.Tensor,
    ids: Sequence[str],
    names: Sequence[str],
    unit: RadiusUnit,
) -> Observed:
    """Predictions beside the truth, as calibrations are fitted to them.

    Args:
        found: of B images.
        points: (B, K, 2) true pixels (x, y) of the original images; of no meaning where not defined.
        status: (B, K) true codes of Status.
        ids: B image IDs.
        names: K landmarks.
        unit: of distances and uncertainties.

    Raises:
        InputError: lengths in mm of an image without calibration.
    """
    spacing = None if unit == "px" else found.lengths(unit)[:, 0].cpu()
    return Observed(
        ids=tuple(ids),
        landmarks=tuple(names),
        unit=unit,
        distances=radial_errors(found.points.cpu(), points.cpu(), status.cpu(), None, spacing).numpy(),
        map_radius=map_radius(found, unit).double().cpu().numpy(),
        true_status=status.cpu().numpy(),
        presence=None if found.presence is None else found.presence.double().cpu().numpy(),
    )
