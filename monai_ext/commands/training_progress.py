"""What ``train`` says while it trains: a header, the time that it will take, and a line for each epoch."""

from __future__ import annotations

from typing import Any

from monai_ext.landmarks import Protocol

from .meter import Meter, duration


class TrainingProgress:
    """Takes the progress dicts of a training, as of :meth:`monai_ext.engines.run.Run.report`.

    Args:
        protocol: that is trained.
        minutes: that bound the training; None without a bound.
        meter: of the command.
    """

    def __init__(self, protocol: Protocol, minutes: float | None, meter: Meter) -> None:
        self._meter = meter
        self._run: tuple[int, int] | None = None
        self._complete, self._estimated = 0, False
        width, height = protocol.network.input_size.wh
        bound = "" if minutes is None else f"; at most {minutes:g} minutes, so the first steps are timed"
        meter.say(f"Training {protocol.name}: network {protocol.network.name}, input {width} x {height} pixels{bound}.")

    def __call__(self, progress: dict[str, Any]) -> None:
        """Shows one progress dict."""
        if "max_steps" not in progress:  # a run that was stopped before it began
            return
        if self._run != (progress["max_steps"], progress["batch_size"]):  # the first one, or one of smaller batches
            self._begin(progress)
        left, complete = progress["seconds_left"], progress["complete_epochs"]
        if left is not None and progress["status"] == "running" and not self._estimated:
            self._estimated = True
            self._meter.say(f"About {duration(left)} to go, by the first steps.")
        line = None
        if complete > self._complete:
            self._complete = complete
            line = f"epoch {complete}/{progress['max_epochs']}: {_numbers(progress, progress['val_epoch'] == complete)}"
        self._meter.update(
            progress["step"],
            progress["max_steps"],
            what=f"Epoch {progress['epoch']}/{progress['max_epochs']}",
            note=progress.get("message") or _numbers(progress, True),
            line=line,
            seconds_left=left or 0.0,  # until it is known, the pace of the first steps says nothing
        )

    def _begin(self, progress: dict[str, Any]) -> None:
        self._run = (progress["max_steps"], progress["batch_size"])
        self._complete, self._estimated = progress["complete_epochs"], False
        epochs, steps = progress["max_epochs"], progress["max_steps"]
        self._meter.say(
            f"On {progress['device']}: {progress['train_images']} images to train, "
            f"{progress['val_images']} to validate; "
            f"{epochs} epochs of {steps // epochs} steps, batches of {progress['batch_size']}."
        )
        if progress["step"]:
            self._meter.say(f"Going on after step {progress['step']} of {steps}.")


def _numbers(progress: dict[str, Any], validated: bool) -> str:
    unit = f" {progress['unit']}"
    named = [("loss", "loss", "")]
    named += [("error", "val_error", unit), ("coarse", "val_error_coarse", unit)] if validated else []
    return ", ".join(f"{word} {progress[key]:.3f}{of}" for word, key, of in named if progress.get(key) is not None)
