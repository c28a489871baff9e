"""Which image lies under an ID: a digest of its content, that a client sends back with what was done on the image."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

from cachetools import LRUCache

from monai_ext.images import pixel_file

#: Images whose digests are remembered.
CAPACITY = 20000


class Revisions:
    """Digests of images, of which each state is read once; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: LRUCache[tuple[str, str], str] = LRUCache(CAPACITY)

    def of(self, image: str, state: str, path: Path) -> str:
        """The digest of an image's file, and of the one that holds its pixels; empty where they cannot be read.

        Args:
            image: its ID.
            state: of it, as it was before this call; it changes when the image is replaced.
            path: the file.
        """
        with self._lock:
            known = self._known.get((image, state))
        if known is not None:
            return known
        digest = hashlib.sha256()
        try:
            for file in filter(None, (path, pixel_file(path))):
                with file.open("rb") as stream:
                    while block := stream.read(1 << 20):
                        digest.update(block)
        except OSError:
            return ""
        found = digest.hexdigest()[:32]
        with self._lock:
            self._known[image, state] = found
        return found
