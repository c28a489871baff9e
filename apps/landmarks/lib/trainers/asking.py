"""Trainings as requests ask for them: their start, and the list of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monailabel.utils.async_tasks.utils import tasks

from monai_ext.engines import TrainOptions
from monai_ext.models import FolderBusyError, check_free

from ..errors import ConflictError, StorageError
from .landmark_train import LandmarkTrain
from .progress import ACTIVE
from .queue import METHOD, WORDS, OnEnd, training_queue


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
        StorageError: there is no room to record that it was requested.
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


_ACTIVE_WORDS = tuple(WORDS[status] for status in ACTIVE)


class TrainingTasks:
    """The trainings as MONAI Label describes them.

    The last training of each protocol has the state that its progress has, whichever server started it: one that ended
    with an earlier server is still told. Older ones stand as they ended, and those that wait behind it as they wait.
    """

    def __init__(self, trainers: Mapping[str, LandmarkTrain]) -> None:
        states = {name: trainer.state() for name, trainer in trainers.items()}
        known = {task["id"]: dict(task) for task in tasks(METHOD)}
        self._present = [
            _described(progress, record or _unknown(name), known)
            for name, (progress, record) in states.items()
            if progress["status"] != "never"
        ]
        known.update((task["id"], task) for task in self._present)
        self._all = sorted(known.values(), key=lambda task: str(task["start_ts"]))

    def all(self) -> list[dict[str, Any]]:
        """All of them, in the order in which they were requested."""
        return self._all

    def active(self) -> dict[str, Any] | None:
        """The one that runs, else the next one that waits; None if none does."""
        active = [task for task in self._present if task["status"] in _ACTIVE_WORDS]
        return min(active, key=lambda task: (task["status"] != WORDS["running"], task["start_ts"]), default=None)

    def last(self) -> dict[str, Any] | None:
        """The one that goes on, else the one that ended last; None if there was none."""
        return self.active() or max(
            self._present, key=lambda task: (task.get("end_ts", task["start_ts"]), task["start_ts"]), default=None
        )


def _described(
    progress: Mapping[str, Any], record: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """A training with the last words of its process where this server heard them, else with the reason why it ended."""
    heard = known.get(record["id"], {})
    details = heard.get("details") or ([progress["message"]] if progress.get("message") else [])
    return {**heard, **record, "status": WORDS[progress["status"]], "details": details}


def _unknown(protocol: str) -> dict[str, Any]:
    """Returns what is said of a training of which only the progress was kept."""
    return {"id": protocol, "request": {"model": protocol}, "start_ts": ""}
