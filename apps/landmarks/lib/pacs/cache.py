"""The files of images that were fetched: no more than a limit, the ones unused for longest go first."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from monai_ext.dicomweb import MEGABYTE

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
