"""Ends a training process when the server that started it is gone."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from monai_ext.engines.stop import StopSwitch

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 1.0
#: Seconds that a training has to save itself.
GRACE = 15.0
CAUSE = "The server ended."


@contextmanager
def ends_with_parent(stop: StopSwitch, on_lost: Callable[[], None]) -> Iterator[None]:
    """While the block runs, asks for a stop when the parent process has ended, and soon ends this process.

    Nobody could watch or stop such a training, and the next server would not know of it.

    Args:
        stop: what is asked for at first, so that the run is saved.
        on_lost: called before the process ends because it did not stop.
    """
    parent = os.getppid()
    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(SECONDS_BETWEEN_LOOKS):
            if os.getppid() != parent:
                logger.warning("The server is gone; training stops.")
                stop.ask(CAUSE)
                if not finished.wait(GRACE):
                    on_lost()
                    os._exit(1)
                return

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
    try:
        yield
    finally:
        finished.set()
