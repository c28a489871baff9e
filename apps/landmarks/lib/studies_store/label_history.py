"""Earlier versions of labels: kept when a label is replaced or deleted, hidden from all who look for labels."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from monai_ext.images import LABEL_EXTENSION
from monai_ext.landmarks import InputError
from monai_ext.landmarks.files import read_json

from ..errors import NotFoundError
from .change_set import ChangeSet
from .entries import LabelEntry, digest

logger = logging.getLogger(__name__)

Reason = Literal["replaced", "deleted"]
#: Earlier versions of one label that are kept.
KEPT_VERSIONS = 20
_NOTES_EXTENSION = ".info.json"
_STAMP = "%Y%m%dT%H%M%SZ"
_VERSION = re.compile(r"\d{8}T\d{6}Z-\d{1,9}")


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
        """Whether it is what a record says, file and notes."""
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
            raise NotFoundError(f"The version {self.version!r} is no longer kept: list the versions again.") from None

    def is_readable(self) -> bool:
        """Whether its file holds a JSON object."""
        return is_readable(self.path)


class LabelHistory:
    """``labels/.history/<tag>/<ID>/<version>.mrk.json``, each with its notes beside it.

    Args:
        labels: the folder of the labels.
    """

    def __init__(self, labels: Path) -> None:
        self._root = labels / ".history"

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
            logger.warning("%s is no earlier label: its name holds no date.", path)
            return None
        notes: Any = {}
        notes_path = path.with_name(f"{version}{_NOTES_EXTENSION}")
        try:
            notes = read_json(notes_path)
        except InputError as error:
            logger.warning("The notes on an earlier label are lost: %s", error)
        notes = notes if isinstance(notes, dict) else {}
        info = notes.get("info")
        return LabelVersion(
            version, time, str(notes.get("reason", "replaced")), info if isinstance(info, dict) else {}, path
        )


def is_readable(path: Path) -> bool:
    """Whether a label file is whole: JSON that is an object."""
    try:
        return isinstance(read_json(path), dict)
    except InputError:
        return False
