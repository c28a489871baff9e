"""The files of a studies folder: where they lie, and what tells their contents apart."""

from __future__ import annotations

import os
from pathlib import Path

from monai_ext.images import LABEL_EXTENSION

from .entries import digest


class StudyFiles:
    """Images directly in a folder, labels in ``labels/<tag>/<ID>.mrk.json``. The caller holds the datastore's lock.

    Args:
        root: the studies folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.labels = root / "labels"
        self._digests: dict[Path, tuple[tuple[int, int, int], str]] = {}

    def image(self, image: str, extension: str) -> Path:
        return self.root / f"{image}{extension}"

    def label(self, image: str, tag: str) -> Path:
        return self.labels / tag / f"{image}{LABEL_EXTENSION}"

    def image_digest(self, image: str, extension: str) -> str | None:
        """The SHA-256 of an image file; None where there is none."""
        try:
            return digest(self.image(image, extension).read_bytes())
        except OSError:
            return None

    def label_digest(self, image: str, tag: str) -> str | None:
        """The SHA-256 of a label file, which is read only when it changed; None where there is none."""
        path = self.label(image, tag)
        try:
            stat = os.stat(path)
            signature = stat.st_mtime_ns, stat.st_ino, stat.st_size
            known = self._digests.get(path)
            if known is None or known[0] != signature:
                known = self._digests[path] = (signature, digest(path.read_bytes()))
        except OSError:
            self._digests.pop(path, None)
            return None
        return known[1]
