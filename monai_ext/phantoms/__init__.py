"""Synthetic phantoms: images drawn around known landmarks, for samples, tests and pre-training."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .as_oct import make_as_oct, render_as_oct
    from .as_oct_plan import draw_as_oct
    from .face import make_face, render_face
    from .face_plan import FacePlan, draw_face
    from .fundus import make_fundus, render_fundus
    from .fundus_plan import draw_fundus
    from .landmark_pictures import write_pictures
    from .phantom import PICTURED_PROTOCOLS, SAMPLE_PROTOCOLS, Phantom
    from .sample_data import make_sample_data, phantom_stream

__all__ = [
    "PICTURED_PROTOCOLS",
    "SAMPLE_PROTOCOLS",
    "FacePlan",
    "Phantom",
    "draw_as_oct",
    "draw_face",
    "draw_fundus",
    "make_as_oct",
    "make_face",
    "make_fundus",
    "make_sample_data",
    "phantom_stream",
    "render_as_oct",
    "render_face",
    "render_fundus",
    "write_pictures",
]

lazy_face(__name__)
