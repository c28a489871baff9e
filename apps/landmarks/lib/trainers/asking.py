"""Asking for a training: by a request, or by the server itself."""

from __future__ import annotations

from typing import Any

from monai_ext.engines import TrainOptions
from monai_ext.models import FolderBusyError, check_free

from ..errors import ConflictError, StorageError
from .landmark_train import LandmarkTrain
from .queue import OnEnd, training_queue


def refuse_busy_folder(task: LandmarkTrain) -> None:
    """Refuses where another program trains the same network.

    Raises:
        ConflictError: it does, and this server's queue does not.
    """
    if training_queue.busy(task.model.protocol.name):
        return
    try:
        check_free(task.folder)
    except FolderBusyError as error:
        raise ConflictError(str(error)) from None


def queue_training(task: LandmarkTrain, options: TrainOptions, on_end: OnEnd | None = None) -> dict[str, Any]:
    """Queues a training; returns its task as MONAI Label describes it.

    Args:
        task: of the protocol.
        options: of the run.
        on_end: takes how the process ended in the place of the task, which it has to tell.

    Raises:
        StorageError: there is no room to record that it was asked for.
    """
    try:
        return training_queue.submit(
            task.request(options), lambda asked: task.announce(options, asked), on_end or task.ended
        )
    except OSError as error:
        name = task.model.protocol.name
        raise StorageError(
            f"The progress of training {name!r} cannot be written ({error.strerror}): free some space on the disk."
        ) from None
