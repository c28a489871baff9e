"""Starts Python programs in processes that have the large libraries already: a real server within a second or two.

One process imports what takes long and nothing of this project or MONAI Label; each program is a fork of it, with
arguments, environment, log and process group of its own.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]

LARGE = ("torch", "monai.apps", "monai.data", "monai.networks.nets", "monai.transforms", "SimpleITK", "uvicorn")


class Forked:
    """A process that is no child of this one, with what ``Popen`` offers of it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._process = psutil.Process(pid)

    def poll(self) -> int | None:
        return None if self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE else -1

    def wait(self, timeout: float) -> None:
        self._process.wait(timeout)

    def send_signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()

    @property
    def returncode(self) -> int | None:
        return self.poll()


class Warm:
    """The process that is forked."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, module: str, arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> Forked:
        """Runs ``python -m module`` in a process of its own."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"module": module, "arguments": list(arguments), "log": str(log), "environment": dict(environment)}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Forked(int(self._process.stdout.readline()))


@cache
def warm() -> Warm:
    """The process with the large libraries of this test process, with which it ends; what it forked goes on."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", "import app_warm; app_warm.serve()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    atexit.register(process.kill)
    return Warm(process)


def serve() -> None:
    """Imports the large libraries, then forks for each line that is read."""
    for name in LARGE:
        __import__(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them here
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(order)
        print(child, flush=True)


def _become(order: dict) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.chdir(Path(order["log"]).parent)
    os.environ.update(order["environment"])
    sys.argv = [order["module"], *order["arguments"]]
    try:
        runpy.run_module(order["module"], run_name="__main__", alter_sys=True)
    finally:
        sys.stdout.flush()
        os._exit(1)
