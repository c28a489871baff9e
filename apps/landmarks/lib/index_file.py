"""The datastore's index on disk: read when it changed, replaced in one step, set aside when damaged."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path
from typing import Any

from monailabel.datastore.local import LocalDatastoreModel
from pydantic import ValidationError

from monai_ext.landmarks import InputError
from monai_ext.landmarks.files import write_atomically

logger = logging.getLogger(__name__)

_MAX_INFO_DEPTH = 20


class IndexFile:
    """``datastore_v2.json``. The caller holds the datastore's lock.

    Args:
        path: where the index lies.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._seen: tuple[int, int, int] | None = None

    def read_if_changed(self) -> LocalDatastoreModel | None:
        """The index when another process or a person changed it since the last call, else None.

        A damaged index is renamed to ``<name>.corrupt-<time>`` with a warning; None is returned and labels are found
        again from their files.
        """
        try:
            signature = self._signature()
            if signature == self._seen:
                return None
            model = LocalDatastoreModel.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            self._seen = None
            return None
        except ValidationError as error:
            self._set_aside(error)
            return None
        self._seen = signature
        return model

    def write(self, model: LocalDatastoreModel) -> None:
        """Replaces the index in one step: a reader, or a crash, sees the old one or the new one."""
        document = model.model_dump(exclude={"base_path"})
        write_atomically(self.path, json.dumps(document, indent=2, allow_nan=False))
        self._seen = self._signature()

    def exists(self) -> bool:
        return self.path.exists()

    def _signature(self) -> tuple[int, int, int]:
        stat = os.stat(self.path)
        return stat.st_mtime_ns, stat.st_ino, stat.st_size

    def _set_aside(self, error: ValidationError) -> None:
        name, number = f"{self.path.name}.corrupt-{time.strftime('%Y%m%d-%H%M%S')}", 1
        while (aside := self.path.with_name(name if number == 1 else f"{name}-{number}")).exists():
            number += 1
        os.replace(self.path, aside)
        self._seen = None
        logger.warning(
            "The index %s is damaged (%s); it is kept as %s and rebuilt from the image and label files.",
            self.path,
            error.errors()[0]["msg"],
            aside.name,
        )


def check_info(info: Any) -> dict[str, Any]:
    """A dictionary of notes on an image or label, when it survives being written to and read from the index.

    Raises:
        InputError: not a JSON object, too deep, a number that is not finite, or text that is not Unicode.
    """
    if not isinstance(info, dict):
        raise InputError(f"The info of an image or label is a JSON object, not {type(info).__name__}.")
    if _depth(info) > _MAX_INFO_DEPTH:
        raise InputError(f"The info of an image or label is nested more than {_MAX_INFO_DEPTH} deep; flatten it.")
    try:
        json.dumps(info, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise InputError(f"The info of an image or label cannot be stored as JSON: {error}.") from None
    return info


def _depth(value: Any) -> int:
    """How deep lists and dictionaries are nested; level by level, so that no depth exhausts the stack."""
    depth, level = 0, [value]
    while level and depth <= _MAX_INFO_DEPTH:
        inner = [v.values() if isinstance(v, dict) else v for v in level if isinstance(v, dict | list | tuple)]
        level = [item for items in inner for item in items]
        depth += bool(inner)
    return depth
