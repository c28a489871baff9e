"""Training that the server begins by itself when enough was labelled."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from monai_ext.engines import SEEN_LABELS, TrainOptions, add_seen_labels, read_seen_labels
from monai_ext.landmarks import FileState, InputError, read_json, write_json_atomically
from monai_ext.studies import Objects

from .background import Background
from .datastore import LandmarkDatastore
from .served_labels import FinalLabels
from .trainers import LandmarkTrain, training_queue
from .trainers.ending import Ending

logger = logging.getLogger(__name__)


class LabelCounter:
    """Counts by comparing the labels that there are with those that were seen, so that no count is lost or kept.

    Safe to use from many threads.

    Args:
        datastore: the studies folder.
        finals: tells the labels of each protocol.
        model_root: holds the folders of their models, in which what was seen is recorded.
    """

    def __init__(self, datastore: LandmarkDatastore, finals: FinalLabels, model_root: Path) -> None:
        self._datastore, self._finals, self._root = datastore, finals, model_root
        self._unwritten: dict[str, dict[str, str]] = {}
        self._warned: set[str] = set()
        self._counts: dict[str, tuple[Objects, FileState | None, int]] = {}

    def since(self, protocol: str) -> int:
        """Returns how many images have a final label of a protocol that no training has seen as it is now."""
        objects, state = self._datastore.objects, FileState.of(self._root / protocol / SEEN_LABELS)
        known = self._counts.get(protocol)
        if known is not None and known[0] is objects and known[1] == state:
            return known[2]
        seen = self._seen(protocol)
        count = sum(seen.get(image) != sha256 for image, sha256 in self._present(protocol, objects).items())
        self._counts[protocol] = (objects, state, count)
        return count

    def mark(self, protocol: str) -> None:
        """Takes all present labels of a protocol for seen; where there is no room to write it, for this process."""
        present = self._present(protocol, self._datastore.objects)
        try:
            add_seen_labels(self._root / protocol, present)
            self._unwritten.pop(protocol, None)
        except OSError as error:
            logger.warning("The list of labels of %s that were seen cannot be written: %s", protocol, error)
            self._unwritten[protocol] = present
        self._counts.pop(protocol, None)

    def _present(self, protocol: str, objects: Objects) -> dict[str, str]:
        """The SHA-256 of each final label of a protocol by image ID."""
        finals = self._finals.of(protocol, objects)
        return {image: label.sha256 for image, label in finals.items() if label.sha256}

    def _seen(self, protocol: str) -> dict[str, str]:
        try:
            seen = read_seen_labels(self._root / protocol)
        except InputError as error:
            if str(error) not in self._warned:
                self._warned.add(str(error))
                logger.warning("All labels of %s count as new: %s", protocol, error)
            seen = {}
        return {**seen, **self._unwritten.get(protocol, {})}


_BEGUN_FILE = "retraining.json"


class Unfinished:
    """The note on one protocol's automatic training."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _BEGUN_FILE

    def times(self) -> int:
        """Returns how often the training was begun that has not ended; 0 where none is unfinished."""
        if not self.path.is_file():
            return 0
        try:
            document = read_json(self.path)
            times = document["begun"]
        except (InputError, LookupError, TypeError) as error:
            logger.warning("%s is damaged and ignored: %s", self.path, error)
            return 0
        return times if isinstance(times, int) else 0

    def begin(self) -> None:
        """Notes that the training begins, or begins again.

        Raises:
            OSError: there is no room.
        """
        write_json_atomically(self.path, {"begun": self.times() + 1})

    def put_back(self, times: int) -> None:
        """Notes that it could not be begun: it counts as begun as often as before."""
        if times == 0:
            self.end()
            return
        try:
            write_json_atomically(self.path, {"begun": times})
        except OSError as error:
            logger.warning("%s cannot be written: %s", self.path, error)

    def end(self) -> None:
        """Notes that it has ended, however."""
        self.path.unlink(missing_ok=True)


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
        Background("retraining", self._watch).start()

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

    def _watch(self) -> float:
        self.look()
        return SECONDS_BETWEEN_LOOKS

    def _look_at(self, name: str, task: LandmarkTrain) -> None:
        if name in self._lost and self._unfinished[name].times() >= MOST_BEGINNINGS:
            self._lost.discard(name)
            self._unfinished[name].end()
            logger.warning(
                "The training of %s ended with its server %d times: it is not repeated.", name, MOST_BEGINNINGS
            )
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
        times = note.times()
        try:
            task.refuse_busy_folder()
            note.begin()
            task.queue(TrainOptions(), partial(_ended, task, note))
        except (InputError, OSError) as error:
            sentence = str(error) if isinstance(error, InputError) else f"{note.path} cannot be written ({error})."
            if self._refusals.get(name) != sentence:
                logger.warning("The training of %s waits: %s", name, sentence)
            self._refusals[name] = sentence
            note.put_back(times)
            self._not_before[name] = time.monotonic() + SECONDS_AFTER_REFUSAL
            return
        self._lost.discard(name)
        self._refusals.pop(name, None)
        self._counter.mark(name)


def _ended(task: LandmarkTrain, note: Unfinished, ending: Ending) -> str:
    """Takes the end of a training; one that stopped without a request ended with the server, as by Ctrl-C."""
    word = task.ended(ending)
    if ending.asked or not (word == "STOPPED" or ending.code in _SIGNALLED):
        note.end()
    return word
