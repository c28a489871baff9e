"""Jobs for a worker thread: several requests that belong together, with one result for the session.

A job takes plain values and a client, changes nothing of the session, and raises ``ClientError`` with one sentence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import BadAnswer, ClientError, OtherFrame, Refused, WrongDefinition
from ..server.client import LandmarkClient
from ..server.geometry import Geometry
from ..server.images import ImageEntry, ImageList, LabelVersion
from ..server.prediction import Prediction, unfamiliar_words
from ..server.server_info import ServerInfo
from ..server.task_definition import TaskDefinition
from ..words import tr as _
from .conflicts import check_not_overtaken, labels_seen
from .proposal import noted_answer
from .records import Submission, WorkRecord


@dataclass(frozen=True)
class Refreshed:
    """The server as it is now."""

    info: ServerInfo
    images: ImageList


@dataclass(frozen=True)
class OpenedImage:
    """An image that was fetched.

    Attributes:
        path: the file; its name and extension are the server's.
        record: the work to begin or to go on with.
        notice: one sentence where something about its label should be known; else empty.
    """

    path: Path
    record: WorkRecord
    notice: str = ""

    @property
    def image(self) -> str:
        return self.record.image


@dataclass(frozen=True)
class Sent:
    """A label that the server has stored, with what it recorded.

    Attributes:
        address: of the server that has it.
        server: what the server offers: a new network or a training of its own, and what a first label makes possible.
    """

    submission: Submission
    info: dict[str, Any]
    address: str
    server: ServerInfo


def refresh(client: LandmarkClient) -> Refreshed:
    """Fetches protocols, networks and images; for connecting, and after changes."""
    return Refreshed(client.info(), client.images())


def open_image(
    client: LandmarkClient, task: TaskDefinition, entry: ImageEntry, folder: Path, suggestion: bool = True
) -> OpenedImage:
    """Fetches an image with its geometry and its label: draft, else final, else the stored proposal.

    A label of another protocol is left alone, with a notice.
    """
    geometry = client.frame(entry.id)  # first: of an image that is replaced now, no label is taken for the new one
    path = client.download_image(entry.id, folder)
    tags = [tag for tag in ("draft", "final") if tag in entry.labels] + ["original"] * suggestion
    notice = ""
    for tag in tags:
        label = entry.labels.get(tag)
        if label is None:
            continue
        if label.protocol not in ("", task.name):
            if tag != "original":
                notice = _("{image} has a {tag} label of the protocol {protocol}: choose that to open it.").format(
                    image=entry.id, tag=tag, protocol=label.protocol
                )
            continue
        found = _label_record(client, task, entry.id, tag, geometry)
        if found is not None:
            record, info = found
            if tag != "original":
                return _opened(client, path, record, entry, _former_words(entry.id, info, geometry))
            answer = noted_answer(info, task)
            if answer is not None and answer.unfamiliar:
                notice = notice or unfamiliar_words()
            return _opened(client, path, record, entry, notice)
    return _opened(client, path, WorkRecord.empty(task, entry.id, geometry), entry, notice)


def _former_words(image: str, info: dict[str, Any], geometry: Geometry) -> str:
    """One sentence where a label was made on another image, which this one has replaced; else empty."""
    if not geometry.is_of_another(info.get("image_revision")):
        return ""
    sentence = _("The label of {image} was made on the image that it was before: check each point.")
    return sentence.format(image=image)


def _opened(client: LandmarkClient, path: Path, record: WorkRecord, entry: ImageEntry, notice: str = "") -> OpenedImage:
    record = replace(record, server=client.url, reader=client.annotator, labels=labels_seen(entry))
    return OpenedImage(path, record, notice)


def detect(client: LandmarkClient, task: TaskDefinition, image: str, keep: bool = False) -> Prediction:
    """Predicts an image; with ``keep`` the server stores the result as its proposal, beside any label.

    Raises:
        WrongDefinition: the server means other landmarks by the protocol's name now.
    """
    return Prediction.from_document(client.infer(task.name, image, keep).document, task)


def send(client: LandmarkClient, submission: Submission) -> Sent:
    """Stores a label, after a look whether the server still means the same landmarks and has the same labels.

    Raises:
        WrongDefinition: it means others; nothing is sent.
        Overtaken: somebody else saved a label since the image was opened; nothing is sent.
    """
    task = submission.record.task
    known = client.info()
    check_definition(known, task)
    check_not_overtaken(client, submission)
    info = client.save_label(submission.image, submission.markups, submission.params, submission.tag)
    first = submission.tag == "final" and task.name not in known.models  # from the first label on it may Auto-detect
    return Sent(submission, info, client.url, _info_or(known, client) if first else known)


def _info_or(known: ServerInfo, client: LandmarkClient) -> ServerInfo:
    """The server's information; what is known if it does not answer, which does not undo the label saved before."""
    try:
        return client.info()
    except ClientError:
        return known


def check_definition(info: ServerInfo, task: TaskDefinition) -> None:
    """Raises WrongDefinition where the server lacks a task, or means other landmarks by its name."""
    present = info.tasks.get(task.name)
    if present is None:
        known = ", ".join(info.tasks) or "none"
        sentence = _(
            "This server does not have the protocol {protocol} (it has {known}): your points stay in the "
            "scene; connect to the server that has it."
        )
        raise WrongDefinition(sentence.format(protocol=task.name, known=known))
    difference = task.difference(present)
    if difference:
        sentence = _(
            "The server's protocol {protocol} differs from the open one: it {difference}; your points stay "
            "in the scene and nothing was sent."
        )
        raise WrongDefinition(sentence.format(protocol=task.name, difference=difference))


def label_versions(client: LandmarkClient, image: str) -> tuple[LabelVersion, ...]:
    """The earlier versions of the final label and of the draft of an image, the last one that ended first."""
    found = [version for tag in ("final", "draft") for version in client.label_versions(image, tag)]
    return tuple(sorted(found, key=lambda version: version.ended, reverse=True))


def restore(
    client: LandmarkClient, task: TaskDefinition, image: str, version: LabelVersion, folder: Path
) -> tuple[ImageList, OpenedImage]:
    """Puts an earlier version back and fetches it; (the images as they are now, the image with that label).

    Raises:
        WrongDefinition: it belongs to another protocol; nothing is changed.
    """
    if version.protocol not in ("", task.name):
        sentence = _("This version belongs to the protocol {protocol}: choose that to put it back.")
        raise WrongDefinition(sentence.format(protocol=version.protocol))
    client.restore_label(image, version.tag, version.version)
    geometry = client.frame(image)
    path = client.download_image(image, folder)
    found = _label_record(client, task, image, version.tag, geometry)
    if found is None:
        sentence = _("The label of {image} was put back, but was deleted in the meantime: open the image again.")
        raise BadAnswer(sentence.format(image=image))
    images = client.images()
    return images, _opened(client, path, found[0], images.get(image) or ImageEntry(image))


def _label_record(
    client: LandmarkClient, task: TaskDefinition, image: str, tag: str, geometry: Geometry
) -> tuple[WorkRecord, dict[str, Any]] | None:
    """The work of a label and its info.

    None if it was removed meanwhile, or is a proposal of another protocol or placement.
    """
    try:
        info = client.label_info(image, tag)
        markups = client.download_label(image, tag)
    except Refused as error:
        if error.status == 404:
            return None
        raise
    try:
        return WorkRecord.from_label(task, image, tag, markups, info, geometry), info
    except (OtherFrame, WrongDefinition):
        if tag == "original":
            return None
        raise
