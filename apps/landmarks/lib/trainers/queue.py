"""The training processes of this server: one at a time, the others wait.

They stand in MONAI Label's own lists, as those of its other tasks do. Its own runner loses what a
process said last, leaves a process that cannot start waiting for ever, and cannot stop one that waits.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import psutil
from monailabel.utils.async_tasks.utils import background_processes, background_tasks

from ..background import Background
from .ending import PROCESS_VARIABLE, SERVER_VARIABLE, Ending

logger = logging.getLogger(__name__)
process_logger = logging.getLogger("task_train")

METHOD = "train"
#: Seconds that a training has to stop; a client waits for the answer meanwhile.
STOP_SECONDS = 12.0
#: Lines of its log that a client sees, and trainings that ended which it sees.
LINES, KEPT = 20, 50

#: Settings of MONAI Label for parts of the server that a training process has no use for.
UNUSED = (
    "MONAI_LABEL_DATASTORE_AUTO_RELOAD",
    "MONAI_LABEL_SESSIONS",
    "MONAI_LABEL_TASKS_BATCH_INFER",
    "MONAI_LABEL_TASKS_SCORING",
    "MONAI_LABEL_TASKS_STRATEGY",
)

#: Takes how a process ended and gives MONAI Label's word for it: DONE, STOPPED or ERROR.
OnEnd = Callable[[Ending], str]


@dataclass(eq=False)
class _Entry:
    task: dict[str, Any]
    on_end: OnEnd
    process: subprocess.Popen[str] | None = None
    asked: bool = False
    forced: bool = False
    ended: threading.Event = field(default_factory=threading.Event)

    def matches(self, model: str | None) -> bool:
        return model is None or self.task["request"]["model"] == model


class TrainingQueue:
    """Runs training requests one after the other, each in a process of its own."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[_Entry] = deque()
        self._running: _Entry | None = None
        self._background = Background("training-queue", self._work)

    def busy(self, model: str | None = None) -> bool:
        """Returns whether a training runs or waits; of one model where it is given."""
        with self._changed:
            return any(entry.matches(model) for entry in self._entries())

    def wait_until_idle(self) -> bool:
        """Waits a little for a process that has done its work to be gone; whether nothing runs or waits then."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._entries(), STOP_SECONDS)

    def active(self, model: str) -> list[dict[str, Any]]:
        """The tasks of a model that run or wait, the one that runs first."""
        with self._changed:
            return [dict(entry.task) for entry in self._entries() if entry.matches(model)]

    def submit(
        self, request: dict[str, Any], announce: Callable[[dict[str, Any]], None], on_end: OnEnd
    ) -> dict[str, Any]:
        """Queues a request.

        Args:
            request: what the process gets.
            announce: records the task of a model that will be trained; not called while a training of it runs or waits.
            on_end: records how the process ended.

        Returns:
            Its task as MONAI Label describes it.
        """
        task = {**new_record(request), "status": WORDS["queued"]}
        background_processes.setdefault(METHOD, {})
        with self._changed:
            if not self.busy(request["model"]):
                announce(task)
            background_tasks[METHOD] = [*background_tasks.get(METHOD, [])[-KEPT:], task]
            self._waiting.append(_Entry(task, on_end))
        self._background.start()
        self._background.wake()
        return dict(task)

    def stop(self, model: str | None = None) -> dict[str, Any] | None:
        """Stops what runs and removes what waits; of one model where it is given. Returns once that has ended.

        Returns:
            The task that ran, else the last one that waited; None if there was none.
        """
        with self._changed:
            stopped = [entry for entry in self._entries() if entry.matches(model)]
            self._waiting = deque(entry for entry in self._waiting if entry not in stopped)
            running = self._running if self._running in stopped else None
            for entry in stopped:
                entry.asked = True
                if entry is not running:
                    _end(entry, Ending(None, asked=True))
            process = None if running is None else running.process
        if running is not None:
            if process is not None:
                process.terminate()
            if not running.ended.wait(STOP_SECONDS):
                running.forced = True
                _kill_tree(running.process)
                running.ended.wait(STOP_SECONDS / 4)
            return dict(running.task)
        return dict(stopped[-1].task) if stopped else None

    def _entries(self) -> list[_Entry]:
        return [*([self._running] if self._running is not None else []), *self._waiting]

    def _work(self) -> float | None:
        with self._changed:
            if not self._waiting:
                return None
            entry = self._running = self._waiting.popleft()
        try:
            _run(entry)
        except Exception:
            logger.exception("A training process could not be followed.")
            _end(entry, Ending(None, "its output could not be read"))
        finally:
            with self._changed:
                self._running = None
                self._changed.notify_all()
        return 0.0


def command_of(request: dict[str, Any]) -> list[str]:
    """MONAI Label's command for a training process."""
    text = json.dumps(request, separators=(",", ":"))
    return [sys.executable, "-m", "monailabel.interfaces.utils.app", "-m", METHOD, "-r", text]


