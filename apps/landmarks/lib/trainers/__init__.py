"""Training tasks."""

from .asking import queue_training, refuse_busy_folder
from .landmark_train import LandmarkTrain
from .options import train_options
from .queue import training_queue
from .task_list import TrainingTasks

__all__ = [
    "LandmarkTrain",
    "TrainingTasks",
    "queue_training",
    "refuse_busy_folder",
    "train_options",
    "training_queue",
]
