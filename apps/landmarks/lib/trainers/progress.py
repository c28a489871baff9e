"""How far a training run is, in a file that the training process writes and the server reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from monai_ext.landmarks import InputError
from monai_ext.landmarks.answer import plain
from monai_ext.landmarks.files import read_json, write_json_atomically

#: The states in which a run goes on.
ACTIVE = ("queued", "running")


class ProgressFile:
    """The progress of one protocol's training.

    Args:
        folder: the model folder of the protocol.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "progress.json"

    def write(self, progress: dict[str, Any]) -> None:
        """Replaces the file in one step; the writing process is recorded, so that its end is noticed."""
        write_json_atomically(self.path, {**plain(progress), "process": _identity(os.getpid())})

    def fail(self, sentence: str) -> None:
        """Records that the run ended without a result; the last numbers stay."""
        self.write({**self._read(), "status": "failed", "message": sentence})

    def read(self, *, waiting: bool = False, stopped: bool = False) -> dict[str, Any]:
        """The last progress; a run whose process is gone is reported as stopped or failed, not as running.

        Args:
            waiting: the server has a run of this protocol that waits or is being started.
            stopped: a person stopped the last run.
        """
        progress = self._read()
        if not progress:
            return {"status": "never"}
        process = progress.pop("process", None)
        status = progress.get("status")
        alive = waiting if status == "queued" else _is_alive(process)
        # a stopped process may take a moment to go: what the person asked for counts
        if status in ACTIVE and (stopped or not (alive or waiting)):
            message = "Training was stopped." if stopped else "The training process ended early; see the server's log."
            return {**progress, "status": "stopped" if stopped else "failed", "message": message}
        return progress

    def _read(self) -> dict[str, Any]:
        if not self.path.exists():
            return {}
        try:
            document = read_json(self.path)
        except InputError as error:
            return {"status": "failed", "message": str(error)}
        return document if isinstance(document, dict) else {}


def _identity(pid: int) -> dict[str, float]:
    return {"pid": pid, "started": psutil.Process(pid).create_time()}


def _is_alive(process: Any) -> bool:
    """Whether the very process of an identity runs; its number may have gone to another one."""
    try:
        running = psutil.Process(int(process["pid"]))
        same = abs(running.create_time() - float(process["started"])) < 1
        return same and running.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, TypeError, KeyError, ValueError):
        return False
