"""uncertainty: the measures of networks with random weights, and what is calibrated with them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from ablation_study import protocol_of, study_of
from PIL import Image

from monai_ext.active import coverage_table, radius_coverage
from monai_ext.commands.uncertainty import _print_calibration
from monai_ext.inferers import Predictor
from monai_ext.landmarks import Frame
from monai_ext.landmarks.markups import read_markups
from monai_ext.landmarks.protocol_file import shipped_dir
from monai_ext.models import Observed, fit_calibration, publish, read_calibration, read_card
from monai_ext.networks import build_network
from monai_ext.studies import Studies

ZIAN = {
    "name": "zian",
    "backbone": "unet_small",
    "input_size": {"width": 96, "height": 64},
    "roi_sizes": [32, 64],
    "presence": True,
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory) -> Path:
    """22 validation images, one of them without a dark blob, and two models."""
    root = tmp_path_factory.mktemp("judged")
    study_of(root / "studies", train=1, val=22)
    facts = {"labels_used": 1, "val_images": (), "val_error": 1.0, "unit": "px", "epochs": 1, "seed": 0, "date": ""}
    for seed in (1, 2):
        torch.manual_seed(seed)
        network = build_network(protocol_of(ZIAN))
        # random weights, but more than one answer for the probability of presence
        torch.nn.init.normal_(network.presence_head.linear.weight)
        publish(root / f"model{seed}", network.state_dict(), {"protocol": protocol_of(ZIAN), **facts})
    return root


@pytest.fixture
def uncertainty(cli, judged, tmp_path):
    def run(*arguments: object):
        where = ("--studies", judged / "studies", "--model", judged / "model1", "--output", tmp_path / "out")
        return cli("uncertainty", *where, "--device", "cpu", *arguments)

    return run


def errors_by_hand(judged: Path) -> np.ndarray:
    """(22, 2) errors of the model where truth and answer are both defined."""
    studies, predictor = Studies(judged / "studies"), Predictor.load(judged / "model1")
    rows = []
    for id in list(studies.images())[:22]:
        found = predictor.predict(studies.image_path(id))
        truth = read_markups(studies.label_path(id), Frame(*found.frame.size), ("bright", "dark"))
        both = truth.defined & found.defined
        rows.append(np.where(both, np.linalg.norm(found.points - np.nan_to_num(truth.points), axis=1), np.nan))
    return np.array(rows)


def test_the_table_the_documents_and_the_plots(uncertainty, judged, tmp_path) -> None:
    answer = uncertainty("--json", "--coverage", 0.9, "--unit", "px")

    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document == json.loads((tmp_path / "out" / "uncertainty.json").read_text())
    assert [row["measure"] for row in document["measures"]] == [
        "peak", "entropy", "peak_radius", "map_radius", "stages", "augmentation",
    ]  # fmt: skip
    errors = errors_by_hand(judged)
    for row in document["measures"]:
        assert row["error"] == pytest.approx(np.nanmean(errors), rel=1e-4)
        assert row["landmarks"] == np.isfinite(errors).sum()
    calibration = read_calibration(tmp_path / "out", "v1")
    counts = np.isfinite(errors).sum(0)
    assert calibration.radius.counts == tuple(counts)
    assert calibration.images == 22
    for k in range(2):
        known = sorted(errors[np.isfinite(errors[:, k]), k])
        rank = int(np.ceil(0.9 * (len(known) + 1) - 1e-9))
        expected = pytest.approx(known[rank - 1], rel=1e-4) if rank <= len(known) else None
        assert calibration.radius.quantiles[k] == expected
    assert calibration.scaled_radius.scaled_by == "map_radius"
    assert calibration.presence.present == (22, 21)
    assert calibration.presence.thresholds == (None, None)  # one image without a dark blob says too little
    radii = document["radii"]
    assert (radii["folds"], radii["coverage"], radii["unit"]) == (2, 0.9, "px")
    assert [row["landmark"] for row in radii["rows"]] == ["bright", "dark", None] * 3
    assert document["images_that_chose_the_model"] == 0
    for name in ("risk_coverage.png", "reliability.png"):
        with Image.open(tmp_path / "out" / name) as picture:
            assert min(picture.size) > 200
    assert read_calibration(judged / "model1", "v1") is None


def test_in_percent_of_what_the_network_sees(uncertainty, judged, tmp_path) -> None:
    quantiles = {}
    for unit in ("px", "%"):
        answer = uncertainty("--json", "--coverage", 0.8, "--unit", unit, "--measures", "map_radius")
        assert answer.code == 0, answer.err
        assert json.loads(answer.out)["unit"] == json.loads(answer.out)["measures"][0]["unit"] == unit
        calibration = read_calibration(tmp_path / "out", "v1")
        assert calibration.radius.unit == calibration.scaled_radius.unit == unit
        quantiles[unit] = np.array(calibration.radius.quantiles)
    id = next(iter(Studies(judged / "studies").images()))
    width, height = Predictor.load(judged / "model1").predict(Studies(judged / "studies").image_path(id)).frame.size
    shown = 96 / min(96 / width, 64 / height)
    np.testing.assert_allclose(quantiles["%"], 100 / shown * quantiles["px"], rtol=1e-4)


def test_the_terminal_says_what_is_not_calibrated(uncertainty, judged) -> None:
    answer = uncertainty("--measures", "entropy, stages", "--coverage", 0.99, "--store")

    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert [line.split()[0] for line in lines if line.strip().startswith(("entropy", "stages", "peak"))] == [
        "entropy",
        "stages",
    ]
    assert "Radius for 99 %: bright not calibrated, dark not calibrated" in answer.out
    assert "requires at least 99 labelled images of a landmark: bright, dark have fewer" in answer.err
    assert "Threshold of presence: bright not fitted, dark not fitted" in answer.out
    assert "No radius could be judged: too few labelled images." in answer.out
    stored = read_calibration(judged / "model1", "v1")
    assert (stored.radius.coverage, stored.sha256) == (0.99, read_card(judged / "model1").sha256)


def test_radii_are_judged_on_subjects_that_they_were_not_fitted_to(cli, judged, tmp_path) -> None:
    shutil.copytree(judged / "studies", tmp_path / "studies")
    study = Studies(tmp_path / "studies")
    study.write_subjects(dict.fromkeys(list(study.images())[:22], "S1"))
    where = ("--studies", study.root, "--model", judged / "model1", "--output", tmp_path / "out", "--device", "cpu")

    answer = cli("uncertainty", *where, "--measures", "peak", "--coverage", 0.5)

    assert answer.code == 0, answer.err
    assert "No radius could be judged: too few labelled images." in answer.out  # all are of the one subject


@pytest.mark.parametrize(("coverage", "text"), [(0.975, "97.5 %"), (0.995, "99.5 %"), (0.07, "7 %")])
def test_the_coverage_that_was_requested_is_not_rounded(capsys, coverage, text) -> None:
    errors = np.random.default_rng(0).rayleigh(2, (200, 1))
    ids = tuple(f"i{i}" for i in range(200))
    observed = Observed(ids, ("tip",), "px", errors, np.ones((200, 1)), np.ones((200, 1), np.int8), None)

    _print_calibration(fit_calibration(observed, protocol="blobs", coverage=coverage))

    assert f"Radius for {text}: tip " in capsys.readouterr().out
    assert f"within radii of {text} that were fitted" in coverage_table(radius_coverage(observed, coverage)).caption


def test_several_models_are_an_ensemble(uncertainty, judged) -> None:
    answer = uncertainty("--model", judged / "model2", "--measures", "ensemble", "--json")

    (row,) = json.loads(answer.out)["measures"]
    assert (row["measure"], row["unit"]) == ("ensemble", "px")
    assert row["area"] > 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--split", "test"), "has no labelled image of the split 'test'"),
        (("--split", "some"), "'some' is not one of 'train', 'val', 'test', 'model', 'all'"),
        (("--measures", "dropout"), "its network has no dropout layer"),
        (("--measures", "peak,luck"), "no measure of uncertainty 'luck'"),
        (("--unit", "mm", "--measures", "peak"), "in mm needs images of known pixel size"),
        (("--unit", "cm"), "'cm' is not one of 'auto', 'mm', 'px', '%'"),
        (("--reduce", "sum"), "'sum' is not one of 'mean', 'max'"),
        (("--coverage", 95), "between 0 and 1"),
        (("--folds", 1), "Invalid value for '--folds'"),
    ],
)
def test_a_wrong_request_is_one_sentence(uncertainty, tmp_path, arguments, sentence) -> None:
    answer = uncertainty(*arguments)

    assert answer.code == 2
    assert sentence in answer.words
    assert "Traceback" not in answer.err
    assert not (tmp_path / "out").exists()


def test_a_shipped_model_is_not_written_to(cli, judged, tmp_path) -> None:
    arguments = ("--studies", judged / "studies", "--output", tmp_path / "out", "--store")
    shipped = shipped_dir("pretrained") / "fundus"
    before = {path: path.stat().st_mtime_ns for path in shipped.rglob("*")}
    answer = cli("uncertainty", "--model", shipped, *arguments)

    assert answer.code == 2
    assert "--store would change the shipped model" in answer.err
    assert {path: path.stat().st_mtime_ns for path in shipped.rglob("*")} == before


def test_a_folder_that_cannot_be_written_is_found_before_any_prediction(uncertainty, tmp_path) -> None:
    (tmp_path / "out").write_text("a file")

    answer = uncertainty()

    assert answer.code == 2
    assert "cannot be read or written (file exists)" in answer.err
    assert "Judging" not in answer.err
