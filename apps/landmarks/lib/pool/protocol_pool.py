"""The images of the studies as the model of one protocol sees them: what is known, and what is to be looked at."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Sequence
from typing import Any, Literal, NamedTuple

from monai_ext.dicomweb import AwayError, FailedError
from monai_ext.images import CALIBRATION_FILE
from monai_ext.landmarks import FileState, InputError, ModelError
from monai_ext.studies import Objects

from ..datastore import LandmarkDatastore
from ..served_model import NoModelError, ServedModel, Signature
from .eye import Eye, Looker
from .score_table import FeatureFile, ImageScore, ScoreTable, ScoreTables, note_of, read_note

logger = logging.getLogger(__name__)

State = Literal["idle", "running", "waiting"]
#: The key of the scores in the info of an image.
NOTE = "active"
#: Images that a message names.
_NAMED = 3


class _Planned(NamedTuple):
    """Model and notes that a plan was made for.

    Attributes:
        model: the signature of the model, or why there is none.
        objects: the notes on images and labels, which are replaced as a whole.
        sizes: the state of the file of stated pixel sizes; None without one.
    """

    model: Signature | str
    objects: Objects
    sizes: FileState | None


class ProtocolPool:
    """Scores and features of the images by the current model of one protocol.

    ``plan``, ``look`` and ``save`` are called in one thread; the others in any.

    Attributes:
        model: the protocol's model.
        active: whether its images are scored.
        state: what the worker does with them.
        problem: why they cannot be scored, one sentence; empty if they can.

    Args:
        model: the protocol's model.
        measure: the name of a measure of uncertainty.
        datastore: the studies.
    """

    def __init__(self, model: ServedModel, measure: str, datastore: LandmarkDatastore) -> None:
        self.model, self.active = model, False
        self.state: State = "idle"
        self.problem = ""
        self._measure, self._datastore = measure, datastore
        self._features = FeatureFile(datastore.folder, model.protocol.name)
        self._lock = threading.Lock()
        self._tables: ScoreTables | None = None
        self._eye: Eye | None = None
        self._planned: _Planned | None = None
        self._unreadable: dict[str, tuple[str, str]] = {}
        self._unsaved: set[str] = set()

    @property
    def name(self) -> str:
        """The name of the protocol."""
        return self.model.protocol.name

    # The worker's thread

    def plan(self, lookers: Sequence[Looker]) -> list[str]:
        """The images to look at: those that wait for a label first, and of these the ones that were unsure before.

        Raises:
            ConflictError: there is no model, or it is damaged.
            InputError: the model cannot have the measure.
        """
        former_plan = self._planned
        self._planned = planned = _Planned(self._model_state(), self._datastore.objects, self._sizes())
        eye = self._eye
        if eye is None or eye.signature != planned.model:
            self._eye = None  # while another one is loaded
            eye = self._eye = Eye(self.model, self._measure)
        objects = planned.objects
        files = {image: self._datastore.image_state(image) for image in objects}
        with self._lock:
            tables = self._loaded()
            tables.turn_to(eye.origin)
            tables.keep_only(files)
            current, former = tables.current, tables.former
            assert current is not None
            stale = {image for image, file in files.items() if not current.is_up_to_date(image, file)}
            if former_plan is None or former_plan.sizes == planned.sizes:  # else the reason may have been that file
                self._unreadable = {i: known for i, known in self._unreadable.items() if files.get(i) == known[0]}
            else:
                self._unreadable = {}
            self._unreadable |= {i: ("", f"{i}{objects[i].image.ext} is gone") for i, file in files.items() if not file}
            before = {} if former is None else {image: known.score for image, known in former.images.items()}
        version = eye.origin.model_version
        todo = [
            image
            for image in files
            if image not in self._unreadable
            and (image in stale or any(looker.wants(self.name, image, version) for looker in lookers))
        ]
        return sorted(todo, key=lambda image: ("final" in objects[image].labels, -before.get(image, 0.0), image))

    def has_new_model(self) -> bool:
        """Returns whether the model is another one than at the last plan."""
        return self._planned is None or self._planned.model != self._model_state()

    def has_news(self) -> bool:
        """Returns whether the model, a note, the stated sizes or an unreadable image changed since the last plan."""
        planned, state = self._planned, self._datastore.image_state
        if planned is None or self.has_new_model() or planned.objects is not self._datastore.objects:
            return True
        if planned.sizes != self._sizes():
            return True
        return any(known and state(image) != known for image, (known, _) in tuple(self._unreadable.items()))

    def _sizes(self) -> FileState | None:
        return FileState.of(self._datastore.folder / CALIBRATION_FILE)

    def _model_state(self) -> Signature | str:
        try:
            return self.model.signature()
        except InputError as error:
            return str(error)

    def look(self, image: str, lookers: Sequence[Looker]) -> None:
        """Looks at one image of the plan; one that cannot be read is warned of and left out until its file changes.

        Raises:
            ModelError: the network's values are not finite.
            AwayError: the PACS that has the image does not answer.
        """
        entry, eye = self._datastore.objects.get(image), self._eye
        if entry is None or eye is None:
            return
        name = f"{image}{entry.image.ext}"
        file = self._datastore.image_state(image)
        try:
            path = self._datastore.image_file(image)
            sight, features = eye.look(image, path)
        except FailedError as error:  # looked at again with the next change
            logger.warning("The image %s is not scored for %s: %s", name, self.name, error)
            return
        except (ModelError, AwayError):
            raise
        except InputError as error:
            if not self._datastore.image_state(image):
                return
            logger.warning("The image %s is not scored for %s: %s", name, self.name, error)
            with self._lock:
                self._unreadable[image] = (file, str(error))
            return
        with self._lock:
            current = self._loaded().current
            if current is not None and current.origin == eye.origin:
                current.images[image] = ImageScore(file, sight.score, features)
                self._unsaved.add(image)
        for looker in lookers:
            try:
                looker.look(sight)
            except Exception:
                logger.exception("What was seen in %s could not be used.", name)

    def unsaved(self) -> int:
        """Returns how many scores are not on the disk yet."""
        return len(self._unsaved)

    def save(self) -> None:
        """Writes the scores into the infos of their images, in one change, and the features beside the index.

        Raises:
            InputError: the studies folder cannot be written, or is locked; all stays to be saved later.
            OSError: the features cannot be written.
        """
        with self._lock:
            current = self._loaded().current
            if current is None or not self._unsaved:
                return
            images, objects = dict(current.images), self._datastore.objects
            saved = {image for image in self._unsaved if image in images}
        notes = {}
        for image in saved & objects.keys():
            old = objects[image].image.info.get(NOTE)
            note = note_of(current.origin, images[image])
            notes[image] = {NOTE: {**(old if isinstance(old, dict) else {}), self.name: note}}
        self._features.write(current.origin.weights, images)
        self._datastore.note_images(notes)
        self._unsaved.clear()

    # Any thread

    def has_notes(self) -> bool:
        """Returns whether an image has been scored for this protocol at any time."""
        infos = (entry.image.info.get(NOTE) for entry in self._datastore.objects.values())
        return any(isinstance(info, dict) and self.name in info for info in infos)

    def table(self, images: Collection[str], features: bool = False) -> ScoreTable | None:
        """The scores that are known of most of some images; None if there are none."""
        with self._lock:
            return self._loaded().best_for(images, features)

    def unreadable(self) -> frozenset[str]:
        """The images that were left out, as they cannot be read."""
        with self._lock:
            return frozenset(self._unreadable)

    def stats(self) -> dict[str, Any]:
        """Returns how far the scoring is, for people and programs."""
        objects = self._datastore.objects
        told: dict[str, Any] = {"status": self.state, "scored": 0, "images": len(objects)}
        told |= {"model_version": None, "measure": self._measure, "uncertainty": None, "message": ""}
        try:
            card = self.model.card()
        except NoModelError as error:
            return {**told, "status": "no_model", "message": str(error)}
        except InputError as error:
            return {**told, "status": "failed", "message": str(error)}
        with self._lock:
            current = self._loaded().current
            fits = current is not None and (current.origin.model_version, current.origin.weights) == (
                card.version,
                card.sha256[: len(current.origin.weights)],
            )
            if current is not None and fits:
                told |= {"scored": current.covers(objects), "uncertainty": current.spread(objects)}
            unreadable = [known[1] for image, known in sorted(self._unreadable.items()) if image in objects]
        told["model_version"] = card.version
        if self.problem and self.state != "waiting":
            return {**told, "status": "failed", "message": self.problem}
        left = len(objects) - told["scored"] - len(unreadable)
        if left > 0 and self.state == "idle":
            told["status"] = "waiting" if self.active else "idle"
        return {**told, "message": self.problem or _message(left, self.active, unreadable)}

    def _loaded(self) -> ScoreTables:
        """The tables, read from the infos of the images and the features on first access."""
        if self._tables is None:
            self._tables = self._load()
        return self._tables

    def _load(self) -> ScoreTables:
        by_origin: dict[Any, ScoreTable] = {}
        for image, entry in self._datastore.objects.items():
            notes = entry.image.info.get(NOTE)
            found = read_note(notes.get(self.name)) if isinstance(notes, dict) else None
            if found is not None:
                by_origin.setdefault(found[0], ScoreTable(found[0])).images[image] = found[1]
        for origin, table in by_origin.items():
            features = self._features.read(origin.weights)
            for image, known in table.images.items():
                table.images[image] = known._replace(features=features.get((image, known.file)))
        tables = sorted(by_origin.values(), key=lambda table: -len(table.images))
        try:
            version = self.model.card()
            mine = [
                t for t in tables if version.sha256.startswith(t.origin.weights) and t.origin.measure == self._measure
            ]
        except InputError:
            mine = []
        current = mine[0] if mine else None
        return ScoreTables(current, next((table for table in tables if table is not current), None))


def _message(left: int, active: bool, unreadable: Sequence[str]) -> str:
    words = []
    if left > 0 and not active:
        words.append("Images are scored once a strategy needs it, or by POST /scoring/uncertainty.")
    if unreadable:
        more = f" and {len(unreadable) - _NAMED} more" if len(unreadable) > _NAMED else ""
        reasons = "; ".join(reason.rstrip(".") for reason in unreadable[:_NAMED])
        words.append(f"{len(unreadable)} not scored, as they cannot be read: {reasons}{more}.")
    return " ".join(words)
