"""Anatomical landmark detection in 2D medical images, in MONAI's dialect."""

__version__ = "0.1.0"
