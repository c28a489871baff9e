"""Reviews of final labels in the background: saved ones at once, the others when a model has seen them."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

import numpy as np

from monai_ext.active import Evidence, implausible
from monai_ext.inferers import uncertainty_of
from monai_ext.landmarks import InputError, Protocol
from monai_ext.studies import Objects

from ..background import Background
from ..datastore import LandmarkDatastore
from ..errors import ConflictError
from ..pool import Sight
from ..proposals import Proposal, Proposals
from ..served_model import ServedModel
from .label_places import LabelPlaces, ReadLabel
from .review_note import NoteWriter, PendingNote, flags_of, has_outgrown, is_confirmed, note_of, review_note

logger = logging.getLogger(__name__)


def of_proposal(proposal: Proposal) -> Evidence:
    """Returns what was proposed to a person."""
    unknown = np.full(len(proposal.landmarks), np.nan)
    return Evidence(proposal.landmarks, unknown if proposal.radius is None else proposal.radius)


def of_sight(sight: Sight, model: ServedModel) -> Evidence:
    """Returns what was seen, with the radii of the model's calibration; none where the model was replaced meanwhile.

    Raises:
        InputError: the image cannot be read any more.
    """
    landmarks = sight.landmarks()
    radius = np.full(len(landmarks), np.nan)
    try:
        predictor = model.predictor()
    except ConflictError:
        return Evidence(landmarks, radius)
    if predictor.version == sight.model_version:
        radius, _ = predictor.radius(landmarks, sight.predictions, uncertainty_of(sight.predictions))
    return Evidence(landmarks, radius)


class _Task(NamedTuple):
    """A label to look at; a protocol without an image stands for all its labels."""

    protocol: str
    image: str = ""
    proposal: Proposal | None = None
    label: ReadLabel | None = None


class LabelReviewer:
    """Notes in the info of each final label what is implausible about it.

    A saved label is set against what the model proposed and against the other labels, after its save was answered.
    What a later model says of it comes from the background worker, as one that looks on (see
    :class:`~lib.pool.Looker`): while a protocol's images are scored, or when :meth:`review_all` asks for it. A label
    that a person has confirmed (``reviewed`` in its info) is left alone until it is saved again.

    Args:
        datastore: the studies.
        models: the served models by protocol.
        proposals: what was proposed for each image.
        look_again: called with a protocol whose labels the background worker is to see.
        unreadable: tells the images of a protocol that the background worker cannot read, so that none waits for it.
    """

    def __init__(
        self,
        datastore: LandmarkDatastore,
        models: Mapping[str, ServedModel],
        proposals: Proposals,
        look_again: Callable[[str], None],
        unreadable: Callable[[str], Collection[str]] = lambda protocol: (),
    ) -> None:
        self._look_again, self._unreadable = look_again, unreadable
        self._datastore, self._models, self._proposals = datastore, models, proposals
        self._protocols: dict[str, Protocol] = {name: model.protocol for name, model in models.items()}
        self._places = LabelPlaces(datastore, self._protocols)
        self._notes = NoteWriter(datastore)
        self._background = Background("review", self._serve)
        self._tasks: deque[_Task] = deque()
        self._urgent: set[str] = set()
        self._stats: tuple[Objects, dict[str, dict[str, int]]] | None = None

    # Any thread

    def saved(self, protocol: str, image: str, proposal: Proposal | None, label: ReadLabel | None = None) -> None:
        """Looks at a final label that was saved a moment ago.

        Args:
            protocol: of the label.
            image: its ID.
            proposal: what was proposed for it, if anything.
            label: as it was saved, where that is known.
        """
        self._add(_Task(protocol, image, proposal, label))

    def review_all(self, protocol: str) -> None:
        """Looks at all final labels of a protocol: by the other labels now, by the model when the worker sees them."""
        self._add(_Task(protocol))

    def stats(self) -> dict[str, dict[str, int]]:
        """For each served protocol how many final labels there are, were reviewed, flagged and confirmed, and wait."""
        objects = self._datastore.objects
        known = self._stats
        if known is None or known[0] is not objects:
            known = self._stats = (objects, self._count(objects))
        waiting = [self._places.protocol(image) for image in self._awaited(objects)]
        return {name: {**numbers, "waiting": waiting.count(name)} for name, numbers in known[1].items()}

    # The background worker's thread

    def wants(self, protocol: str, image: str, model_version: str) -> bool:
        """Returns whether a model has to look at the final label of an image."""
        entry = self._datastore.objects.get(image)
        label = None if entry is None else entry.labels.get("final")
        if label is None or is_confirmed(label.info) or self._places.protocol(image) != protocol:
            return False
        waiting = self._notes.get(image)
        note = note_of(label.info) if waiting is None or waiting.sha256 != label.sha256 else waiting.note
        if note is None or image in self._urgent or note["model_version"] != model_version:
            return True
        return has_outgrown(self._places.count(protocol) - 1, note["labels"])

    def look(self, sight: Sight) -> None:
        """Sets a label against what the current model found in its image."""
        if not self.wants(sight.protocol, sight.image, sight.model_version):
            return
        evidence = of_sight(sight, self._models[sight.protocol])
        self._urgent.discard(sight.image)
        self._examine(sight.image, evidence, sight.model_version)
        self._wake()

    # The thread of this reviewer

    def _add(self, task: _Task) -> None:
        self._tasks.append(task)
        self._wake()

    def _wake(self) -> None:
        self._background.start()
        self._background.wake()

    def _serve(self) -> float | None:
        """Works off the tasks and writes the notes that are due; returns the seconds until others are."""
        tasks = [self._tasks.popleft() for _ in range(len(self._tasks))]
        for task in tasks:
            try:
                self._work(task)
            except Exception:  # of this program; the labels themselves are saved
                logger.exception("The labels of %s could not be reviewed.", task.image or task.protocol)
        if tasks or self._notes.seconds_left() == 0:
            self._notes.write()
        return self._notes.seconds_left()

    def _work(self, task: _Task) -> None:
        if task.label is not None:
            self._places.read(task.image, task.label)
        self._places.update()
        if task.image:
            evidence = None if task.proposal is None else of_proposal(task.proposal)
            version = None if task.proposal is None else task.proposal.model_version
            self._examine(task.image, evidence, version, task.label)
            self._catch_up(task.protocol)
            return
        labelled = self._labelled(task.protocol)
        if self._models[task.protocol].is_ready():
            objects = self._datastore.objects
            self._urgent.update(image for image in labelled if _is_open(objects, image))
            self._look_again(task.protocol)
            return
        for image in labelled:
            self._examine(image, None, None)

    def _catch_up(self, protocol: str) -> None:
        """Looks again at labels that were reviewed when there were too few others to judge orders."""
        count = self._places.count(protocol) - 1
        objects = self._datastore.objects
        for image in self._labelled(protocol):
            info = objects[image].labels["final"].info
            note = note_of(info)
            if note is None or is_confirmed(info) or not has_outgrown(count, note["labels"]):
                continue
            proposal = self._proposals.get(protocol, image, self._datastore.image_state(image))
            version = note["model_version"]
            if version is None:
                self._examine(image, None, None)
            elif proposal is not None and proposal.model_version == version:
                self._examine(image, of_proposal(proposal), version)

    def _awaited(self, objects: Objects) -> list[str]:
        """The images that a model is still to look at, of those that it was asked to."""
        unreadable = {image for protocol in self._protocols for image in self._unreadable(protocol)}
        return [image for image in tuple(self._urgent) if image not in unreadable and _is_open(objects, image)]

    def _labelled(self, protocol: str) -> list[str]:
        return [
            image
            for image, entry in self._datastore.objects.items()
            if "final" in entry.labels and self._places.protocol(image) == protocol
        ]

    def _examine(
        self, image: str, evidence: Evidence | None, version: str | None, saved: ReadLabel | None = None
    ) -> None:
        """Reviews the final label of an image; the note waits to be written."""
        found = self._places.read(image, saved)
        if found is None:
            return
        protocol, label, sha256 = found
        orders, others = self._places.orders_beside(protocol.name, image)
        seen, radius = (None, None) if evidence is None else (evidence.landmarks, evidence.radius)
        if seen is not None and seen.frame.spacing != label.frame.spacing:
            radius = None  # in another unit of length: the pixel size was stated or changed meanwhile
        try:
            flags = implausible(label, seen, radius, protocol, orders)
        except InputError as error:
            logger.warning("The final label of %s is not reviewed: %s", image, error)
            return
        self._notes.add(image, PendingNote(sha256, review_note(flags, version, others)))

    def _count(self, objects: Objects) -> dict[str, dict[str, int]]:
        counts = {name: {"labels": 0, "reviewed": 0, "flagged": 0, "confirmed": 0} for name in self._protocols}
        for image, entry in objects.items():
            label = entry.labels.get("final")
            numbers = None if label is None else counts.get(self._places.protocol(image) or "")
            if label is not None and numbers is not None:
                numbers["labels"] += 1
                numbers["reviewed"] += note_of(label.info) is not None
                numbers["flagged"] += bool(flags_of(label.info))
                numbers["confirmed"] += is_confirmed(label.info)
        return counts


def _is_open(objects: Objects, image: str) -> bool:
    """Returns whether an image has a final label that no person has confirmed."""
    entry = objects.get(image)
    label = None if entry is None else entry.labels.get("final")
    return label is not None and not is_confirmed(label.info)
