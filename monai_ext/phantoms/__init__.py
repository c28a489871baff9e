"""Synthetic phantoms: images drawn around known landmarks, for samples, tests and pre-training."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .as_oct import make_as_oct
    from .face import make_face
    from .fundus import make_fundus
    from .phantom import Phantom
    from .sample_data import make_sample_data, phantom_stream

__all__ = ["Phantom", "make_as_oct", "make_face", "make_fundus", "make_sample_data", "phantom_stream"]

lazy_face(__name__)
