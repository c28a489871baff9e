"""Starts the real server as a process group of its own and ends all of it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app_warm import ROOT, Forked, warm

APP_DIR = ROOT / "apps" / "landmarks"
START_SECONDS = 120
MODULE = "monailabel.main"
PROGRAM = (sys.executable, "-m", MODULE)


@dataclass
class Server:
    """A server process; ``log()`` is what it printed."""

    url: str
    process: subprocess.Popen[bytes] | Forked
    log_path: Path

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")


@contextmanager
def run_server(
    app_dir: Path,
    studies: Path | str,
    conf: Mapping[str, str],
    log_path: Path,
    options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """A server that answers; its log is printed when the block fails."""
    server = launch(app_dir, studies, conf, log_path, options, environment)
    try:
        wait_until_up(server)
        yield server
    except BaseException:
        print(f"---- server log ----\n{server.log()[-8000:]}")
        raise
    finally:
        end_group(server.process)


def launch(
    app_dir: Path,
    studies: Path | str,
    conf: Mapping[str, str],
    log_path: Path,
    options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    *,
    program: Sequence[str] | None = None,
    prepare: Callable[[], object] = lambda: None,
) -> Server:
    """Starts the server on a free port, with further command line options and variables, and returns at once.

    Args:
        program: starts MONAI Label in a new process; by default its module runs in a fork of one that has the large
            libraries already, which takes a second.
        prepare: called right before the process is started.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["start_server", "--app", str(app_dir)]
    arguments += ["--studies", str(studies), "--host", "127.0.0.1", "--port", str(port)]
    for name, value in conf.items():
        arguments += ["--conf", name, value]
    arguments += options
    sessions = str(log_path.with_suffix(".sessions"))
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MONAI_LABEL_SESSION_PATH": sessions}
    env |= environment or {}
    prepare()
    process: subprocess.Popen[bytes] | Forked
    if program is None and sys.platform == "linux":
        process = warm().run(MODULE, arguments, log_path, env)
    else:
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [*(program or PROGRAM), *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=log_path.parent,
                start_new_session=True,
            )
    return Server(f"http://127.0.0.1:{port}", process, log_path)


def wait_until_up(server: Server) -> None:
    """Returns once the server answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise RuntimeError(f"The server ended with code {server.process.returncode} before it answered.")
        try:
            with urllib.request.urlopen(f"{server.url}/info/", timeout=10):
                return
        except urllib.error.HTTPError as error:
            if error.code == 401:  # it asks for its token
                return
            time.sleep(0.2)
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"The server did not answer within {START_SECONDS} seconds.")


def end_group(process: subprocess.Popen[bytes] | Forked) -> None:
    """Kills a process and all that it started in its group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # all have ended already
    finally:
        process.wait(timeout=20)
