"""How far a training run is, in a file that the training process writes and the server reads."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from monai_ext.engines.resume import is_resumable
from monai_ext.landmarks import InputError
from monai_ext.landmarks.answer import plain
from monai_ext.landmarks.files import read_json, write_json_atomically

logger = logging.getLogger(__name__)

#: The states in which a run goes on.
ACTIVE = ("queued", "running")
RESUME = "Training again with the same labels and options goes on from the last saved state."


class ProgressFile:
    """The progress of one protocol's training.

    Args:
        folder: the model folder of the protocol.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "progress.json"
        self._unwritten: dict[str, Any] | None = None

    def write(self, progress: dict[str, Any]) -> None:
        """Replaces the file in one step; the writing process is recorded, so that its end is noticed.

        Raises:
            OSError: there is no room.
        """
        write_json_atomically(self.path, {**plain(progress), "process": _identity(os.getpid())})
        self._unwritten = None

    def end(self, status: str, sentence: str) -> None:
        """Records that the run ended without a result; the last numbers stay.

        Where there is no room to write it, this process alone knows it.
        """
        progress = {**self._read(), "status": status, "message": sentence}
        try:
            self.write(progress)
        except OSError as error:
            logger.warning("The end of a training cannot be written to %s: %s", self.path, error)
            self._unwritten = plain(progress)

    def end_if_active(self, status: str, sentence: str) -> None:
        """The same for a run that did not record its end itself; a run of another living process is left alone."""
        progress = self._read()
        process = progress.get("process")
        mine = isinstance(process, dict) and process.get("pid") == os.getpid()
        if progress.get("status") in ACTIVE and (mine or not _is_alive(process)):
            self.end(status, f"{sentence} {RESUME}" if is_resumable(self.folder) else sentence)

    def read(self, *, waiting: bool = False) -> dict[str, Any]:
        """The last progress; a run whose process is gone is reported as failed, not as running.

        Args:
            waiting: the server has a run of this protocol that waits or is being started.
        """
        progress = self._read() if self._unwritten is None else dict(self._unwritten)
        if not progress:
            return {"status": "never"}
        process = progress.pop("process", None)
        status = progress.get("status")
        alive = waiting if status == "queued" else _is_alive(process)
        if status in ACTIVE and not (alive or waiting):
            message = "The training process ended early, by force or with its server."
            if is_resumable(self.folder):
                message = f"{message} {RESUME}"
            return {**progress, "status": "failed", "message": message}
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
