"""Proposals from the latest final labels of a protocol, as long as it has no network."""

from __future__ import annotations

import logging
import math
import threading
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

from monai_ext.images import file_states
from monai_ext.inferers import MOST, FileMatcher, FirstLabels, LabelledView
from monai_ext.landmarks import FileState, InputError, Landmarks, Protocol
from monai_ext.networks import find_device
from monai_ext.studies import Objects

from ..datastore import LandmarkDatastore
from ..served_labels import FinalLabels
from ..served_model import NoModelError

logger = logging.getLogger(__name__)

#: What answers are said to come from in place of a version.
VERSION = "first-labels"

#: Sets of labels that are kept ready: that of all images, and those for images that have one of the labels themselves.
_KEPT = 3


class _Source(NamedTuple):
    """A labelled image by the states of its files."""

    image: tuple[FileState, ...]
    label: FileState


#: The labelled images that a proposal depends on.
Sources = tuple[_Source, ...]


class _Ready(NamedTuple):
    """A set of labelled images, and why it cannot be used for other images; empty if it can.

    Attributes:
        images: how many it has; those that cannot be read are left out.
    """

    first: FirstLabels
    doubt: str
    images: int


class LabelMatcher:
    """Finds the landmarks of the latest final labels in other images; safe to use from many threads.

    What is kept follows the files: a label that is added, corrected or deleted counts from the next proposal on.
    Nothing is stored; what a person makes of a proposal and submits is a label as any other.

    Args:
        protocol: the served protocol.
        datastore: the studies.
        finals: tells the labels of the protocol.
    """

    def __init__(self, protocol: Protocol, datastore: LandmarkDatastore, finals: FinalLabels) -> None:
        self._protocol, self._datastore, self._finals = protocol, datastore, finals
        self._lock = threading.Lock()
        self._matcher: FileMatcher | None = None
        self._read: dict[_Source, LabelledView] = {}
        self._sets: OrderedDict[Sources, _Ready] = OrderedDict()
        self._latest: tuple[Objects, tuple[str, ...]] | None = None

    def count(self) -> int:
        """Number of labelled images."""
        return len(self._images())

    def sources(self, image: str) -> Sources:
        """The labelled images that a proposal for an image depends on, never itself; the latest, in order of their IDs.

        Args:
            image: its ID.

        Raises:
            NoModelError: there is none.
        """
        others = sorted([name for name in self._images() if name != image][:MOST])
        sources = []
        for name in others:
            image_states = file_states(Path(self._datastore.get_image_uri(name)))
            label = FileState.of(Path(self._datastore.get_label_uri(name, "final")))
            if image_states and label is not None:  # else it was deleted meanwhile
                sources.append(_Source(image_states, label))
        if not sources:
            raise NoModelError(
                f"The protocol {self._protocol.name} has no trained network yet, and no other image has a final label: "
                "label some, then train it."
            )
        return tuple(sources)

    def predict(self, image: Path, image_id: str) -> tuple[Landmarks, str]:
        """The landmarks that the labelled images propose for an image, and a sentence that says how they were found.

        Args:
            image: the file.
            image_id: its ID; its own label is not looked at.

        Raises:
            NoModelError: there are no labelled images, or they do not match this one.
            InputError: the image, or every labelled one, cannot be read.
        """
        sources = self.sources(image_id)
        with self._lock:  # images are seen one at a time: what the first one makes ready the others need too
            ready = self._make_ready(sources)
            assert self._matcher is not None
            matcher = self._matcher
        if ready.doubt:
            raise self._nothing(ready.doubt)
        landmarks, proposal = matcher.propose(ready.first, image)
        if not proposal.holds:
            raise self._nothing(f"{_labelled(ready.images)} not enough like this one to find its landmarks by")
        count = f"{ready.images} labelled image{'' if ready.images == 1 else 's'}"
        return landmarks, f"Matched with {count}, as there is no trained network yet: check each point."

    def _make_ready(self, sources: Sources) -> _Ready:
        if self._matcher is None:
            self._matcher = FileMatcher(self._protocol, find_device("auto"))
        if sources not in self._sets:
            views = self._views(sources)
            first = self._matcher.first_labels(views)
            self._sets[sources] = _Ready(first, _doubt(first), len(views))
            while len(self._sets) > _KEPT:
                self._sets.popitem(last=False)
            needed = {source for kept in self._sets for source in kept}
            self._read = {source: view for source, view in self._read.items() if source in needed}
        self._sets.move_to_end(sources)
        return self._sets[sources]

    def _views(self, sources: Sources) -> list[LabelledView]:
        """The labelled images; one that cannot be read is left out with a warning."""
        views, problems = [], []
        for source in sources:
            try:
                views.append(self._labelled(source))
            except InputError as error:
                problems.append(error)
                logger.warning("A labelled image is left out of matching: %s", error)
        if not views:
            raise problems[0]
        return views

    def _labelled(self, source: _Source) -> LabelledView:
        if source not in self._read:
            assert self._matcher is not None
            self._read[source] = self._matcher.labelled(Path(source.image[0].path), Path(source.label.path))
        return self._read[source]

    def _images(self) -> tuple[str, ...]:
        """The images with a final label of the protocol, the latest first."""
        objects, known = self._datastore.objects, self._latest
        if known is None or known[0] is not objects:
            finals = self._finals.of(self._protocol.name, objects)
            images = tuple(sorted(finals, key=lambda image: (-_time(finals[image].info.get("ts")), image)))
            known = self._latest = (objects, images)
        return known[1]

    def _nothing(self, reason: str) -> NoModelError:
        name = self._protocol.name
        return NoModelError(
            f"The protocol {name} has no trained network yet, and {reason}: label more images, then train it with "
            f"POST /train/{name}."
        )


def _doubt(first: FirstLabels) -> str:
    """Reason why labelled images cannot be matched with others; empty if they can."""
    errors = first.leave_one_out()
    if errors is None or errors.matched < errors.placed or math.isnan(errors.placed):  # they share no landmark
        return ""
    return "its labelled images find each other's landmarks no better than by where they usually lie"


def _labelled(count: int) -> str:
    return "its one labelled image is" if count == 1 else f"its {count} labelled images are"


def _time(stamp: object) -> float:
    return float(stamp) if isinstance(stamp, int | float) else 0.0
