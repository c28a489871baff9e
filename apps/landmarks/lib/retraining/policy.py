"""When the server trains by itself."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from monai_ext.engines import TrainOptions
from monai_ext.landmarks import InputError

from ..trainers import LandmarkTrain, queue_training, refuse_busy_folder, training_queue
from ..trainers.ending import Ending
from .counter import LabelCounter
from .unfinished import Unfinished

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 1.0
#: Seconds until a training is asked for again that could not be begun.
SECONDS_AFTER_REFUSAL = 10.0
#: Servers that may end during one training before it is given up: it could be what ends them.
MOST_BEGINNINGS = 3
#: Exit codes of a process that was asked to end before it could save itself.
_SIGNALLED = (-signal.SIGINT, -signal.SIGTERM)


class Retraining:
    """Trains a protocol whenever enough of its final labels are new or corrected.

    A label counts once, however often it is corrected, until a training sees it: this one, one that a person asked for,
    or one of the command line. What comes while a training runs or waits counts for the next one. A training that
    failed is not repeated before as many labels have come again. One that ended with its server is begun again by the
    next server.

    Args:
        counter: counts the new labels.
        trainers: by protocol.
        after: how many labels are enough; 0: never.
    """

    def __init__(self, counter: LabelCounter, trainers: Mapping[str, LandmarkTrain], after: int) -> None:
        self.after = after
        self._counter, self._trainers = counter, trainers
        self._unfinished = {name: Unfinished(task.folder) for name, task in trainers.items()}
        self._lost: set[str] = set()
        self._not_before: dict[str, float] = {}
        self._refusals: dict[str, str] = {}

    def start(self) -> None:
        """Looks from time to time, in the background, whether a training is due."""
        if not self.after:
            return
        if not self._trainers:
            logger.warning("--conf train_after %d does nothing: training is switched off on this server.", self.after)
            return
        self.take_up()
        threading.Thread(target=self._watch, name="retraining", daemon=True).start()

    def take_up(self) -> None:
        """Finds the trainings that ended with an earlier server."""
        self._lost = {name for name, note in self._unfinished.items() if note.times()}

    def look(self) -> None:
        """Asks for the trainings that are due."""
        for name, task in self._trainers.items():
            if not training_queue.busy(name) and time.monotonic() >= self._not_before.get(name, 0.0):
                self._look_at(name, task)

    def stats(self) -> dict[str, dict[str, Any]]:
        """Of each protocol: ``labels_since``, ``train_after`` and why a training that is due does not begin."""
        if not self.after:
            return {}
        return {
            name: {
                "labels_since": self._counter.since(name),
                "train_after": self.after,
                **({"waiting": self._refusals[name]} if name in self._refusals else {}),
            }
            for name in self._trainers
        }

    def _watch(self) -> None:
        while True:
            try:
                self.look()
            except Exception:
                logger.exception("Whether a training is due could not be found out.")
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _look_at(self, name: str, task: LandmarkTrain) -> None:
        if name in self._lost and self._unfinished[name].times() >= MOST_BEGINNINGS:
            self._lost.discard(name)
            self._unfinished[name].end()
            logger.warning("The training of %s ended with its server %d times: it is given up.", name, MOST_BEGINNINGS)
        new = self._counter.since(name)
        if name in self._lost:
            logger.info("The training of %s, which ended with an earlier server, begins again.", name)
        elif new >= self.after:
            logger.info("%d final labels of %s are new: its network is trained.", new, name)
        else:
            self._refusals.pop(name, None)
            return
        self._begin(name, task)

    def _begin(self, name: str, task: LandmarkTrain) -> None:
        note = self._unfinished[name]
        try:
            refuse_busy_folder(task)
            note.begin()
            queue_training(task, TrainOptions(), partial(_ended, task, note))
        except (InputError, OSError) as error:
            sentence = str(error) if isinstance(error, InputError) else f"{note.path} cannot be written ({error})."
            if self._refusals.get(name) != sentence:
                logger.warning("The training of %s waits: %s", name, sentence)
            self._refusals[name] = sentence
            if name not in self._lost:
                note.end()
            self._not_before[name] = time.monotonic() + SECONDS_AFTER_REFUSAL
            return
        self._lost.discard(name)
        self._refusals.pop(name, None)
        self._counter.mark(name)


def _ended(task: LandmarkTrain, note: Unfinished, ending: Ending) -> str:
    """Takes the end of a training; one that was stopped though nobody asked ended with the server, as by Ctrl-C."""
    word = task.ended(ending)
    if ending.asked or not (word == "STOPPED" or ending.code in _SIGNALLED):
        note.end()
    return word
