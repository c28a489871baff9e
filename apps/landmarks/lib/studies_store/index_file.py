"""The datastore's index on disk: read when it changed, replaced in one step, set aside when damaged."""

from __future__ import annotations

import os
import time
from pathlib import Path

from pydantic import ValidationError

from monai_ext.landmarks.files import StagedFile

from .entries import StudiesIndex
from .repairs import Repairs


class IndexFile:
    """``datastore_v2.json``. The caller holds the datastore's lock.

    Args:
        path: where the index lies.
        repairs: where a damaged index is reported.
    """

    def __init__(self, path: Path, repairs: Repairs) -> None:
        self.path = path
        self._repairs = repairs
        self._seen: tuple[int, int, int] | None = None

    def read_if_changed(self) -> StudiesIndex | None:
        """The index when another process or a person changed it since the last call, else None.

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
        """The next index, written beside the present one, which :meth:`commit` replaces.

        It is not waited for until it is on the disk: after a power cut the journal, which is, makes it anew.
        """
        return StagedFile(self.path, model.model_dump_json(exclude={"base_path"}, indent=2), durable=False)

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


def unused_name(path: Path) -> Path:
    """``<name>.corrupt-<time>`` beside a file, under which a damaged one is kept."""
    name, number = f"{path.name}.corrupt-{time.strftime('%Y%m%d-%H%M%S')}", 1
    while (aside := path.with_name(name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return aside
