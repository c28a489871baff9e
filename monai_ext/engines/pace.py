"""The time that a run has taken and still takes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Seconds of a clock that never goes back, such as ``time.monotonic``.
Clock = Callable[[], float]
#: First steps of a run, which load libraries and fill caches; they are not counted.
SETTLING_STEPS = 3
#: Steps that the first estimate is made from, and that later ones look back on at most.
FEWEST_STEPS, MOST_STEPS = 5, 200


class Pace:
    """Estimates the rest of a run from its latest steps and its last validation.

    Args:
        clock: that is read.
        begun: what it said when the run began.
    """

    def __init__(self, clock: Clock = time.monotonic, begun: float | None = None) -> None:
        self._clock = clock
        self._begun = clock() if begun is None else begun
        self._steps = 0
        self._aside = 0.0  # seconds beside the steps
        self._marks: deque[float] = deque(maxlen=MOST_STEPS + 1)
        self._validation: float | None = None

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return self._clock() - self._begun

    def add_step(self) -> None:
        """Counts a step that has ended."""
        self._steps += 1
        if self._steps >= SETTLING_STEPS:
            self._marks.append(self._clock() - self._aside)

    @contextmanager
    def validating(self) -> Iterator[None]:
        """Takes the time of a validation, which is not that of a step."""
        begun = self._clock()
        try:
            yield
        finally:
            self._validation = self._clock() - begun
            self._aside += self._validation

    def seconds_left(self, steps: int, passes: int, batches: int) -> float | None:
        """Seconds until the end; None while too few steps have been timed.

        Args:
            steps: that are left.
            passes: over the validation images that are left.
            batches: of such a pass. Until one was timed, a batch counts as a step, which takes longer.
        """
        if len(self._marks) <= FEWEST_STEPS:
            return None
        step = (self._marks[-1] - self._marks[0]) / (len(self._marks) - 1)
        validation = batches * step if self._validation is None else self._validation
        return steps * step + passes * validation
