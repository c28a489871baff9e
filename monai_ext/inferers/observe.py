"""A model's answers beside the truth, as calibrations are fitted to them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from monai_ext.landmarks.geometry import Unit
from monai_ext.metrics import radial_errors
from monai_ext.models import Observed

from .map_radius import map_radius
from .predictions import Predictions


def observed(
    found: Predictions, points: torch.Tensor, status: torch.Tensor, ids: Sequence[str], names: Sequence[str], unit: Unit
) -> Observed:
    """What a model found in labelled images.

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
    spacing = found.lengths("mm")[:, 0].cpu() if unit == "mm" else None
    return Observed(
        ids=tuple(ids),
        landmarks=tuple(names),
        unit=unit,
        distances=radial_errors(found.points.cpu(), points.cpu(), status.cpu(), None, spacing).numpy(),
        map_radius=map_radius(found, unit).double().cpu().numpy(),
        true_status=status.cpu().numpy(),
        presence=None if found.presence is None else found.presence.double().cpu().numpy(),
    )
