"""Training tasks."""

from .landmark_train import LandmarkTrain, train_options

__all__ = ["LandmarkTrain", "train_options"]
