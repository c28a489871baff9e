"""Synthetic frontal faces, drawn and shaded, with the 14 points of the face protocol."""

from __future__ import annotations

import numpy as np

from monai_ext.landmarks import Status

from .face_painting import paint_face
from .face_plan import NAMES, FacePlan, draw_face
from .phantom import Phantom


def make_face(rng: np.random.Generator) -> Phantom:
    """A random synthetic face, 236 to 288 pixels a side, RGB, with all 14 points in the picture.

    Args:
        rng: the only source of randomness: equal states give equal phantoms.
    """
    return render_face(draw_face(rng))


def render_face(plan: FacePlan) -> Phantom:
    """Draws a plan; a pure function of it."""
    status = np.full(len(NAMES), Status.DEFINED, dtype=np.int8)
    return Phantom(paint_face(plan), NAMES, plan.points, status)
