"""What the current model says of an image, as the background worker sees it or a person was shown it."""

from __future__ import annotations

import numpy as np

from monai_ext.active.review import Evidence
from monai_ext.inferers.uncertainty import uncertainty_of
from monai_ext.landmarks import Landmarks, Status
from monai_ext.models import answer_radii

from ..errors import ConflictError
from ..pool import Sight
from ..proposals import Proposal
from ..served_model import ServedModel


def of_proposal(proposal: Proposal) -> Evidence:
    """What was proposed to a person."""
    unknown = np.full(len(proposal.landmarks), np.nan)
    return Evidence(proposal.landmarks, unknown if proposal.radius is None else proposal.radius)


def of_sight(sight: Sight, model: ServedModel) -> Evidence:
    """What the worker saw, with the radii of the model's calibration; none where the model was replaced meanwhile.

    Raises:
        InputError: the image cannot be read any more.
    """
    seen, found = sight.landmarks(), sight.predictions
    peak = found.heatmaps[0].amax((1, 2)).clamp(0, 1).double().cpu().numpy()
    present = None if found.presence is None else found.presence[0].double().cpu().numpy()
    confidence = peak if present is None else np.where(seen.status == Status.DEFINED, peak * present, 1 - present)
    landmarks = Landmarks(seen.names, seen.points, seen.frame, seen.status, confidence)
    radius = np.full(len(landmarks), np.nan)
    try:
        predictor = model.predictor()
    except ConflictError:
        return Evidence(landmarks, radius)
    fitted = predictor.calibration.answered if predictor.calibration is not None else None
    if fitted is not None and predictor.version == sight.model_version:
        radius = np.where(landmarks.defined, answer_radii(fitted, uncertainty_of(found).landmarks, seen.frame), np.nan)
    return Evidence(landmarks, radius)
