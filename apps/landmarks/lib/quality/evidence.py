"""What the current model says of an image, as the background worker sees it or a person was shown it."""

from __future__ import annotations

import numpy as np

from monai_ext.active.review import Evidence
from monai_ext.inferers import uncertainty_of

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
    landmarks = sight.landmarks()
    radius = np.full(len(landmarks), np.nan)
    try:
        predictor = model.predictor()
    except ConflictError:
        return Evidence(landmarks, radius)
    if predictor.version == sight.model_version:
        radius, _ = predictor.radius(landmarks, uncertainty_of(sight.predictions))
    return Evidence(landmarks, radius)
