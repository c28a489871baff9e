"""Work of the server on images, labels and predictions, apart from HTTP."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Collection, Hashable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from monai_ext.images import check_image_id, file_states, label_file_name, read_frame, read_image, stated_size
from monai_ext.landmarks import (
    SAME_PLACEMENT,
    Frame,
    InputError,
    Landmarks,
    Protocol,
    moved_by,
    parse_markups,
    read_stated_frame,
)
from monai_ext.studies import (
    ANNOTATOR,
    CONSENSUS_OF,
    DRAFTS,
    FIRST_SUBMISSION,
    READINGS,
    READINGS_NOTE,
    ImageEntry,
    LabelVersion,
    check_tag,
    digest,
    no_such_image,
)

from .datastore import LandmarkDatastore
from .errors import ConflictError, NotFoundError
from .inference import Check, InferenceDesk, LandmarkInfer, Reply
from .offers import NOTE as OFFER_NOTE
from .offers import OFFERS as OFFERS_NOTE
from .pacs.place import REPORT
from .pool.protocol_pool import NOTE as SCORES_NOTE
from .proposals import IMAGE_STATE, Proposal, Proposals, provenance
from .quality.label_places import ReadLabel
from .quality.review_note import NOTE as REVIEW_NOTE
from .revisions import Revisions
from .served_labels import read_label
from .settings import Conf
from .trainers import LandmarkTrain

logger = logging.getLogger(__name__)

#: Notes that the server alone makes on labels; what a client sends under these names is left out.
OWN_NOTES = (FIRST_SUBMISSION, REVIEW_NOTE, READINGS_NOTE, REPORT, IMAGE_STATE)
#: What clients call the image that a label was made on, as ``GET /datastore/image/frame`` told it when it was opened.
REVISION = "image_revision"
#: What is noted when a label is saved, and does not change as long as the label does not.
SAVED_NOTES = ("protocol", "model_version", "displacement", "unit", "ts", "name", REVISION)
#: Notes that the server alone makes on images.
OWN_IMAGE_NOTES = (SCORES_NOTE, OFFER_NOTE, OFFERS_NOTE)


@dataclass(frozen=True)
class LandmarkService:
    """The app's parts behind the HTTP routes.

    Attributes:
        on_final: called after a final label was saved, with its protocol, its image, what was proposed for it, and
            the label where it was read.
    """

    datastore: LandmarkDatastore
    infers: Mapping[str, LandmarkInfer]
    trainers: Mapping[str, LandmarkTrain]
    proposals: Proposals = field(default_factory=Proposals)
    desk: InferenceDesk = field(default_factory=lambda: InferenceDesk.from_limits(Conf()))
    on_final: Callable[[str, str, Proposal | None, ReadLabel | None], None] = lambda *saved: None
    revisions: Revisions = field(default_factory=Revisions)

    @property
    def protocols(self) -> dict[str, Protocol]:
        """The served protocols by name."""
        return {name: task.model.protocol for name, task in self.infers.items()}

    def infer_task(self, model: str) -> LandmarkInfer:
        """The inference task of a protocol.

        Raises:
            NotFoundError: the protocol is not served.
        """
        if model not in self.infers:
            raise NotFoundError(f"There is no model {model[:80]!r}; there are {', '.join(self.infers)}.")
        return self.infers[model]

    def train_task(self, model: str) -> LandmarkTrain:
        """The training task of a protocol.

        Raises:
            NotFoundError: the protocol is not served, or training is switched off.
        """
        if model not in self.trainers:
            known = ", ".join(self.trainers) or "none"
            raise NotFoundError(f"There is no protocol {model[:80]!r} to train; there are {known}.")
        return self.trainers[model]

    def image_path(self, image: str) -> Path:
        """The file of an image ID.

        Raises:
            NotFoundError: there is no such image. A path is no ID.
        """
        uri = self.datastore.get_image_uri(image)
        if not uri:
            raise NotFoundError(no_such_image(image, self.datastore.objects))
        return Path(uri)

    def infer(self, model: str, image: str) -> Reply:
        """The landmarks of an image of the studies folder, however long its turn takes to come.

        Raises:
            NotFoundError: unknown model or image.
            ConflictError: the model has no weights yet.
            InputError: the image cannot be read.
        """
        return self.ask(model, image, patient=True).result()

    def ask(self, model: str, image: str, *, patient: bool = False) -> Future[Reply]:
        """The same in a future, which a request that is given up cancels; the proposal is remembered.

        Raises:
            NotFoundError: unknown model or image.
            InputError: the ID is too long for the name of a label file.
            ConflictError: the model has no weights yet.
            QueueFullError: too many requests wait already, and this one is not patient.
        """
        task, path = self.infer_task(model), self.image_path(image)
        label_file_name(image)  # an ID that is too long is refused before the network runs
        state = self.datastore.image_state(image)

        def make(check: Check) -> Reply:
            reply = task.predict(path, image, check)
            reply = replace(reply, proposal=replace(reply.proposal, image_state=state))
            self.proposals.remember(model, image, reply.proposal)
            return reply

        future = self.desk.ask(partial(_key, task, path, image), make, patient=patient)
        if future.done() and future.exception() is None:
            self.proposals.remember(model, image, future.result().proposal)
        return future

    def ask_file(
        self, model: str, image: str, path: Path, write: Callable[[Path], object] | None = None
    ) -> Future[Reply]:
        """The landmarks of an image file that is not part of the studies, answered under the name ``image``.

        Args:
            model: the protocol.
            image: what the answer calls the image.
            path: the file; with ``write`` only its name counts.
            write: writes the file that is to be looked at, when its turn has come.

        Raises:
            NotFoundError: unknown model.
            ConflictError: the model has no weights yet.
            QueueFullError: too many requests wait already.
        """
        task = self.infer_task(model)
        if write is None:
            return self.desk.ask(partial(_key, task, path, image), partial(task.predict, path, image))
        task.signature(image)

        def make(check: Check) -> Reply:
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / path.name
                write(copy)
                return task.predict(copy, image, check)

        return self.desk.ask(lambda: None, make)

    def store_proposal(self, model: str, reply: Reply) -> str:
        """Keeps a prediction of an image of the studies as its label ``original``.

        Raises:
            NotFoundError: the image was deleted meanwhile.
            ConflictError: it was replaced meanwhile.
        """
        image, proposal = str(reply.document["image"]), reply.proposal
        info = {"model": model, "model_version": proposal.model_version, "params": dict(reply.document)}
        info[IMAGE_STATE] = proposal.image_state
        check = partial(self._refuse_replaced, image, proposal.image_state)
        self.datastore.store_label(image, "original", reply.markups, info, check)
        return image

    def save_label(
        self, image: str, tag: str, content: bytes, params: dict[str, Any], reader: str | None = None
    ) -> dict[str, Any]:
        """Checks a markups file against its protocol and image and stores it; returns its info.

        Args:
            image: its ID.
            tag: what it is saved under.
            content: of the file.
            params: what the client notes on it, and with ``image_revision`` which image its points were placed on.
            reader: whose label it is, in a study with several readers.

        Raises:
            NotFoundError: unknown image or protocol.
            InputError: unknown tag, or a file that does not fit; nothing is stored.
            ConflictError: the image has a label of another protocol under that tag, or was replaced meanwhile.
        """
        check_tag(tag)
        path, state = self.image_path(image), self.datastore.image_state(image)
        self.refuse_former(image, state, params.get(REVISION))
        frame, name = read_frame(path), label_file_name(image)
        stated = params.get("protocol")
        if stated is not None and not isinstance(stated, str):
            raise InputError(f"params.protocol must be the name of a protocol, not {stated!r:.80}.")
        markups = parse_markups(content, name)
        protocol, landmarks = read_label(markups, frame, self.protocols, stated, tag)
        check = partial(self._refuse_save, image, state, tag, protocol)
        known = self.proposals.get(protocol.name, image, state) or self._stored_proposal(image, protocol)
        sent = without(params, OWN_NOTES)
        info = {**sent, "protocol": protocol.name, **provenance(known, landmarks, params)}
        info |= {IMAGE_STATE: state} if tag == "original" else {}
        # a label as a person submits it, whatever the label that it was made from says of itself
        markups = markups.with_fields({CONSENSUS_OF: None, ANNOTATOR: None}).with_frame(frame)
        if reader is None or tag == "original":
            self.datastore.store_label(image, tag, markups.content, info, check)
            saved = ReadLabel(protocol, landmarks, digest(markups.content))
        else:
            saved = None  # of several readers the label is made anew
            about = partial(_about_consensus, known, protocol)
            self.datastore.save_reading(image, tag, markups, {**info, "annotator": reader}, reader, about, check)
            info = self.datastore.get_label_info(image, self.datastore.reading_tag(image, tag, reader))
        if tag == "final":
            self._tell_of_final(image, protocol.name, known, saved)
        return info

    def restore_label(
        self, image: str, tag: str, version: LabelVersion, of: Protocol, user: str | None, reader: str | None = None
    ) -> dict[str, Any]:
        """Makes an earlier version of a label, or of a reader's own, the present one; returns its info.

        Raises:
            ConflictError: the image has a label of another protocol than the version's under that tag.
        """
        check = partial(_refuse_other_protocol, image, tag, of)
        if reader is None:
            info = self.datastore.restore_label(image, tag, version, user=user, check=check)
        else:
            info = self.datastore.restore_reading(image, tag, version, reader, user=user, check=check)
        protocol = info.get("protocol")
        if tag == "final" and isinstance(protocol, str):
            known = self.proposals.get(protocol, image, self.datastore.image_state(image))
            self._tell_of_final(image, protocol, known)
        return info

    def _tell_of_final(
        self, image: str, protocol: str, proposal: Proposal | None, saved: ReadLabel | None = None
    ) -> None:
        """Tells of a final label that is on the disk; what goes wrong from here on is no fault of the save."""
        try:
            self.on_final(protocol, image, proposal, saved)
        except Exception:
            logger.exception("The final label of %s is saved, but could not be looked at.", image)

    def add_image(self, image: str | None, file_name: str, content: bytes, params: dict[str, Any]) -> str:
        """Stores an uploaded image under an ID, by default its file name without the extension.

        Raises:
            InputError: the file is no readable image, or the ID cannot be a file name.
            ConflictError: the image of that ID has labels, which would not fit the new one.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / check_image_id(Path(file_name.replace("\\", "/")).name)
            path.write_bytes(content)
            image = self.datastore.find_id(check_image_id(image or self.datastore.id_of(path)))
            frame = read_image(path)[1]  # all of it: a file that is cut short is refused now, not when it is used
            same_grid = self._has_grid(image, frame)
            notes, check = without(params, OWN_IMAGE_NOTES), partial(self._refuse_image, image, frame)
            return self.datastore.add_image(image, str(path), notes, keeps_size=same_grid, check=check)

    def _refuse_image(self, image: str, frame: Frame, entry: ImageEntry) -> None:
        """Refuses a file with another frame than that of the image whose labels are there as it is replaced."""
        if not entry.labels:
            return
        frames = self._frames_of_labels(image, entry)
        if any(old is None or old.size != frame.size or moved_by(old, frame) > SAME_PLACEMENT for old in frames):
            raise ConflictError(
                f"The image {image!r} has labels that would not fit the new file, whose size or placement "
                "differs: delete them first, or use another ID."
            )

    def _frames_of_labels(self, image: str, entry: ImageEntry) -> list[Frame | None]:
        """The frame of an image; of one that can no longer be read those that its labels state."""
        try:
            return [read_frame(self.image_path(image))]
        except InputError:
            return [read_stated_frame(Path(self.datastore.get_label_uri(image, tag))) for tag in entry.labels]

    def _has_grid(self, image: str, frame: Frame) -> bool:
        """Returns whether the image of an ID can be read and has as many columns and rows as a frame."""
        path = self.datastore.get_image_uri(image)
        try:
            return bool(path) and read_frame(path, stated=False).size == frame.size
        except InputError:
            return False

    def revision(self, image: str, state: str) -> str:
        """What tells an image, in its present ``state``, from every other of its ID; empty if it cannot be read."""
        return self.revisions.of(image, state, self.image_path(image))

    def refuse_former(self, image: str, state: str, opened: object) -> None:
        """Refuses what was done on another image under the same ID, whose revision ``opened`` is; None is not known."""
        if opened is not None and opened != self.revision(image, state):
            raise ConflictError(
                f"The image {image!r} was replaced after it was opened: open it anew, and look whether your points fit."
            )

    def _refuse_replaced(self, image: str, state: str, entry: ImageEntry) -> None:
        """Refuses a label for an image that is no longer the one that it was made for."""
        if self.datastore.image_state(image) != state:
            raise ConflictError(
                f"The image {image!r} was replaced while its label was saved: load it again, and save the label if it "
                "still fits."
            )

    def _refuse_save(self, image: str, state: str, tag: str, protocol: Protocol, entry: ImageEntry) -> None:
        """Refuses a label beside one of another protocol, or for an image that is no longer the one it was read for."""
        self._refuse_replaced(image, state, entry)
        _refuse_other_protocol(image, tag, protocol, entry)

    def _stored_proposal(self, image: str, protocol: Protocol) -> Proposal | None:
        """The proposal that was kept as the label ``original``, after a restart of the server.

        None also if it was for another image under the same ID.
        """
        if "original" not in self.datastore.get_labels_by_image_id(image):
            return None
        info, state = self.datastore.get_label_info(image, "original"), self.datastore.image_state(image)
        version = info.get("model_version")
        if info.get(IMAGE_STATE, state) != state:
            return None
        path = Path(self.datastore.get_label_uri(image, "original"))
        try:
            _, landmarks = read_label(
                path, read_frame(self.image_path(image)), {protocol.name: protocol}, None, "original"
            )
        except InputError:
            return None  # a proposal of another protocol
        return Proposal(version, landmarks) if isinstance(version, str) else None


