"""Synthetic phantoms: images drawn around known landmarks, for samples, tests and pre-training."""

from .as_oct import make_as_oct
from .face import make_face
from .fundus import make_fundus
from .phantom import Phantom
from .sample_data import make_sample_data, phantom_stream

__all__ = ["Phantom", "make_as_oct", "make_face", "make_fundus", "make_sample_data", "phantom_stream"]