def _run(entry: _Entry) -> None:
    task = entry.task
    env = {**os.environ, PROCESS_VARIABLE: task["id"], "PYTHONIOENCODING": "utf-8:backslashreplace"}
    env[SERVER_VARIABLE] = str(os.getpid())
    env |= dict.fromkeys(UNUSED, "false")
    try:
        entry.process = process = subprocess.Popen(
            command_of(task["request"]),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        _end(entry, Ending(None, error.strerror or str(error), asked=entry.asked))
        return
    task["status"], task["details"] = WORDS["running"], []
    background_processes[METHOD][task["id"]] = process
    if entry.asked:  # while it was being started
        process.terminate()
    said = _follow(process, task)
    code = process.wait()
    logger.info("The training process ended with code %d.", code)
    background_processes[METHOD].pop(task["id"], None)
    _end(entry, Ending(code, said, entry.asked, entry.forced))


def _follow(process: subprocess.Popen[str], task: dict[str, Any]) -> str:
    """Reads what a process says until it ends; clients see the last lines without tracebacks. Returns the last one."""
    last, in_traceback = "", False
    assert process.stdout is not None
    with process.stdout:
        for line in map(str.rstrip, process.stdout):
            if not line:
                continue
            process_logger.info(line)
            indented = line.startswith(" ")
            if line.startswith("Traceback "):
                in_traceback = True
            elif not (in_traceback and indented):
                in_traceback, last = False, line
                task["details"] = [*task["details"], line][-LINES:]  # a new list: a request may read the old one
    return last


def _end(entry: _Entry, ending: Ending) -> None:
    try:
        status = entry.on_end(replace(ending, task=entry.task))
    except Exception:
        logger.exception("The end of a training could not be recorded.")
        status = WORDS["failed"]
    entry.task.update(status=status, end_ts=timestamp())
    entry.ended.set()


def _kill_tree(process: subprocess.Popen[str] | None) -> None:
    if process is None:
        return
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        children = []
    for each in (process, *children):
        try:
            each.kill()
        except (psutil.Error, OSError):
            logger.info("The process %d has ended already.", each.pid)


#: Of this server; like MONAI Label's own lists, it outlives a reload of the app.
training_queue = TrainingQueue()


#: MONAI Label's word for each state of a training.
WORDS = {"queued": "SUBMITTED", "running": "RUNNING", "done": "DONE", "stopped": "STOPPED", "failed": "ERROR"}


def new_record(request: Mapping[str, Any], identity: str | None = None) -> dict[str, Any]:
    """Returns what is kept of a training that is requested now.

    Args:
        request: what its process gets.
        identity: where it has one already.
    """
    return {"id": identity or str(uuid.uuid4()), "request": dict(request), "start_ts": timestamp()}


def timestamp() -> str:
    """The present time, as MONAI Label writes it."""
    return datetime.now().strftime("%Y-%m-%d %H:%M:%S")
