"""Starts Python programs in processes that have the large libraries already: a real server within a second or two.

One process imports what takes long and nothing of this project or MONAI Label; each program is a fork of it, with
arguments, environment, log and process group of its own.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

LARGE = ("torch", "monai.apps", "monai.data", "monai.networks.nets", "monai.transforms", "SimpleITK", "uvicorn")


class Forked:
    """A process that is no child of this one, with what ``Popen`` offers of it."""

    def __init__(self, pid: int, code: Path) -> None:
        self.pid, self._code = pid, code

    def poll(self) -> int | None:
        """Its exit code, negative for the signal that ended it; None while it runs."""
        text = self._code.read_text() if self._code.exists() else ""
        return int(text) if text else None

    def wait(self, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    @property
    def returncode(self) -> int | None:
        return self.poll()


class Warm:
    """The process that is forked."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._codes = Path(tempfile.mkdtemp())
        self._count = 0
        atexit.register(shutil.rmtree, self._codes, ignore_errors=True)

    def run(self, module: str, arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> Forked:
        """Runs ``python -m module`` in a process of its own."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._count += 1
        code = self._codes / str(self._count)
        log.write_bytes(b"")  # there to be read before the process has come so far
        order = {"module": module, "arguments": list(arguments), "log": str(log), "environment": dict(environment)}
        order["code"] = str(code)
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Forked(int(self._process.stdout.readline()), code)


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
    for line in sys.stdin:
        order = json.loads(line)
        ready, begun = os.pipe()
        child = os.fork()
        if child == 0:
            os.setsid()
            os.close(begun)
            _become(order)
        os.close(begun)
        os.read(ready, 1)  # ends once the child leads a group of its own, by which it can be ended
        os.close(ready)
        threading.Thread(target=_follow, args=(child, Path(order["code"])), daemon=True).start()
        print(child, flush=True)


def _follow(child: int, code: Path) -> None:
    status = os.waitpid(child, 0)[1]
    code.write_text(str(os.waitstatus_to_exitcode(status)))


def _become(order: dict) -> None:
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.chdir(Path(order["log"]).parent)
    os.environ.update(order["environment"])
    logging._startTime = time.time()  # by which a process tells its age  # type: ignore[attr-defined]
    sys.argv = [order["module"], *order["arguments"]]
    code = 1
    try:
        runpy.run_module(order["module"], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)
