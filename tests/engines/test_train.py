from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from engine_study import KilledError, kill_in_epoch, write_study

from monai_ext.engines import LabelledImage, TrainOptions, labelled_images, split_images, train_model
from monai_ext.engines.job import RunState
from monai_ext.engines.validation import validate_model
from monai_ext.inferers import Predictor
from monai_ext.landmarks import Frame, InputError, Status
from monai_ext.landmarks.markups import read_markups
from monai_ext.models import find_model, publish, read_card


@pytest.fixture(scope="module")
def trained(tmp_path_factory, blob_study, blob_protocol):
    folder = tmp_path_factory.mktemp("models") / "blobs"
    reports: list[dict] = []
    result = train_model(blob_protocol, labelled_images(blob_study), folder, on_progress=reports.append)
    return folder, result, reports


def mean_radial_error(predictor: Predictor, images: list[LabelledImage]) -> float:
    errors = []
    for image in images:
        truth = read_markups(image.label, Frame(80, 56), predictor.protocol.landmark_names)
        errors.append(np.linalg.norm(predictor.predict(image.image).points - truth.points, axis=1))
    return float(np.mean(errors))


def test_the_published_model_is_the_best_and_predicts_what_it_was_validated_at(trained, blob_study) -> None:
    folder, result, _ = trained
    _, val = split_images(labelled_images(blob_study), 0.2)

    predictor = Predictor.load(folder)

    assert result.card.version == predictor.version == "v1"
    assert result.val_error == min(entry["val_error"] for entry in result.history)
    assert result.val_error < 2.0  # a network that looks at the image; the mean position is 20 px off
    assert result.card.val_images == tuple(image.id for image in val)
    assert mean_radial_error(predictor, val) == pytest.approx(result.val_error, abs=1e-3)
    assert (result.unit, result.card.labels_used, result.card.parent) == ("px", 20, None)


def test_progress_is_what_the_server_shows(trained) -> None:
    _, result, reports = trained
    keys = {"status", "epoch", "max_epochs", "loss", "val_error", "unit", "best", "model_version", "labels_used"}

    assert reports[0]["status"] == "running"
    assert reports[0]["epoch"] == 0
    assert reports[-1]["status"] == "done"
    assert reports[-1]["model_version"] == "v1"
    assert reports[-1]["best"] == result.val_error
    assert all(keys <= set(report) for report in reports)
    assert [r["epoch"] for r in reports] == sorted(r["epoch"] for r in reports)
    json.dumps(reports, allow_nan=False)


def test_events_for_tensorboard_are_written(trained) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder, result, _ = trained
    events = EventAccumulator(str(folder / "runs")).Reload()

    logged = [event.value for event in events.Scalars("val/mean_radial_error_px")]

    assert logged == pytest.approx([entry["val_error"] for entry in result.history])


def test_a_worse_model_is_not_published(trained, blob_study, blob_protocol) -> None:
    folder, result, _ = trained
    options = TrainOptions(max_epochs=1, warm_start=False)

    worse = train_model(blob_protocol, labelled_images(blob_study), folder, options)

    assert worse.card is None
    assert worse.previous_error == pytest.approx(result.val_error, abs=1e-3)
    assert worse.val_error > worse.previous_error
    assert "Not published" in worse.reason
    assert read_card(folder).version == "v1"


def test_a_worse_model_is_published_on_demand(tmp_path, trained, blob_study, blob_protocol) -> None:
    folder, result, _ = trained
    shutil.copytree(folder, tmp_path / folder.name)
    options = TrainOptions(max_epochs=1, warm_start=False, publish_worse=True)

    worse = train_model(blob_protocol, labelled_images(blob_study), tmp_path / folder.name, options)

    assert worse.val_error > worse.previous_error == pytest.approx(result.val_error, abs=1e-3)
    assert read_card(tmp_path / folder.name) == worse.card
    assert worse.card.version == "v2"
    assert worse.reason.startswith(f"Published with a validation error of {worse.val_error:.3f} px, above the current")


def test_a_warm_start_goes_on_from_the_current_weights(trained, blob_study, blob_protocol) -> None:
    folder, result, _ = trained
    options = TrainOptions(max_epochs=1, learning_rate=1e-9, val_interval=1)

    again = train_model(blob_protocol, labelled_images(blob_study), folder, options)

    # with almost no learning only the batch-norm statistics move: it stays a trained network
    assert again.val_error < 3 * result.val_error + 1


