"""Time spent on an image, which stands still while nobody works on it."""

from __future__ import annotations

import time
from typing import Callable

Clock = Callable[[], float]


class Stopwatch:
    """Adds up the time between :meth:`resume` and :meth:`pause`; it starts paused.

    Args:
        seconds: what was spent before.
        clock: seconds from any start; it never goes back.
    """

    def __init__(self, seconds: float = 0.0, clock: Clock = time.monotonic) -> None:
        self._before, self._clock = seconds, clock
        self._since: float | None = None

    @property
    def running(self) -> bool:
        """Whether time counts now."""
        return self._since is not None

    @property
    def seconds(self) -> float:
        """The time spent so far."""
        return self._before + (0.0 if self._since is None else max(self._clock() - self._since, 0.0))

    def resume(self) -> None:
        """Time counts from now on; nothing happens where it does already."""
        if self._since is None:
            self._since = self._clock()

    def pause(self) -> None:
        """Time stands still; nothing happens where it does already."""
        self._before, self._since = self.seconds, None
