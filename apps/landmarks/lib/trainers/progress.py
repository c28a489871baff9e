"""Progress of a training run, in a file that the training process writes and the server reads."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import psutil

from monai_ext.engines import is_resumable
from monai_ext.landmarks import InputError, plain, read_json, write_json_atomically

from .queue import timestamp

logger = logging.getLogger(__name__)

#: The states in which a run goes on.
ACTIVE = ("queued", "running")
#: Those in which it has ended.
ENDED = ("done", "stopped", "failed")
#: The validations so far; too long for the answer on the progress of the run.
HISTORY = "history"
RESUME = "Training again with the same labels and options goes on from the last saved state."


class ProgressFile:
    """The progress of one protocol's training."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "progress.json"
        self._unwritten: dict[str, Any] | None = None

    def write(self, progress: dict[str, Any], task: dict[str, Any] | None = None) -> None:
        """Replaces the file in one step; the writing process is recorded, so that its end is noticed.

        Args:
            progress: of the run.
            task: what is kept of a run that begins with it; without it the run is that of the file.

        Raises:
            OSError: there is no room.
        """
        document = self._document(progress, task)
        write_json_atomically(self.path, document)
        self._unwritten = None

    def end(self, status: str, sentence: str) -> None:
        """Records that the run ended without a result; the last numbers stay.

        Where there is no room to write it, this process alone knows it.
        """
        self._end({**self._read(), "status": status, "message": sentence}, None)

    def end_if_active(self, status: str, sentence: str, task: dict[str, Any] | None = None) -> None:
        """The same for a run that did not record its end itself; a run of another living process is left alone.

        Args:
            status: how it ended.
            sentence: why.
            task: the run; where the file is about an earlier one that has ended, this one takes its place.
        """
        progress = self._read()
        process = progress.get("process")
        mine = isinstance(process, dict) and process.get("pid") == os.getpid()
        if progress.get("status") in ACTIVE:
            if mine or not _is_alive(process):
                self.end(status, f"{sentence} {RESUME}" if is_resumable(self.folder) else sentence)
        elif task is not None and not is_about(_task_of(progress), task["id"]):
            self._end({"status": status, "epoch": 0, "message": sentence}, task)

    def read(self, *, waiting: bool = False) -> dict[str, Any]:
        """The last progress, as :meth:`look` sees it."""
        return self.look(waiting=waiting)[0]

    def look(self, *, waiting: bool = False) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """The last progress, and what is kept of the run that it is about.

        A run whose process is gone is reported as failed, not as running.

        Args:
            waiting: the server has a run of this protocol that waits or is being started.
        """
        progress = self._read() if self._unwritten is None else dict(self._unwritten)
        task = _task_of(progress)
        progress.pop("task", None)
        progress.pop(HISTORY, None)
        return self._seen(progress, waiting), task

    def history(self) -> list[dict[str, Any]]:
        """The validations of the run, oldest first: ``epoch``, ``loss``, ``val_error`` and what else was measured."""
        history = self._read().get(HISTORY)
        return history if isinstance(history, list) else []

    def _seen(self, progress: dict[str, Any], waiting: bool) -> dict[str, Any]:
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

    def _end(self, progress: dict[str, Any], task: dict[str, Any] | None) -> None:
        try:
            self.write(progress, task)
        except OSError as error:
            logger.warning("The end of the training cannot be written to %s: %s", self.path, error)
            self._unwritten = self._document(progress, task)

    def _document(self, progress: dict[str, Any], task: dict[str, Any] | None) -> dict[str, Any]:
        task = task or _task_of(self._read())
        kept: dict[str, Any] = {"process": _identity(os.getpid())}
        if task is not None:
            ended = {} if progress.get("status") in ACTIVE else {"end_ts": timestamp()}
            kept["task"] = {name: task[name] for name in ("id", "request", "start_ts")} | ended
        return {**plain(progress), **kept}

    def _read(self) -> dict[str, Any]:
        if not self.path.exists():
            return {}
        try:
            document = read_json(self.path)
        except InputError as error:
            return {"status": "failed", "message": str(error)}
        return document if isinstance(document, dict) else {}


def is_about(task: dict[str, Any] | None, identity: str) -> bool:
    """Returns whether progress is about a run; progress that names none is about whichever is requested."""
    return task is None or task["id"] == identity


def _task_of(document: dict[str, Any]) -> dict[str, Any] | None:
    task = document.get("task")
    if not isinstance(task, dict) or not isinstance(task.get("request"), dict):
        return None
    return task if all(isinstance(task.get(name), str) for name in ("id", "start_ts")) else None


def _identity(pid: int) -> dict[str, float]:
    return {"pid": pid, "started": psutil.Process(pid).create_time()}


def _is_alive(process: Any) -> bool:
    """Returns whether the very process of an identity runs; its number may have gone to another one."""
    try:
        running = psutil.Process(int(process["pid"]))
        same = abs(running.create_time() - float(process["started"])) < 1
        return same and running.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, TypeError, KeyError, ValueError):
        return False