def without(notes: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Returns what a client notes, without the notes that are not a client's to make."""
    return {name: value for name, value in notes.items() if name not in names}


def _refuse_other_protocol(image: str, tag: str, protocol: Protocol, entry: ImageEntry) -> None:
    """Refuses a label beside one of another protocol."""
    places = {"final": ("final", *READINGS), "draft": DRAFTS}.get(tag, (tag,))
    others = [entry.protocol(place) for place in places]
    other = next((name for name in others if name not in (None, protocol.name)), None)
    if other is not None:
        raise ConflictError(
            f"The {tag} label of {image!r} belongs to the protocol {other}: delete it before you save one of "
            f"{protocol.name}, or add the image a second time under another ID."
        )


def _about_consensus(
    proposal: Proposal | None, protocol: Protocol, landmarks: Landmarks, model_version: str
) -> dict[str, Any]:
    """Returns what the info of a label of several readers records of the version that all of them were shown."""
    return provenance(proposal, landmarks.reordered(protocol.landmark_names), {"model_version": model_version})


def _key(task: LandmarkInfer, path: Path, image: str) -> Hashable:
    """Returns what the answer for an image depends on; None if there is no such file."""
    states = file_states(path)
    return (task.model.protocol.name, task.signature(image), image, states, stated_size(path)) if states else None
