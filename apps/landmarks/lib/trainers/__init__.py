"""Training tasks."""

from .landmark_train import LandmarkTrain, train_options
from .queue import training_queue

__all__ = ["LandmarkTrain", "train_options", "training_queue"]
