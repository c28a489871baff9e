"""Training and validation on MONAI's engines."""

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
