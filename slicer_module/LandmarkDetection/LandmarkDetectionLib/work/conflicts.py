"""Labels that somebody else saved between the opening of an image and the sending of its points."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ..errors import ClientError, Overtaken, Refused
from ..server.client import LandmarkClient
from ..server.images import DRAFT, FINAL, ImageEntry, LabelInfo
from ..server.json_fields import Position
from ..words import tr as _
from .label_document import read_label
from .records import Submission, WorkRecord

#: A point within this many pixels of another is at the same place.
SAME_PIXELS = 1e-3
#: What a label says of a landmark: its positionStatus and position.
_Word = tuple[str, "Position | None"]


def labels_seen(entry: ImageEntry) -> dict[str, float | None]:
    """When each label of an image was saved, by tag, as the person has it before them."""
    return {tag: entry.labels[tag].updated for tag in (FINAL, DRAFT) if tag in entry.labels}


def check_not_overtaken(client: LandmarkClient, submission: Submission) -> None:
    """Refuses a label that would replace one that its sender has not seen; nothing is sent.

    A draft counts too, since a finished label ends it. One's own label, whose answer was lost or that was sent from
    the same work before, is no conflict.

    Raises:
        Overtaken: somebody else saved a label of the image since it was opened.
    """
    seen = submission.record.labels
    entry = None if seen is None else client.images(submission.image).get(submission.image)
    if seen is None or entry is None:
        return
    now = labels_seen(entry)
    new = [entry.labels[tag] for tag in now if tag not in seen or now[tag] != seen[tag]]
    task = submission.record.task
    others = [
        label for label in new if label.protocol in ("", task.name) and not _is_own(client, submission, label)
    ]  # the server itself refuses to replace a label of another protocol
    if others:
        raise Overtaken(_sentence(submission.image, others[0]), now)


def _sentence(image: str, label: LabelInfo) -> str:
    words = _("{who} submitted {image} after you opened it{when}.")
    if label.tag == DRAFT:
        words = _("{who} saved a draft of {image} after you opened it{when}.")
    when = "" if label.updated is None else time.strftime(" (%Y-%m-%d %H:%M)", time.localtime(label.updated))
    return words.format(who=label.annotator or _("Somebody"), image=image, when=when)


def _is_own(client: LandmarkClient, submission: Submission, label: LabelInfo) -> bool:
    """Tests that a label of the server is this very submission, or what the same work sent before."""
    annotator = str(submission.params.get("annotator", ""))  # without one the server names its own user
    if annotator and label.annotator.casefold() != annotator.casefold():
        return False
    record = submission.record
    try:
        points = read_label(client.download_label(submission.image, label.tag), record.task, record.geometry)
    except Refused as error:
        if error.status == 404:  # deleted meanwhile
            return True
        raise
    except ClientError:  # of another placement or another definition: no label of this work
        return False
    stored = {point.name: (point.status, point.position) for point in points}
    sent = {point.name: (point.word, point.position) for point in record.points}
    return any(_same(record, stored, own) for own in (sent, _saved(record, label.tag)))


def _saved(record: WorkRecord, tag: str) -> Mapping[str, _Word]:
    """What the work last had under a tag on the server; empty without it."""
    if record.saved is None or record.saved_tag != tag:
        return {}
    saved = zip(record.points, record.saved)
    return {point.name: (point.word_of(status), position) for point, (status, position) in saved}


def _same(record: WorkRecord, one: Mapping[str, _Word], other: Mapping[str, _Word]) -> bool:
    def near(a: Position | None, b: Position | None) -> bool:
        if a is None or b is None:
            return a is b
        return record.geometry.pixel_distance(a, b) <= SAME_PIXELS

    pairs = ((one[name], other[name]) for name in one if name in other)
    return one.keys() == other.keys() and all(a[0] == b[0] and near(a[1], b[1]) for a, b in pairs)
