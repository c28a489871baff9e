"""A PACS as datastore: its images are listed and fetched, labels lie in a studies folder of this machine."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from monai_ext.dicomweb import MEGABYTE, Connection, fetch_image
from monai_ext.images import StatedSize
from monai_ext.landmarks import InputError
from monai_ext.studies import (
    ChangeSet,
    ImageEntry,
    StudyFiles,
    check_info,
    image_entry,
    known_image,
    reconcile_labels,
)

from ..datastore import LandmarkDatastore
from ..reader_labels import EntryCheck, accept
from .place import PLACE, REPORT, Place, takes_report

logger = logging.getLogger(__name__)

EXTENSION = ".dcm"
#: A file that was asked for is open soon; until then it stays.
KEEP_SECONDS = 180.0


class ImageCache:
    """DICOM files in a folder; safe to use from many threads.

    Args:
        folder: where they lie.
        megabytes: that they may have together.
        is_needed: whether an image is kept beyond the limit, as training reads it.
    """

    def __init__(self, folder: Path, megabytes: int, is_needed: Callable[[str], bool]) -> None:
        self._folder, self._megabytes, self._is_needed = folder, megabytes, is_needed
        self._lock = threading.Lock()
        self._bytes: int | None = None
        self._warned = False

    def sweep(self) -> None:
        """Removes what processes left that were ended while they fetched."""
        for folder in self._folder.glob(".fetch-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def use(self, path: Path) -> None:
        """Notes that a file is used now."""
        with contextlib.suppress(OSError):  # of another account: the file goes earlier
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))

    def add(self, path: Path) -> None:
        """Notes a new file, and removes others where the limit is passed."""
        self.use(path)
        with self._lock:
            if self._bytes is not None:
                self._bytes += path.stat().st_size
            if self._bytes is None or self._bytes > self._megabytes * MEGABYTE:
                self._evict()

    def _evict(self) -> None:
        files = sorted(self._files(), key=lambda file: file[0])
        total, limit, now = sum(size for _, size, _ in files), self._megabytes * MEGABYTE, time.time()
        for used, size, path in files:
            if total <= limit:
                break
            if now - used > KEEP_SECONDS and not self._is_needed(path.name.removesuffix(EXTENSION)):
                path.unlink(missing_ok=True)
                total -= size
        self._bytes = total
        if total > limit and not self._warned:
            self._warned = True
            logger.warning(
                "Labelled images and those in use take %d MB of %s, more than the %d of --conf dicomweb_cache_mb.",
                total // MEGABYTE,
                self._folder,
                self._megabytes,
            )

    def _files(self) -> list[tuple[float, int, Path]]:
        """When each file was used last, its size and itself."""
        found = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith(EXTENSION):
                    try:
                        stat = entry.stat()
                    except FileNotFoundError:
                        continue
                    found.append((stat.st_atime, stat.st_size, Path(entry.path)))
        return found


_LOCKS = 16


class PacsDatastore(LandmarkDatastore):
    """Images by the UID of their SOP instance; a file is fetched when it is asked for.

    The studies folder is a mirror of the PACS: the index lists all images, the files of some lie in it, and labels with
    their journal and history are kept as in any other.

    Args:
        folder: the mirror.
        connection: to the PACS.
        cache_mb: megabytes that the fetched images may have.
        repair: as for :class:`.LandmarkDatastore`.
    """

    def __init__(self, folder: Path, connection: Connection, *, cache_mb: int, repair: bool = True) -> None:
        self.connection = connection
        self._cache = ImageCache(folder, cache_mb, self._is_labelled)
        self._fetching = [threading.Lock() for _ in range(_LOCKS)]
        if repair:
            self._cache.sweep()
        super().__init__(str(folder), repair=repair)

    def _reconcile_images(self, changes: ChangeSet) -> None:
        """Leaves the list as it is: an image is in the PACS, whether its file is here or not."""

    def take_list(self, listed: Mapping[str, Place]) -> None:
        """Makes the images those that the PACS lists; those with labels stay."""
        with self._state.changing() as changes:
            objects = changes.objects
            for image, place in listed.items():
                known = objects.get(image)
                if known is None:
                    objects[image] = ImageEntry(image=image_entry(image, EXTENSION, {PLACE: place.note}))
                elif known.image.info.get(PLACE) != place.note:
                    file = known.image.model_copy(update={"info": {**known.image.info, PLACE: place.note}})
                    objects[image] = known.model_copy(update={"image": file})
            for image in [image for image in objects.keys() - listed.keys() if not objects[image].labels]:
                del objects[image]
            # labels of images that were listed by no index, as where it was lost
            reconcile_labels(objects, StudyFiles(self.folder), self._warn_once)

    def take_label(
        self, image_id: str, protocol: str, content: bytes, info: dict[str, Any], uid: str, time: str
    ) -> bool:
        """Makes the label of a report the final one, and the report the newest; the draft of the image stays.

        Args:
            image_id: the image.
            protocol: of the label.
            content: of its markups file.
            info: what else is noted on it.
            uid: of the report.
            time: of the report.

        Returns:
            Whether it is so; not where a person saved a final label meanwhile, which waits to be sent.

        Raises:
            InputError: the info cannot be stored.
        """
        notes = check_info({**info, "protocol": protocol, REPORT: uid})
        with self._state.changing() as changes:
            entry = changes.objects.get(image_id)
            if entry is None or not takes_report(entry, protocol, time):
                return False
            self._labels.store(changes, image_id, "final", content, notes)
            file = entry.image
            report = {REPORT: {"uid": uid, "time": time}}
            changes.set_image(image_id, file.model_copy(update={"info": {**file.info, **report}}))
        return True

    def state_size(self, image_id: str, size: StatedSize | None, check: EntryCheck = accept) -> None:
        super().state_size(image_id, size, check)
        self._send_again(image_id)

    def undo_size(self, image_id: str) -> None:
        super().undo_size(image_id)
        self._send_again(image_id)

    def _send_again(self, image_id: str) -> None:
        """Has the final label of an image wait: its report in the PACS has lengths by the former pixel size."""
        with self._state.changing() as changes:
            entry = changes.objects.get(image_id)
            final = None if entry is None else entry.labels.get("final")
            if final is not None and final.info.get(REPORT):
                info = {**final.info, REPORT: None}
                changes.set_label(image_id, "final", final.model_copy(update={"info": info}))

    def place(self, image_id: str) -> Place:
        """Where an image lies in the PACS.

        Raises:
            NotFoundError: there is no such image.
        """
        return Place.of(image_id, known_image(self.objects, image_id))

    def image_file(self, image_id: str) -> Path:
        """The file of an image, fetched where it is not here.

        Raises:
            NotFoundError: there is no such image.
            PacsError: the PACS does not send it.
        """
        path = super().image_file(image_id)
        with self._fetching[hash(image_id) % _LOCKS]:
            if path.exists():
                self._cache.use(path)
            else:
                place = self.place(image_id)
                fetch_image(self.connection, place.instance, place.frame, path)
                self._cache.add(path)
        return path

    def has_file(self, image_id: str) -> bool:
        return super().image_file(image_id).exists()

    def image_state(self, image_id: str) -> str:
        """An instance never changes; empty where it is no longer listed."""
        return PLACE if image_id in self.objects else ""

    def get_image_uri(self, image_id: str) -> str:
        return str(self.image_file(image_id)) if image_id in self.objects else ""

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        """Adds to the info of an image; where it lies is the PACS's to say."""
        super().update_image_info(
            image_id, {name: value for name, value in info.items() if name not in (PLACE, REPORT)}
        )

    def update_label_info(self, label_id: str, label_tag: str, info: dict[str, Any]) -> None:
        """Adds to the info of a label; whether it was sent is not a client's to say."""
        super().update_label_info(label_id, label_tag, {name: value for name, value in info.items() if name != REPORT})

    def add_image(self, *args: Any, **options: Any) -> NoReturn:
        raise InputError("The images of this server lie in a PACS: send new ones there, and they are listed soon.")

    def remove_image(self, image_id: str) -> NoReturn:
        raise InputError(f"The image {image_id[:200]!r} lies in a PACS and is deleted there, not by this server.")

    def _is_labelled(self, image_id: str) -> bool:
        entry = self.objects.get(image_id)
        return entry is not None and "final" in entry.labels
