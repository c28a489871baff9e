"""Training tasks."""

from .asking import TrainingTasks, queue_training, refuse_busy_folder
from .landmark_train import LandmarkTrain, train_options
from .queue import training_queue

__all__ = [
    "LandmarkTrain",
    "TrainingTasks",
    "queue_training",
    "refuse_busy_folder",
    "train_options",
    "training_queue",
]
