"""Training and validation on MONAI's engines."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .dataset import LabelledImage, labelled_images, read_labels, split_images
    from .options import TrainOptions, TrainResult
    from .train import train_model

__all__ = [
    "LabelledImage",
    "TrainOptions",
    "TrainResult",
    "labelled_images",
    "read_labels",
    "split_images",
    "train_model",
]

lazy_face(__name__)
