"""Progress of a run: a dict about every second, TensorBoard events after every epoch, and the time that is left."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from .options import OnProgress
from .validation import Selection

#: Seconds between two progress reports within an epoch.
REPORT_INTERVAL = 1.0
#: Seconds of a clock that never goes back, such as ``time.monotonic``.
Clock = Callable[[], float]
#: First steps of a run, which load libraries and fill caches; they are not counted.
SETTLING_STEPS = 3
#: Steps that the first estimate is made from, and that later ones look back on at most.
FEWEST_STEPS, MOST_STEPS = 5, 200


class Reports:
    """Reports of one run.

    Args:
        on_progress: receives progress dicts; None for no reports.
        log_dir: where TensorBoard events go; None for no events.
        constant: what every report says alike.
    """

    def __init__(self, on_progress: OnProgress | None, log_dir: Path | None, constant: dict[str, Any]) -> None:
        self._on_progress, self._log_dir, self._constant = on_progress, log_dir, constant
        self._writer: SummaryWriter | None = None
        self._told_at = time.monotonic()

    def open(self) -> None:
        """Begins a file of events."""
        if self._log_dir is not None:
            self._writer = SummaryWriter(str(self._log_dir))

    def close(self) -> None:
        """Ends the file of events."""
        if self._writer is not None:
            self._writer.close()

    @property
    def due(self) -> bool:
        """True when the last progress report is old."""
        return time.monotonic() - self._told_at >= REPORT_INTERVAL

    def send(self, status: str, epoch: int, loss: float, selection: Selection, **extra: Any) -> None:
        """Reports progress, with all validations so far as ``history``; numbers that are not known yet are None."""
        self._told_at = time.monotonic()
        if self._on_progress is None:
            return
        last = selection.history[-1] if selection.history else {}
        finite = {"loss": loss, "val_error": last.get("val_error"), "best": selection.best.value}
        if "val_error_coarse" in last:
            finite["val_error_coarse"] = last["val_error_coarse"]
        self._on_progress(
            {
                "status": status,
                "epoch": epoch,
                **{name: _finite(value) for name, value in finite.items()},
                "unit": selection.best.unit,
                "model_version": None,
                "history": [{name: _finite(value) for name, value in entry.items()} for entry in selection.history],
                **self._constant,
                **extra,
            }
        )

    def log_epoch(self, epoch: int, loss: float, rate: float) -> None:
        """Writes the events of an epoch."""
        if self._writer is not None:
            self._writer.add_scalar("loss/train", loss, epoch)
            self._writer.add_scalar("learning_rate", rate, epoch)

    def log_validation(self, entry: dict[str, float], unit: str) -> None:
        """Writes the events of a validation."""
        if self._writer is not None:
            for name in entry.keys() - {"epoch", "loss", "batch_size"}:
                self._writer.add_scalar(_tag(name, unit), entry[name], int(entry["epoch"]))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _tag(name: str, unit: str) -> str:
    """The name of a history entry in TensorBoard, where errors carry their unit."""
    if name.startswith("val_error"):
        return f"val/{name.replace('val_error', 'mean_radial_error')}_{unit}"
    return f"val/{name}"


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
