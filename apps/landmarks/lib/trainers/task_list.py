"""``GET /train/``: the trainings of this server, told from the progress that ``GET /info/`` tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monailabel.utils.async_tasks.utils import tasks

from .landmark_train import LandmarkTrain
from .progress import ACTIVE
from .queue import METHOD
from .task_record import WORDS

_ACTIVE_WORDS = tuple(WORDS[status] for status in ACTIVE)


class TrainingTasks:
    """The trainings as MONAI Label describes them.

    The last training of each protocol has the state that its progress has, whichever server started it: one that ended
    with an earlier server is still told. Older ones stand as they ended, and those that wait behind it as they wait.

    Args:
        trainers: the trainers by protocol.
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
        """All of them, in the order in which they were asked for."""
        return self._all

    def active(self) -> dict[str, Any] | None:
        """The one that runs, else the next one that waits; None where none does."""
        active = [task for task in self._present if task["status"] in _ACTIVE_WORDS]
        return min(active, key=lambda task: (task["status"] != WORDS["running"], task["start_ts"]), default=None)

    def last(self) -> dict[str, Any] | None:
        """The one that goes on, else the one that ended last; None where there was none."""
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
    """What is said of a training of which only the progress was kept."""
    return {"id": protocol, "request": {"model": protocol}, "start_ts": ""}
