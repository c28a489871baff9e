"""The studies folder as MONAI Label's datastore, made so that no label is lost."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from monailabel.datastore.local import DataModel, ImageLabelModel, LocalDatastore, LocalDatastoreModel
from monailabel.interfaces.exception import ImageNotFoundException, LabelNotFoundException

from monai_ext.landmarks import InputError
from monai_ext.landmarks.files import write_atomically
from monai_ext.landmarks.studies import IMAGE_EXTENSIONS, LABEL_EXTENSION

from .file_names import check_image_id, check_tag, split_image_name
from .folder_scan import scan_images, scan_labels
from .index_file import IndexFile, check_info
from .watcher import watch_studies

logger = logging.getLogger(__name__)

Objects = dict[str, ImageLabelModel]


class LandmarkDatastore(LocalDatastore):
    """Images directly in the studies folder, labels in ``labels/<tag>/<ID>.mrk.json``, notes in an index.

    The files are the truth; the index adds notes and can be rebuilt. Every change happens under one lock, between
    threads and between processes, on the newest index. The table of objects is replaced, never changed in place, so
    that readers need no lock.

    Args:
        studies: the studies folder.
        auto_reload: watch the folder and take in files that a person adds or removes while the server runs.
        read_only: take the index as it is and do not look for new files.
    """

    _datastore: LocalDatastoreModel

    def __init__(self, studies: str, *, auto_reload: bool = False, read_only: bool = False) -> None:
        self._mutex = threading.RLock()
        self._file_lock = FileLock(os.path.join(studies, ".lock"))
        self._warned: set[str] = set()
        self._index = IndexFile(os.path.join(studies, "datastore_v2.json"))
        patterns = [f"*{extension}" for extension in (*IMAGE_EXTENSIONS, LABEL_EXTENSION)]
        super().__init__(studies, extensions=patterns, auto_reload=False, read_only=read_only)
        if auto_reload:
            polling = self._is_on_mount(os.path.realpath(studies))
            watch_studies(Path(studies), self._index.path, self.refresh, polling=polling)

    # The state on disk

    @contextmanager
    def _changing(self) -> Iterator[Objects]:
        """A copy of the newest table to change; it is written when it changed and no error was raised."""
        with self._mutex, self._file_lock:
            self._init_from_datastore_file()
            before = self._datastore.objects
            objects = dict(before)
            yield objects
            if objects != before or not self._index.exists():
                after = self._datastore.model_copy(update={"objects": objects})
                self._index.write(after)
                self._datastore = after

    def _init_from_datastore_file(self, throw_exception: bool = False) -> None:
        with self._mutex, self._file_lock:
            model = self._index.read_if_changed()
            if model is not None:
                model.base_path = self._datastore_path
                self._datastore = model

    def _update_datastore_file(self, lock: bool = True) -> None:
        with self._mutex, self._file_lock:
            self._index.write(self._datastore)

    def _to_id(self, file: str) -> tuple[str, str]:
        parts = split_image_name(file)
        if parts is None:
            raise InputError(f"{file!r} is not an image; its extension must be one of {', '.join(IMAGE_EXTENSIONS)}.")
        return parts[0], parts[1].lower()

    # Taking in the files

    def _reconcile_datastore(self) -> None:
        """Makes the table agree with the files: new ones are added, entries without a file are dropped."""
        with self._changing() as objects:
            known = {image_id: entry.image.ext for image_id, entry in objects.items()}
            images = scan_images(self._datastore.image_path(), known, self._warn_once)
            for image_id in known.keys() - images.keys():
                logger.warning("The image %s is gone from %s; it is no longer listed.", image_id, self._datastore_path)
                del objects[image_id]
            for image_id, extension in images.items():
                if image_id not in known:
                    objects[image_id] = ImageLabelModel(image=_entry(image_id, extension))
                elif known[image_id] != extension:
                    entry = _entry(image_id, extension, objects[image_id].image.info)
                    objects[image_id] = objects[image_id].model_copy(update={"image": entry})
            self._reconcile_labels(objects)

    def _reconcile_labels(self, objects: Objects) -> None:
        labelled = scan_labels(self._datastore.label_path(None))
        for tag, ids in labelled.items():
            for image_id in sorted(ids - objects.keys()):
                self._warn_once(f"labels/{tag}/{image_id}{LABEL_EXTENSION} is not used: there is no image {image_id}.")
        for image_id, known in objects.items():
            labels = {
                tag: _unless_other_type(known.labels.get(tag)) or _entry(image_id, LABEL_EXTENSION)
                for tag in dict.fromkeys([*known.labels, *labelled])
                if image_id in labelled.get(tag, ())
            }
            for tag in known.labels.keys() - labels.keys():
                logger.warning("The %s label of %s is gone; it is no longer listed.", tag, image_id)
            if labels != known.labels:
                objects[image_id] = known.model_copy(update={"labels": labels})

    def _warn_once(self, sentence: str) -> None:
        if sentence not in self._warned:
            self._warned.add(sentence)
            logger.warning(sentence)

    # Changes that requests make

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Stores an image, or replaces the one of that ID; its labels stay.

        Raises:
            InputError: the ID cannot be a file name, the extension is not an image's, the info cannot be stored.
        """
        own_id, extension = self._to_id(os.path.basename(image_filename))
        image_id = check_image_id(image_id or own_id)
        info = check_info(image_info or {})
        content = Path(image_filename).read_bytes()
        folder = Path(self._datastore.image_path())
        with self._changing() as objects:
            known = objects.get(image_id)
            if known is None:
                write_atomically(folder / f"{image_id}{extension}", content)
                objects[image_id] = ImageLabelModel(image=_entry(image_id, extension, info))
                return image_id
            if known.image.ext.lower() == extension:
                extension = known.image.ext
            write_atomically(folder / f"{image_id}{extension}", content)
            if known.image.ext != extension:
                (folder / f"{image_id}{known.image.ext}").unlink(missing_ok=True)
            entry = _entry(image_id, extension, {**known.image.info, **info})
            objects[image_id] = known.model_copy(update={"image": entry})
        return image_id

    def remove_image(self, image_id: str) -> None:
        """Deletes an image and all its labels."""
        with self._changing() as objects:
            known = objects.pop(image_id, None)
            if known is None:
                raise ImageNotFoundException(f"There is no image {image_id!r}.")
            for tag, label in known.labels.items():
                self._label_file(image_id, tag, label).unlink(missing_ok=True)
            (Path(self._datastore.image_path()) / f"{image_id}{known.image.ext}").unlink(missing_ok=True)

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        """Stores a markups file as a label; a final label ends the draft of its image.

        Raises:
            ImageNotFoundException: there is no such image.
            InputError: the tag is unknown or the info cannot be stored.
        """
        label_tag = check_tag(str(getattr(label_tag, "value", label_tag)))
        info = check_info(label_info or {})
        content = Path(label_filename).read_bytes()
        with self._changing() as objects:
            known = objects.get(image_id)
            if known is None:
                raise ImageNotFoundException(f"There is no image {image_id!r}.")
            entry = _entry(image_id, LABEL_EXTENSION, info)
            labels = {**known.labels, label_tag: entry}
            os.makedirs(self._datastore.label_path(label_tag), exist_ok=True)
            write_atomically(self._label_file(image_id, label_tag, entry), content)
            if label_tag == "final" and "draft" in labels:
                self._label_file(image_id, "draft", labels.pop("draft")).unlink(missing_ok=True)
            objects[image_id] = known.model_copy(update={"labels": labels})
        return image_id

    def remove_label(self, label_id: str, label_tag: str) -> None:
        """Deletes the label of an image under one tag."""
        with self._changing() as objects:
            known, label = self._known_label(objects, label_id, label_tag)
            labels = {tag: entry for tag, entry in known.labels.items() if tag != label_tag}
            objects[label_id] = known.model_copy(update={"labels": labels})
            self._label_file(label_id, label_tag, label).unlink(missing_ok=True)

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        check_info(info)
        with self._changing() as objects:
            known = objects.get(image_id)
            if known is None:
                raise ImageNotFoundException(f"There is no image {image_id!r}.")
            entry = known.image.model_copy(update={"info": {**known.image.info, **info}})
            objects[image_id] = known.model_copy(update={"image": entry})

    def update_label_info(self, label_id: str, label_tag: str, info: dict[str, Any]) -> None:
        check_info(info)
        with self._changing() as objects:
            known, label = self._known_label(objects, label_id, label_tag)
            entry = label.model_copy(update={"info": {**label.info, **info}})
            objects[label_id] = known.model_copy(update={"labels": {**known.labels, label_tag: entry}})

    # Questions

    @property
    def folder(self) -> Path:
        """The studies folder."""
        return Path(self._datastore_path)

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        if image_id not in self._datastore.objects:
            raise ImageNotFoundException(f"There is no image {image_id!r}.")
        return dict(super().get_image_info(image_id))

    def get_label_info(self, label_id: str, label_tag: str) -> dict[str, Any]:
        return dict(self._known_label(self._datastore.objects, label_id, label_tag)[1].info)

    @property
    def objects(self) -> Objects:
        """The images by ID with their labels and notes; a table that is replaced, never changed in place."""
        return self._datastore.objects

    def id_of(self, file_name: str) -> str:
        """The image ID that a file name stands for; InputError when it is no image's."""
        return self._to_id(file_name)[0]

    def get_draft_images(self) -> list[str]:
        """IDs of images that have a draft and no final label."""
        return [i for i, o in self._datastore.objects.items() if "draft" in o.labels and "final" not in o.labels]

    def get_dataset_archive(self, limit_cases: int | None) -> str:
        if not self.get_labeled_images():
            raise InputError("There is no final label yet, hence nothing to download.")
        return str(super().get_dataset_archive(limit_cases))

    def _known_label(self, objects: Objects, image_id: str, tag: str) -> tuple[ImageLabelModel, DataModel]:
        known = objects.get(image_id)
        if known is None or tag not in known.labels:
            raise LabelNotFoundException(f"The image {image_id!r} has no label {tag!r}.")
        return known, known.labels[tag]

    def _label_file(self, image_id: str, tag: str, label: DataModel) -> Path:
        return Path(self._datastore.label_path(tag)) / f"{image_id}{label.ext}"


def _entry(image_id: str, extension: str, info: dict[str, Any] | None = None) -> DataModel:
    notes = {**(info or {}), "ts": int(time.time()), "name": f"{image_id}{extension}"}
    return DataModel(ext=extension, info=notes)


def _unless_other_type(label: DataModel | None) -> DataModel | None:
    return label if label is not None and label.ext == LABEL_EXTENSION else None
