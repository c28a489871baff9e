"""Training tasks."""

from .asking import queue_training, refuse_busy_folder, training_request
from .landmark_train import LandmarkTrain
from .options import train_options
from .queue import training_queue

__all__ = [
    "LandmarkTrain",
    "queue_training",
    "refuse_busy_folder",
    "train_options",
    "training_queue",
    "training_request",
]
