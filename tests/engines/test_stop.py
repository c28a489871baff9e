"""A stop at any place, and going on from there."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

from monai_ext.engines import TrainOptions, TrainResult, labelled_images, train_model
from monai_ext.engines.stop import StopSwitch, stopped_by_signals
from monai_ext.models import find_model

OPTIONS = TrainOptions(max_epochs=4, batch_size=2, val_interval=2, seed=3, checkpoint_seconds=1000)


class AfterLooks:
    """A stop that is asked for when the run has looked a number of times."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def broken(job, looks: list[int], **options: object) -> tuple[list[TrainResult], list[list[dict]]]:
    """The results and reports of a training that is stopped again and again until it is complete."""
    chosen = OPTIONS.model_copy(update=options)
    results: list[TrainResult] = []
    reports: list[list[dict]] = []
    for count in itertools.islice(itertools.cycle(looks), 40):
        reports.append([])
        results.append(train_model(*job, chosen, stop=AfterLooks(count), on_progress=reports[-1].append))
        if not results[-1].stopped:
            return results, reports
    raise AssertionError("it makes no progress")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, blob_study, quick_protocol) -> TrainResult:
    folder = tmp_path_factory.mktemp("whole") / "blobs"
    return train_model(quick_protocol, labelled_images(blob_study)[:8], folder, OPTIONS)


@pytest.mark.slow
def test_a_run_stopped_at_every_kind_of_place_equals_an_unbroken_one(whole, tmp_path, blob_study, quick_protocol):
    folder = tmp_path / "blobs"

    results, reports = broken((quick_protocol, labelled_images(blob_study)[:8], folder), [2, 3, 5, 4])

    assert len(results) > 4
    assert results[-1].history == whole.history
    assert results[-1].card.sha256 == whole.card.sha256
    assert results[-1].card.val_error == whole.card.val_error
    assert not (folder / ".training").exists()
    for result, told in zip(results[:-1], reports, strict=False):
        assert result.card is None
        assert told[-1]["status"] == "stopped"
        assert told[-1]["message"] == result.reason
        assert result.reason.startswith(f"Training was stopped in epoch {told[-1]['epoch']} of 4: ")
    assert {told[-1]["epoch"] for told in reports} == {1, 2, 3, 4}


@pytest.mark.slow
def test_the_same_with_processes_that_load_images(whole, tmp_path, blob_study, quick_protocol):
    job = (quick_protocol, labelled_images(blob_study)[:8])
    unbroken = train_model(*job, tmp_path / "whole", OPTIONS.model_copy(update={"num_workers": 2}))

    results, _ = broken((*job, tmp_path / "broken"), [3, 4], num_workers=2)

    assert results[-1].card.sha256 == unbroken.card.sha256 != whole.card.sha256


TWO_PROCESSES = """
import os, sys
from pathlib import Path
import torch
from monai_ext.engines import TrainOptions, labelled_images, train_model
from monai_ext.landmarks import read_protocol
from monai_ext.studies import Studies
torch.set_num_threads(1)
looks = int(sys.argv[4])
def stop():
    global looks
    looks -= 1
    return looks < 0 and os.environ["RANK"] == "1"
options = TrainOptions(max_epochs=12, batch_size=2, val_interval=3, seed=3, device="cpu")
images = labelled_images(Studies(sys.argv[2]))[:8]
result = train_model(read_protocol(sys.argv[1]), images, Path(sys.argv[3]), options, stop=stop)
print(f"RANK {os.environ['RANK']} {result.stopped} {result.epochs} {result.card and result.card.sha256}")
"""


@pytest.mark.slow
def test_processes_that_train_together_stop_together_and_go_on(tmp_path, blob_study, quick_protocol) -> None:
    protocol, script = tmp_path / "blobs.yaml", tmp_path / "train.py"
    protocol.write_text(yaml.safe_dump(quick_protocol.model_dump(mode="json")))
    script.write_text(TWO_PROCESSES)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).resolve().parents[2])}

    def run(folder: str, looks: int) -> list[list[str]]:
        arguments = [str(protocol), str(blob_study.root), str(tmp_path / folder / "blobs"), str(looks)]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=500, env=env, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return sorted(line.split()[1:] for line in done.stdout.splitlines() if line.startswith("RANK"))

    whole, first, second = run("whole", 1000), run("broken", 2), run("broken", 1000)

    assert [rank[1] for rank in first] == ["True", "True"]
    assert first[0][2] == first[1][2]
    assert [rank[1] for rank in second] == ["False", "False"]
    assert {rank[3] for rank in second} == {rank[3] for rank in whole}


def test_a_stop_during_validation_repeats_the_validation_alone(whole, tmp_path, blob_study, quick_protocol):
    job = (quick_protocol, labelled_images(blob_study)[:8], tmp_path / "blobs")
    steps = 3  # of an epoch: 6 training images in batches of 2

    first = train_model(*job, OPTIONS, stop=AfterLooks(1 + 2 * steps))  # the next look is within the validation
    reports: list[dict] = []
    second = train_model(*job, OPTIONS, on_progress=reports.append)

    assert (first.stopped, first.epochs, first.history) == (True, 2, [])
    assert (reports[0]["epoch"], reports[0]["val_error"]) == (2, whole.history[0]["val_error"])
    assert second.history == whole.history
    assert second.card.sha256 == whole.card.sha256


def test_a_run_stopped_before_its_first_step_says_so(tmp_path, blob_study, quick_protocol):
    reports: list[dict] = []

    result = train_model(
        quick_protocol,
        labelled_images(blob_study)[:8],
        tmp_path / "blobs",
        OPTIONS,
        stop=lambda: True,
        on_progress=reports.append,
    )

    assert result.reason == reports[-1]["message"] == "Training was stopped before its first step."
    assert find_model("blobs", tmp_path) is None


@pytest.mark.slow
def test_a_stop_while_the_current_model_is_measured_keeps_model_and_state(tmp_path, blob_study, quick_protocol):
    job = (quick_protocol, labelled_images(blob_study)[:8], tmp_path / "blobs")
    train_model(*job, OPTIONS.model_copy(update={"max_epochs": 1}))
    train_model(*job, OPTIONS, stop=AfterLooks(5))
    state = (tmp_path / "blobs/.training/state.pt").read_bytes()

    result = train_model(*job, OPTIONS, stop=lambda: True)

    assert result.reason.startswith("Training was stopped in epoch")
    assert (tmp_path / "blobs/.training/state.pt").read_bytes() == state
    assert find_model("blobs", tmp_path) == tmp_path / "blobs"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_for_a_stop(number: int) -> None:
    before = signal.getsignal(number)
    stop = StopSwitch()
    with stopped_by_signals(stop):
        assert not stop()
        os.kill(os.getpid(), number)
        assert stop()
    assert signal.getsignal(number) == before


def test_a_second_interrupt_from_the_keyboard_interrupts() -> None:
    stop = StopSwitch()
    with stopped_by_signals(stop):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert stop()


def test_a_second_request_to_end_is_ignored() -> None:
    stop = StopSwitch()
    with stopped_by_signals(stop):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()


def test_the_first_cause_of_a_stop_stays() -> None:
    stop = StopSwitch()
    stop.ask("because the server ended")
    stop.ask("because of something else")
    assert stop.cause == "because the server ended"


def test_a_thread_beside_the_main_one_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    def work() -> None:
        with stopped_by_signals(StopSwitch()):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert seen == [before]
