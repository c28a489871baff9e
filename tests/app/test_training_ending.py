"""Why training processes end, with real processes that end so."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from monailabel.config import settings as platform
from monailabel.utils.async_tasks.utils import processes, tasks

from lib.trainers import queue as queue_module
from lib.trainers.ending import FAILED, Ending
from lib.trainers.queue import TrainingQueue

KILLED = "import os, signal; print('step 1', flush=True); os.kill(os.getpid(), signal.{})"


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        (KILLED.format("SIGKILL"), "was ended by the system (SIGKILL), most likely for lack of memory: set a smaller"),
        (KILLED.format("SIGSEGV"), "crashed (SIGSEGV), in code below Python; see the server's log."),
        (KILLED.format("SIGTERM"), "was ended by another program (SIGTERM)."),
        (
            "import missing_part",
            "ended early (ModuleNotFoundError: No module named 'missing_part'); see the server's log",
        ),
        (f"raise SystemExit('{FAILED}There is no room on the disk.')", "There is no room on the disk."),
        ("from os import missing", "(ImportError: cannot import name 'missing' from 'os'); see the server's log."),
        ("pass", "ended early with code 0; see the server's log."),
    ],
)
def test_the_end_of_a_process_is_one_sentence(run: Callable[..., Ending], program: str, sentence: str) -> None:
    found = run(program).sentence
    assert sentence in found
    assert "Traceback" not in found
    assert "\n" not in found
    assert found.endswith(".")


@pytest.fixture
def run(queue: TrainingQueue, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ending]:
    """Runs a program in the place of a training and gives how it ended."""

    def start(program: str) -> Ending:
        endings: list[Ending] = []
        submit(queue, monkeypatch, program, endings)
        return wait_for(endings)[0]

    return start


@pytest.fixture
def queue() -> Iterator[TrainingQueue]:
    queue = TrainingQueue()
    yield queue
    queue.stop()


def submit(
    queue: TrainingQueue,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    endings: list[Ending],
    model: str = "spots",
    announced: list[str] | None = None,
) -> dict[str, Any]:
    def end(ending: Ending) -> str:
        endings.append(ending)
        return "STOPPED" if ending.asked else "DONE" if ending.code == 0 else "ERROR"

    monkeypatch.setattr(queue_module, "command_of", lambda request: [sys.executable, "-c", program])
    return queue.submit({"model": model}, lambda _: (announced if announced is not None else []).append(model), end)


def wait_for(found: list[Any], count: int = 1) -> list[Any]:
    deadline = time.monotonic() + 60
    while len(found) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def running(model: str) -> dict[str, Any] | None:
    return next((t for t in tasks("train") if t["status"] == "RUNNING" and t["request"]["model"] == model), None)


SLEEP = "import time; print('step', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"


def test_one_runs_and_the_others_wait_and_can_be_stopped(queue: TrainingQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    first: list[Ending] = []
    second: list[Ending] = []
    announced: list[str] = []
    submit(queue, monkeypatch, SLEEP, first, "spots", announced)
    submit(queue, monkeypatch, SLEEP, second, "face", announced)
    submit(queue, monkeypatch, SLEEP, second, "face", announced)
    while running("spots") is None or not running("spots")["details"]:
        time.sleep(0.01)

    assert queue.busy("face")
    monkeypatch.setattr(queue_module, "STOP_SECONDS", 0.01)
    assert not queue.wait_until_idle()
    monkeypatch.setattr(queue_module, "STOP_SECONDS", 12)
    assert announced == ["spots", "face"]
    stopped = queue.stop("face")
    assert (stopped["status"], stopped["request"]) == ("STOPPED", {"model": "face"})
    assert second == [Ending(None, asked=True), Ending(None, asked=True)]
    assert first == []
    assert not queue.busy("face")

    task = queue.stop()
    assert (task["status"], task["details"]) == ("STOPPED", ["step"])
    assert (first[0].code, first[0].asked, first[0].forced) == (-15, True, False)
    assert first[0].sentence == "Training was stopped."
    assert processes("train") == {}
    assert queue.wait_until_idle()
    assert queue.stop() is None


def test_one_that_does_not_stop_is_ended_with_its_children(
    queue: TrainingQueue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(queue_module, "STOP_SECONDS", 0.5)
    child = f"import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); "
    endings: list[Ending] = []
    submit(queue, monkeypatch, child + STUBBORN, endings)
    while running("spots") is None or "deaf" not in running("spots")["details"]:
        time.sleep(0.01)
    queue.stop()
    assert (wait_for(endings)[0].code, endings[0].forced) == (-9, True)
    assert endings[0].sentence == "Training did not stop in time and was ended."


def test_a_process_that_cannot_be_started_does_not_wait_for_ever(
    queue: TrainingQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    endings: list[Ending] = []
    submit(queue, monkeypatch, "x" * 200_000, endings)
    assert wait_for(endings)[0].code is None
    assert "could not be started (Argument list too long)" in endings[0].sentence
    submit(queue, monkeypatch, "print('next')", endings)
    assert wait_for(endings, 2)[1] == Ending(0, "next")


def test_clients_see_the_last_lines_without_tracebacks(queue: TrainingQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    endings: list[Ending] = []
    program = "\n".join(
        (
            "import traceback",
            "for i in range(30): print('step', i)",
            "try: 1 / 0",
            "except Exception: traceback.print_exc()",
        )
    )
    submit(queue, monkeypatch, program + "\nprint('end')", endings)
    assert wait_for(endings)[0] == Ending(0, "end")
    details = tasks("train")[-1]["details"]
    assert len(details) == 20
    assert details[-1] == "end"
    assert "ZeroDivisionError: division by zero" in details
    assert not any("Traceback" in line or "File" in line for line in details)


def test_what_was_said_last_is_not_lost(queue: TrainingQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    endings: list[Ending] = []
    submit(queue, monkeypatch, "for i in range(5000): print('line', i)", endings)
    assert wait_for(endings)[0].last_line == "line 4999"


def test_a_process_leaves_out_what_a_training_has_no_use_for(
    queue: TrainingQueue,
    monkeypatch: pytest.MonkeyPatch,
    make_studies: Callable[[int], Path],
    make_app: Callable[..., Any],
) -> None:
    program = "import os; print(*sorted(name for name, value in os.environ.items() if value == 'false'))"
    endings: list[Ending] = []
    submit(queue, monkeypatch, program, endings)
    switched_off = wait_for(endings)[0].last_line.split()
    for name in switched_off:
        monkeypatch.setattr(platform, name, False)
    app = make_app(make_studies(1))

    assert (dict(app.strategies), dict(app.scoring_methods), app.sessions()) == ({}, {}, None)
    assert list(app._trainers) == ["spots"]
    parts = {"service", "desk", "pool", "retraining", "reviewer", "offers", "proposals", "agreement"}
    assert vars(app).keys() & parts == set()


def test_requests_at_once_run_one_after_the_other(queue: TrainingQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    endings: list[Ending] = []
    program = "import time; print(time.monotonic()); time.sleep(0.1); print(time.monotonic())"
    monkeypatch.setattr(queue_module, "command_of", lambda request: [sys.executable, "-c", program])
    threads = [
        threading.Thread(
            target=queue.submit, args=({"model": "spots"}, lambda _: None, lambda e: endings.append(e) or "DONE")
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    wait_for(endings, 3)
    spans = [tuple(map(float, task["details"])) for task in tasks("train")[-3:]]
    for (_, end), (start, _) in itertools.pairwise(spans):
        assert end <= start
