"""Ends a training process when the server that started it is gone."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 1.0


@contextmanager
def ends_with_parent(on_orphaned: Callable[[], None]) -> Iterator[None]:
    """While the block runs, ends this process soon after its parent process ended.

    Nobody could watch or stop such a training, and the next server would not know of it.

    Args:
        on_orphaned: called before the process ends.
    """
    parent = os.getppid()
    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(SECONDS_BETWEEN_LOOKS):
            if os.getppid() != parent:
                logger.warning("The server is gone; training stops.")
                on_orphaned()
                os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
    try:
        yield
    finally:
        finished.set()
