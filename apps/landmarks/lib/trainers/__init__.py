"""Training tasks."""

from .landmark_train import LandmarkTrain
from .options import train_options
from .queue import training_queue

__all__ = ["LandmarkTrain", "train_options", "training_queue"]