def test_a_killed_run_goes_on_and_equals_an_unbroken_one(tmp_path, blob_study, quick_protocol) -> None:
    images = labelled_images(blob_study)[:8]
    options = TrainOptions(max_epochs=4, val_interval=1, checkpoint_seconds=0, seed=3)
    whole = train_model(quick_protocol, images, tmp_path / "whole", options)

    with pytest.raises(KilledError):
        train_model(quick_protocol, images, tmp_path / "broken", options, on_progress=kill_in_epoch(3))
    epochs: list[int] = []
    resumed = train_model(
        quick_protocol, images, tmp_path / "broken", options, on_progress=lambda p: epochs.append(p["epoch"])
    )

    assert epochs[0] >= 2  # it did not begin anew
    assert resumed.history == whole.history
    assert resumed.card.sha256 == whole.card.sha256
    assert not (tmp_path / "broken" / ".training").exists()


def test_a_saved_state_of_other_data_is_not_taken(tmp_path) -> None:
    RunState(tmp_path, "one").save({"epoch": 3})

    assert RunState(tmp_path, "two").load(torch.device("cpu")) is None
    assert RunState(tmp_path, "one").load(torch.device("cpu"))["epoch"] == 3


def test_a_damaged_saved_state_is_said_and_not_taken(tmp_path, caplog) -> None:
    state = RunState(tmp_path, "one")
    state.save({"epoch": 3})
    path = tmp_path / ".training" / "state.pt"
    path.write_bytes(path.read_bytes()[:100])

    assert state.load(torch.device("cpu")) is None
    assert "damaged" in caplog.text


def test_half_written_files_of_a_kill_are_removed(tmp_path) -> None:
    state = RunState(tmp_path, "one")
    state.save({"epoch": 3})
    left = [tmp_path / ".training" / f".{'a' * 32}.tmp", tmp_path / f".{'b' * 32}.tmp", tmp_path / f".{'c' * 32}.tmp"]
    for path in (*left, tmp_path / ".notes.tmp"):
        path.write_bytes(b"half")
    for path in (left[1], tmp_path / ".notes.tmp"):
        os.utime(path, (0, 0))

    state.tidy()

    assert [path.exists() for path in left] == [False, False, True]  # the last one may be in use
    assert (tmp_path / ".notes.tmp").exists()
    assert state.load(torch.device("cpu"))["epoch"] == 3


def test_early_stop(tmp_path, blob_study, quick_protocol) -> None:
    options = TrainOptions(max_epochs=30, val_interval=1, patience=2, learning_rate=1e-9)

    result = train_model(quick_protocol, labelled_images(blob_study)[:6], tmp_path / "blobs", options)

    best = min(range(len(result.history)), key=lambda i: result.history[i]["val_error"])
    assert result.epochs == best + 1 + 2 < 30


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model(tmp_path, blob_study, quick_protocol) -> None:
    images = labelled_images(blob_study)[:6]
    options = TrainOptions(max_epochs=2, val_interval=2, seed=11)

    first = train_model(quick_protocol, images, tmp_path / "a", options)
    second = train_model(quick_protocol, images, tmp_path / "b", options)
    other = train_model(quick_protocol, images, tmp_path / "c", options.model_copy(update={"seed": 12}))

    assert first.card.sha256 == second.card.sha256 != other.card.sha256


def test_a_gpu_that_is_not_there_is_refused(tmp_path, blob_study, quick_protocol) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(InputError, match="has 0 usable GPUs"):
        train_model(quick_protocol, labelled_images(blob_study), tmp_path / "blobs", TrainOptions(device="cuda:0"))


def test_a_damaged_label_is_refused_before_training(tmp_path, quick_protocol) -> None:
    studies = write_study(tmp_path / "studies", 4)
    studies.label_path("image_002").write_text("{")
    reports: list[dict] = []

    with pytest.raises(InputError, match=r"image_002\.mrk\.json"):
        train_model(quick_protocol, labelled_images(studies), tmp_path / "blobs", on_progress=reports.append)

    assert reports == []
    assert find_model("blobs", tmp_path) is None


