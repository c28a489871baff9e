"""The studies folder as MONAI Label's datastore, made so that no label is lost."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from monailabel.datastore.local import LocalDatastore, LocalDatastoreModel

from monai_ext.images import IMAGE_EXTENSIONS, LABEL_EXTENSION, StatedSize, check_image_id, file_states, same_name
from monai_ext.landmarks import InputError, parse_markups
from monai_ext.studies import (
    CONSENSUS_OF,
    LOCK_SECONDS,
    READINGS_NOTE,
    ChangeSet,
    LabelChanges,
    LabelHistory,
    LabelVersion,
    Objects,
    Readings,
    Repairs,
    SizeChanges,
    StudiesIndex,
    StudiesState,
    check_info,
    check_studies_folder,
    check_tag,
    image_entry,
    known_image,
    known_label,
    reconcile_images,
    reconcile_labels,
    restore_labels,
    split_image_file,
    sweep_temporary,
    watch_studies,
    why_no_image,
)

from .reader_labels import EntryCheck, ReaderLabels, accept

logger = logging.getLogger(__name__)


class PlatformIndex(StudiesIndex, LocalDatastoreModel):
    """The index with what MONAI Label's own methods ask of theirs."""


class LandmarkDatastore(ReaderLabels, LocalDatastore):
    """Images directly in the studies folder, labels in ``labels/<tag>/<ID>.mrk.json``, notes in an index.

    The files are the truth; the index adds notes and can be rebuilt. An answered change is on disk, with its notes in
    the index and in a journal, and outlives the end of the process at any moment. A label that is replaced or deleted
    stays as an earlier version.

    Args:
        studies: the studies folder.
        auto_reload: watch the folder and take in files that a person adds or removes while the server runs.
        read_only: take the index as it is and do not look for new files.
        repair: put damaged labels aside and remove what crashed processes left, as a server does when it starts.
        lock_seconds: how long a change waits for another process.
        readers: how many people label an image, each by themselves (see :mod:`.Readings`).

    Raises:
        InputError: there is no such folder.
    """

    def __init__(
        self,
        studies: str,
        *,
        auto_reload: bool = False,
        read_only: bool = False,
        repair: bool = True,
        lock_seconds: float = LOCK_SECONDS,
        readers: int = 1,
    ) -> None:
        check_studies_folder(Path(studies))
        self._state = StudiesState(Path(studies), lock_seconds)
        self._labels = LabelChanges(self._state.files, LabelHistory(self._state.files.labels))
        self._sizes = SizeChanges(self._state.files.root)
        self._readings = Readings(self._labels, readers)
        self._warned: set[str] = set()
        self._repair = repair and not read_only
        patterns = [f"*{extension}" for extension in (*IMAGE_EXTENSIONS, LABEL_EXTENSION)]
        super().__init__(studies, extensions=patterns, auto_reload=False, read_only=read_only)
        if auto_reload:
            polling = self._is_on_mount(os.path.realpath(studies))
            watch_studies(Path(studies), self._state.index_path, self.refresh, polling=polling)

    # What MONAI Label's own methods read and call

    @property
    def _datastore(self) -> PlatformIndex:
        return PlatformIndex.model_construct(**dict(self._state.model), base_path=self._datastore_path)

    @_datastore.setter
    def _datastore(self, model: LocalDatastoreModel) -> None:
        """Takes nothing over: the new index that MONAI Label begins with is the store's own."""

    def _init_from_datastore_file(self, throw_exception: bool = False) -> None:
        self._state.load()

    def _update_datastore_file(self, lock: bool = True) -> None:
        self._state.write()

    def _reconcile_datastore(self) -> None:
        unmade: list[str] = []
        with self._state.changing() as changes:
            self._reconcile_images(changes)
            if self._repair:
                self._repair = False
                sweep_temporary(self._state.files, psutil.Process().create_time(), self.repairs)
                unmade = restore_labels(changes, self._state.files, self._labels.history, self.repairs)
        with self._state.changing() as changes:
            reconcile_labels(changes.objects, self._state.files, self._warn_once)
            self._readings.settle_all(changes, self._warn_once, unmade)

    def _reconcile_images(self, changes: ChangeSet) -> None:
        """Lists the images that there are."""
        reconcile_images(changes.objects, self._state.files, self._warn_once)

    def _to_id(self, file: str) -> tuple[str, str]:
        parts = split_image_file(Path(file))
        if parts is None:
            reason = why_no_image(Path(file)) if Path(file).is_file() else ""
            reason = reason or f"its extension must be one of {', '.join(IMAGE_EXTENSIONS)}, or its content DICOM"
            raise InputError(f"{Path(file).name!r} is not an image: {reason}.")
        return parts[0], parts[1].lower()

    def _warn_once(self, sentence: str) -> None:
        if sentence not in self._warned:
            self._warned.add(sentence)
            logger.warning(sentence)

    # Changes that requests make; each raises StorageError, LockedError and leaves all as it was where it cannot be made

    def add_image(
        self,
        image_id: str,
        image_filename: str,
        image_info: dict[str, Any],
        *,
        keeps_size: bool = True,
        check: EntryCheck = accept,
    ) -> str:
        """Stores an image, or replaces the one of that ID; its labels stay.

        Args:
            image_id: the ID; empty for the file's own.
            image_filename: the file.
            image_info: the notes on it.
            keeps_size: whether a pixel size that a person stated for the ID is true of this file too.
            check: is given what is known of that ID as the change is made, and raises what refuses it.

        Raises:
            InputError: the ID cannot be a file name, the extension is not an image's, the info cannot be stored.
        """
        own_id, extension = self._to_id(image_filename)
        image_id = self.find_id(check_image_id(image_id or own_id))
        info = check_info(image_info or {})
        content = Path(image_filename).read_bytes()
        files = self._state.files
        with self._state.changing() as changes:
            known = changes.objects.get(image_id)
            if known is not None:
                check(known)
            if known is not None and known.image.ext.lower() == extension:
                extension = known.image.ext
            changes.write(files.image(image_id, extension), content)
            if known is not None and known.image.ext != extension:
                changes.remove(files.image(image_id, known.image.ext))
            if not keeps_size:
                self._sizes.forget(changes, image_id)
            notes = {**known.image.info, **info} if known is not None else info
            changes.set_image(image_id, image_entry(image_id, extension, notes))
        return image_id

    def remove_image(self, image_id: str) -> None:
        """Deletes an image, the statements on its pixel size, and its labels, which stay as earlier versions."""
        files = self._state.files
        with self._state.changing() as changes:
            known = known_image(changes.objects, image_id)
            for tag in known.labels:
                self._labels.delete(changes, image_id, tag)
            self._sizes.forget(changes, image_id)
            changes.remove(files.image(image_id, known.image.ext))
            changes.drop_image(image_id, files.image_digest(image_id, known.image.ext) or "")

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        """Stores a markups file as MONAI Label asks for it; see :meth:`store_label`."""
        tag = str(getattr(label_tag, "value", label_tag))
        self.store_label(image_id, tag, Path(label_filename).read_bytes(), label_info or {})
        return image_id

    def store_label(
        self, image_id: str, tag: str, content: bytes, info: dict[str, Any], check: EntryCheck = accept
    ) -> None:
        """Stores the content of a markups file as a label; a final label ends its image's draft of the same protocol.

        Args:
            image_id: the image.
            tag: of the label.
            content: of the file.
            info: of the label.
            check: is given what is known of the image as the change is made, and raises what refuses it.

        Raises:
            NotFoundError: there is no such image.
            InputError: the tag is unknown or the info cannot be stored.
        """
        check_tag(tag)
        check_info(info)
        with self._state.changing() as changes:
            check(known_image(changes.objects, image_id))
            self._labels.store(changes, image_id, tag, content, info)
            if tag == "final":
                self._labels.end_draft(changes, image_id, "draft")

    def remove_label(self, label_id: str, label_tag: str) -> None:
        """Deletes the label of an image under one tag; it stays as an earlier version."""
        with self._state.changing() as changes:
            self._labels.delete(changes, label_id, label_tag)

    def restore_label(
        self, image_id: str, tag: str, version: LabelVersion, *, user: str | None, check: EntryCheck = accept
    ) -> dict[str, Any]:
        """Makes an earlier version the present label, which becomes an earlier version itself; returns its info.

        The info stays that of the version, with who restored it; what was made of the labels of several readers is a
        label of its own then. A final label ends a draft as in :meth:`store_label`.

        Raises:
            NotFoundError: there is no such image.
        """
        content, info = version.read(), {name: note for name, note in version.info.items() if name != READINGS_NOTE}
        if info != version.info:
            content = parse_markups(content, version.path.name).with_fields({CONSENSUS_OF: None}).content
        info |= {"restored_from": version.version, "restored_by": user}
        with self._state.changing() as changes:
            check(known_image(changes.objects, image_id))
            self._labels.store(changes, image_id, tag, content, info)
            if tag == "final":
                self._labels.end_draft(changes, image_id, "draft")
            return dict(changes.objects[image_id].labels[tag].info)

    def state_size(self, image_id: str, size: StatedSize | None, check: EntryCheck = accept) -> None:
        """Keeps the pixel size that a person stated for an image; None withdraws it. :meth:`undo_size` undoes it.

        ``check`` is given what is known of the image as the change is made, and raises what refuses it.

        Raises:
            NotFoundError: there is no such image.
            NothingStatedError: there is no size to withdraw.
            InputError: ``calibration.json`` is malformed.
        """
        with self._state.changing() as changes:
            check(known_image(changes.objects, image_id))
            if size is None:
                self._sizes.withdraw(changes, image_id)
            else:
                self._sizes.state(changes, image_id, size)

    def undo_size(self, image_id: str) -> None:
        """Brings back what was stated of the pixel size of an image before the last change of it.

        Raises:
            NotFoundError: there is no such image.
            NothingStatedError: no earlier statement is kept.
            InputError: ``calibration.json`` is malformed.
        """
        with self._state.changing() as changes:
            known_image(changes.objects, image_id)
            self._sizes.undo(changes, image_id)

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        check_info(info)
        with self._state.changing() as changes:
            image = known_image(changes.objects, image_id).image
            changes.set_image(image_id, image.model_copy(update={"info": {**image.info, **info}}))

    def note_images(self, notes: Mapping[str, dict[str, Any]]) -> None:
        """Adds to the info of many images in one change; those removed in the meantime are skipped.

        Raises:
            InputError: an info cannot be stored.
        """
        for info in notes.values():
            check_info(info)
        with self._state.changing() as changes:
            for image_id, info in notes.items():
                if image_id in changes.objects:
                    image = changes.objects[image_id].image
                    changes.set_image(image_id, image.model_copy(update={"info": {**image.info, **info}}))

    def update_label_info(self, label_id: str, label_tag: str, info: dict[str, Any]) -> None:
        check_info(info)
        with self._state.changing() as changes:
            _, label = known_label(changes.objects, label_id, label_tag)
            changes.set_label(label_id, label_tag, label.model_copy(update={"info": {**label.info, **info}}))

    def note_labels(self, tag: str, notes: Mapping[str, tuple[str, dict[str, Any]]]) -> None:
        """Adds to the info of the labels of many images in one change.

        Args:
            tag: of the labels.
            notes: by image the digest of the label file that a note is about, and the note; it is left out where the
                label is gone or another one meanwhile.

        Raises:
            InputError: an info cannot be stored.
        """
        for _, info in notes.values():
            check_info(info)
        with self._state.changing() as changes:
            for image_id, (sha256, info) in notes.items():
                known = changes.objects.get(image_id)
                label = None if known is None else known.labels.get(tag)
                if label is not None and label.sha256 == sha256:
                    changes.set_label(image_id, tag, label.model_copy(update={"info": {**label.info, **info}}))

    # Questions

    @property
    def folder(self) -> Path:
        """The studies folder."""
        return Path(self._datastore_path)

    @property
    def repairs(self) -> Repairs:
        """One sentence for each damage that was found and repaired."""
        return self._state.repairs

    @property
    def objects(self) -> Objects:
        """The images by ID with their labels and notes; a table that is replaced, never changed in place."""
        return self._state.model.objects

    def image_file(self, image_id: str) -> Path:
        """The file of an image, brought here where it is kept elsewhere.

        Raises:
            NotFoundError: there is no such image.
        """
        return self._state.files.image(image_id, known_image(self.objects, image_id).image.ext)

    def has_file(self, image_id: str) -> bool:
        """Returns whether the file of a known image is here already."""
        return True

    def image_state(self, image_id: str) -> str:
        """Returns what changes when an image is replaced; empty if it no longer exists."""
        entry = self.objects.get(image_id)
        if entry is None:
            return ""
        states = file_states(self._state.files.image(image_id, entry.image.ext))
        return "-".join(f"{state.modified_ns:x}-{state.size:x}" for state in states)

    def label_versions(self, image_id: str, tag: str) -> list[LabelVersion]:
        """The earlier versions of a label, newest first; those of a deleted image too.

        Raises:
            NotFoundError: the tag is unknown, or there is no such image and no earlier version.
        """
        return self._labels.earlier(self.objects, image_id, tag)

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        known_image(self.objects, image_id)
        return dict(super().get_image_info(image_id))

    def get_label_info(self, label_id: str, label_tag: str) -> dict[str, Any]:
        return dict(known_label(self.objects, label_id, label_tag)[1].info)

    def id_of(self, file: str | Path) -> str:
        """The image ID that a file stands for by its name, or its content; InputError when it is no image."""
        return self._to_id(str(file))[0]

    def find_id(self, image: str) -> str:
        """The ID of the image that is meant: as it is listed where the two differ in their Unicode form alone."""
        return same_name(image, self.objects) or image

    def get_draft_images(self) -> list[str]:
        """IDs of images that have a draft and no final label."""
        return [
            image for image, entry in self.objects.items() if "draft" in entry.labels and "final" not in entry.labels
        ]

    def get_dataset_archive(self, limit_cases: int | None) -> str:
        if not self.get_labeled_images():
            raise InputError("There is no final label yet, so there is nothing to download.")
        return str(super().get_dataset_archive(limit_cases))
