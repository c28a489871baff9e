"""Labels: stored, deleted and restored as one change of file and notes; their earlier versions are kept.

The versions are hidden from all who look for labels.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from monai_ext.images import LABEL_EXTENSION, check_image_id
from monai_ext.landmarks import InputError, read_json

from .change_set import ChangeSet
from .readers import DRAFTS, READINGS
from .records import (
    LabelEntry,
    NotFoundError,
    Objects,
    digest,
    known_image,
    known_label,
    label_entry,
    no_such_image,
    with_first_submission,
)
from .study_files import LABEL_TAGS, StudyFiles

logger = logging.getLogger(__name__)

MEGABYTE = 1024 * 1024
#: Size of a label file, and of a request that brings one with its notes. 3D Slicer writes about 600 bytes a point: a
#: face of 68 landmarks has some 40 kB, and 1,700 points still fit.
LABEL_MEGABYTES = 1
Reason = Literal["replaced", "deleted"]
#: Earlier versions of one label that are kept.
KEPT_VERSIONS = 20
_NOTES_EXTENSION = ".info.json"
HISTORY_FOLDER = ".history"
_STAMP = "%Y%m%dT%H%M%SZ"
_VERSION = re.compile(r"\d{8}T\d{6}Z-\d{1,9}")


class TooLargeError(InputError):
    """Something has more bytes than what it is sent as may have."""


@dataclass(frozen=True)
class LabelVersion:
    """A label as it was.

    Attributes:
        version: names it; the number at its end counts up.
        time: when it was replaced or deleted, in UTC.
        reason: ``replaced`` or ``deleted``.
        info: the notes on it.
        path: its file.
    """

    version: str
    time: datetime
    reason: str
    info: dict[str, Any]
    path: Path

    def is_same(self, label: LabelEntry) -> bool:
        """Returns whether it is what a record says, file and notes."""
        return self.info == label.info and digest(self.read()) == label.sha256

    @property
    def number(self) -> int:
        return int(self.version.rpartition("-")[2])

    @property
    def notes_path(self) -> Path:
        return self.path.with_name(f"{self.version}{_NOTES_EXTENSION}")

    def read(self) -> bytes:
        """Its content.

        Raises:
            NotFoundError: it has been removed meanwhile.
        """
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            raise NotFoundError(f"The version {self.version!r} was removed: list the versions again.") from None


class LabelHistory:
    """``labels/.history/<tag>/<ID>/<version>.mrk.json``, each with its notes beside it."""

    def __init__(self, labels: Path) -> None:
        self._root = labels / HISTORY_FOLDER

    def versions(self, image: str, tag: str) -> list[LabelVersion]:
        """The earlier versions of a label, newest first."""
        found = [self._version(path) for path in self._folder(image, tag).glob(f"*{LABEL_EXTENSION}")]
        return sorted((v for v in found if v is not None), key=lambda v: v.number, reverse=True)

    def keep(
        self, changes: ChangeSet, image: str, tag: str, present: Path, info: dict[str, Any], reason: Reason
    ) -> None:
        """Makes the present label a version, as a part of the change that ends it; the oldest ones go."""
        versions = self.versions(image, tag)
        now = datetime.now(timezone.utc)
        version = f"{now.strftime(_STAMP)}-{versions[0].number + 1 if versions else 1}"
        folder = self._folder(image, tag)
        notes = {"reason": reason, "info": info}
        changes.write(folder / f"{version}{_NOTES_EXTENSION}", json.dumps(notes, indent=2))
        changes.keep(present, folder / f"{version}{LABEL_EXTENSION}")
        for old in versions[KEPT_VERSIONS - 1 :]:
            changes.remove(old.path)
            changes.remove(old.notes_path)

    def _folder(self, image: str, tag: str) -> Path:
        return self._root / tag / image

    def _version(self, path: Path) -> LabelVersion | None:
        version = path.name.removesuffix(LABEL_EXTENSION)
        if not _VERSION.fullmatch(version):
            return None
        try:
            time = datetime.strptime(version.rpartition("-")[0], _STAMP).replace(tzinfo=timezone.utc)
        except ValueError:
            logger.warning("%s is not an earlier label: its name holds no date.", path)
            return None
        notes: Any = {}
        notes_path = path.with_name(f"{version}{_NOTES_EXTENSION}")
        try:
            notes = read_json(notes_path)
        except InputError as error:
            logger.warning("The notes of an earlier label are lost: %s", error)
        notes = notes if isinstance(notes, dict) else {}
        info = notes.get("info")
        return LabelVersion(
            version, time, str(notes.get("reason", "replaced")), info if isinstance(info, dict) else {}, path
        )


@dataclass(frozen=True)
class LabelChanges:
    """The changes of labels; each is a part of a change of the whole folder."""

    files: StudyFiles
    history: LabelHistory

    def store(self, changes: ChangeSet, image: str, tag: str, content: bytes, info: dict[str, Any]) -> None:
        """Puts a label in place; the present one becomes an earlier version, whose first submission is kept in mind.

        Raises:
            NotFoundError: there is no such image.
            TooLargeError: it has more bytes than a label can have.
        """
        check_label_size(content, f"The {tag} label of {image[:80]!r}")
        known = known_image(changes.objects, image)
        if tag in known.labels:
            self.keep(changes, image, tag, known.labels[tag], "replaced")
            if tag == "final" or tag in READINGS:
                info = with_first_submission(info, known.labels[tag].info)
        changes.write(self.files.label(image, tag), content)
        changes.set_label(image, tag, label_entry(image, digest(content), info))

    def delete(self, changes: ChangeSet, image: str, tag: str) -> None:
        """Takes a label away; it becomes an earlier version."""
        _, label = known_label(changes.objects, image, tag)
        self.keep(changes, image, tag, label, "deleted")
        changes.remove(self.files.label(image, tag))
        changes.drop_label(image, tag, self.files.label_digest(image, tag) or label.sha256)

    def end_draft(self, changes: ChangeSet, image: str, draft: str, by: str = "final") -> None:
        """Takes a draft away that a finished label ends; one of another protocol stays.

        Args:
            changes: what is being changed.
            image: its ID.
            draft: the tag under which the draft lies, if there is one.
            by: the tag of the finished label.
        """
        known = known_image(changes.objects, image)
        protocols = {known.protocol(by), known.protocol(draft)} - {None}
        if draft in known.labels and len(protocols) < 2:
            self.delete(changes, image, draft)

    def earlier(self, objects: Objects, image: str, tag: str) -> list[LabelVersion]:
        """The earlier versions of a label, newest first.

        Raises:
            NotFoundError: the tag is unknown, or there is no such image and no earlier version.
        """
        if tag not in {*LABEL_TAGS, *READINGS, *DRAFTS}:
            raise NotFoundError(f"The label tag {tag[:80]!r} is unknown; use one of {', '.join(LABEL_TAGS)}.")
        known = objects.get(image)
        versions = self.history.versions(image, tag) if known is not None or _is_plain(image) else []
        if known is None and not versions:
            raise NotFoundError(no_such_image(image, objects))
        present = known.labels.get(tag) if known is not None else None
        if present is not None and versions and versions[0].is_same(present):
            return versions[1:]  # a process was ended before it replaced the label
        return versions

    def keep(self, changes: ChangeSet, image: str, tag: str, label: LabelEntry, reason: Reason) -> None:
        """Makes the present label an earlier version."""
        sha256 = self.files.label_digest(image, tag)
        if sha256 is None:
            return  # deleted by hand a moment ago
        # Notes that are about another content say nothing of this one.
        info = label.info if label.sha256 in {"", sha256} else {}
        self.history.keep(changes, image, tag, self.files.label(image, tag), info, reason)


def check_label_size(content: bytes, label: str) -> None:
    """Refuses what is no label by its size alone.

    Raises:
        TooLargeError: it has more than a label can have.
    """
    if len(content) > LABEL_MEGABYTES * MEGABYTE:
        raise TooLargeError(
            f"{label} has {len(content) / MEGABYTE:.1f} MB, more than the {LABEL_MEGABYTES} MB that this server "
            "accepts for a label: save the points alone as a markups file."
        )


def is_readable(path: Path) -> bool:
    """Returns whether a label file is whole: JSON that is an object."""
    try:
        return isinstance(read_json(path), dict)
    except InputError:
        return False


def _is_plain(image: str) -> bool:
    try:
        check_image_id(image)
    except InputError:
        return False
    return True