@pytest.mark.slow
def test_absence_is_learned_from_labels_that_say_missing(tmp_path, blob_protocol) -> None:
    studies = write_study(tmp_path / "studies", 24, seed=4, without_dark=2)
    folder = tmp_path / "blobs"
    result = train_model(blob_protocol, labelled_images(studies), folder, TrainOptions(max_epochs=20))
    new = write_study(tmp_path / "new", 12, seed=5, without_dark=2)

    predictor = Predictor.load(folder)
    found = [predictor.predict(path) for path in new.images().values()]

    assert result.val_error < 2.0
    assert all(landmarks.status[0] == Status.DEFINED for landmarks in found)
    right = [landmarks.status[1] == (i % 2 > 0) for i, landmarks in enumerate(found)]
    assert sum(right) >= 11


TWO_PROCESSES = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from monai_ext.engines import TrainOptions, labelled_images, train_model
from monai_ext.landmarks import read_protocol
from monai_ext.studies import Studies
import torch
torch.set_num_threads(1)
result = train_model(
    read_protocol(sys.argv[2]), labelled_images(Studies(sys.argv[3])), Path(sys.argv[4]),
    TrainOptions(max_epochs=4, val_interval=2, device="cpu"),
)
import os
Path(sys.argv[4] + f".rank{os.environ['RANK']}").write_text(f"{result.card.version} {result.val_error!r}")
"""


@pytest.mark.slow
def test_two_processes_train_one_model(tmp_path, blob_study, blob_protocol) -> None:
    import yaml

    protocol, script, folder = tmp_path / "blobs.yaml", tmp_path / "train.py", tmp_path / "blobs"
    protocol.write_text(yaml.safe_dump(blob_protocol.model_dump(mode="json")))
    script.write_text(TWO_PROCESSES)
    repository = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    arguments = [str(repository), str(protocol), str(blob_study.root), str(folder)]

    done = subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    both = [Path(f"{folder}.rank{rank}").read_text() for rank in (0, 1)]
    assert both[0] == both[1]
    version, error = both[0].split()
    assert version == read_card(folder).version == "v1"
    _, val = split_images(labelled_images(blob_study), 0.2)
    # one process computes on all validation images what two computed on their shares
    assert mean_radial_error(Predictor.load(folder), val) == pytest.approx(float(error), abs=1e-3)


def test_a_run_that_diverges_publishes_nothing_and_says_what_to_set(tmp_path, blob_study, quick_protocol) -> None:
    """A learning rate beyond all reason makes the weights overflow; a decoded corner must not pass for an answer."""
    folder = tmp_path / "blobs"
    recipe = {
        "max_epochs": 2,
        "learning_rate": 1e38,
        "gradient_clip": None,
        "ema_decay": 0.0,
        "val_interval": 1,
        "warmup": 0,
    }
    protocol = quick_protocol.model_copy(update={"recipe": quick_protocol.recipe.model_copy(update=recipe)})
    with pytest.raises(InputError, match=r"No validation error could be computed: .* set a learning rate below 1e\+38"):
        train_model(protocol, labelled_images(blob_study), folder)
    assert find_model("blobs", tmp_path) is None


@pytest.mark.slow
def test_a_damaged_model_is_replaced_by_one_that_answers(tmp_path, blob_study, quick_protocol) -> None:
    images = labelled_images(blob_study)
    folder = tmp_path / "blobs"
    quick = TrainOptions(max_epochs=1, val_interval=1)
    first = train_model(quick_protocol, images, folder, quick)
    state = Predictor.load(folder).network.state_dict()
    # finite weights whose network is not: the square root of a negative variance
    damaged = {name: value * 0 - 1 if name.endswith("running_var") else value for name, value in state.items()}
    card = first.card.model_dump(include={"protocol", "labels_used", "val_images", "unit", "epochs", "seed", "date"})
    publish(folder, damaged, {**card, "protocol": quick_protocol, "val_error": 0.001})

    _, val = split_images(images, 0.2)
    assert validate_model(folder, val, torch.device("cpu")).value == float("inf")
    result = train_model(quick_protocol, images, folder, quick.model_copy(update={"warm_start": False}))
    assert result.card is not None
    assert result.card.version == "v3"
    assert np.isfinite(Predictor.load(folder).predict(images[0].image).points).all()
