"""The index of a studies folder on disk: read when it changed, replaced in one step, set aside when damaged."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from monai_ext.landmarks import InputError, StagedFile

from .records import StudiesIndex, digest

logger = logging.getLogger(__name__)

INDEX_FILE = "datastore_v2.json"


class Repairs(list[str]):
    """Damage that was found in a studies folder and repaired: one sentence each, oldest first."""

    def add(self, sentence: str) -> None:
        """Records a repair and logs it as a warning."""
        logger.warning(sentence)
        self.append(sentence)


class IndexFile:
    """``datastore_v2.json``. The caller holds the folder's lock.

    Args:
        root: the studies folder.
        repairs: where a damaged index is reported.
    """

    def __init__(self, root: Path, repairs: Repairs) -> None:
        self.path = root / INDEX_FILE
        self._repairs = repairs
        self._seen: tuple[int, int, int] | None = None

    def read_if_changed(self) -> StudiesIndex | None:
        """Reads the index when another process or a person changed it since the last call; None when not.

        A damaged index is renamed to ``<name>.corrupt-<time>`` and reported; None is returned, as where there is none.
        """
        try:
            signature = self._signature()
            if signature == self._seen:
                return None
            model = StudiesIndex.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            self._seen = None
            return None
        except ValidationError as error:
            self._set_aside(error)
            return None
        self._seen = signature
        return model

    def stage(self, model: StudiesIndex) -> StagedFile:
        """Writes the next index beside the present one, which :meth:`commit` replaces.

        It is not waited for until it is on the disk: after a power cut the journal, which is, makes it again.
        """
        return StagedFile(self.path, model.model_dump_json(indent=2), durable=False)

    def commit(self, staged: StagedFile) -> None:
        """Replaces the index in one step: a reader, or a crash, sees the old one or the new one."""
        staged.commit()
        self._seen = self._signature()

    def exists(self) -> bool:
        return self.path.exists()

    def _signature(self) -> tuple[int, int, int]:
        stat = os.stat(self.path)
        return stat.st_mtime_ns, stat.st_ino, stat.st_size

    def _set_aside(self, error: ValidationError) -> None:
        aside = unused_name(self.path)
        os.replace(self.path, aside)
        self._seen = None
        self._repairs.add(
            f"The index {self.path} is damaged ({error.errors()[0]['msg']}); it is kept as {aside.name} and rebuilt "
            "from the journal and the image and label files."
        )


def read_index(studies: Path) -> StudiesIndex | None:
    """Reads the index of a studies folder, beside the server that writes it; None if it has none yet.

    Raises:
        InputError: it cannot be read or is damaged.
    """
    path = Path(studies) / INDEX_FILE
    try:
        return StudiesIndex.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path} is damaged{f' at {field}' if field else ''}: {first['msg']}.") from None


def label_notes(index: StudiesIndex | None, image: str, tag: str, label: Path) -> Mapping[str, Any]:
    """The notes that an index holds on a label file.

    None where they are about another content, as of a label that was replaced without the server, which then begins
    its notes anew too.

    Args:
        index: of the studies folder; None without one.
        image: the ID.
        tag: of the label.
        label: its file.
    """
    entry = None if index is None else index.objects.get(image)
    if entry is None or tag not in entry.labels:
        return {}
    known = entry.labels[tag]
    try:
        return known.info if not known.sha256 or known.sha256 == digest(label.read_bytes()) else {}
    except OSError:
        return {}


def unused_name(path: Path) -> Path:
    """Names ``<name>.corrupt-<time>`` beside a file, under which a damaged one is kept."""
    name, number = f"{path.name}.corrupt-{time.strftime('%Y%m%d-%H%M%S')}", 1
    while (aside := path.with_name(name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return aside
