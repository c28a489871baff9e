"""The metrics against published figures of five models on 150 radiographs."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch

from monai_ext.metrics import error_statistics, radial_errors

MILLIMETRES = (0.1, 0.1)


@pytest.fixture
def published(shared_data) -> Path:
    folder = shared_data / "ceph19_published"
    if not folder.is_dir():
        pytest.skip(f"the published predictions are not at {folder}")
    return folder


def errors_of(folder: Path, model: str) -> torch.Tensor:
    with open(folder / "ground_truth_mean_of_two_readers.csv", newline="") as file:
        truth = {row[0]: [float(value) for value in row[1:]] for row in csv.reader(file)}
    predicted = json.loads((folder / f"{model}.json").read_text())
    assert predicted.keys() == truth.keys()
    true = torch.tensor([truth[image] for image in truth], dtype=torch.float64).reshape(-1, 19, 2)
    pred = torch.tensor([predicted[image] for image in truth], dtype=torch.float64)
    return radial_errors(pred, true, spacing=MILLIMETRES)


def test_the_main_model(published) -> None:
    values = error_statistics(errors_of(published, "ISBI2015"), [2, 2.5, 3, 4])
    assert int(values.count) == 150 * 19
    assert f"{float(values.mean):.3f}" == "1.124"
    assert [f"{100 * rate:.2f}" for rate in values.sdr.tolist()] == ["87.12", "92.53", "96.11", "98.39"]


@pytest.mark.parametrize(
    ("model", "mre"),
    [("no_heatmap", "1.1705"), ("m1", "1.7703"), ("no_finetune", "12.6157"), ("no_rle", "40.7315")],
)
def test_the_ablations(published, model, mre) -> None:
    assert f"{float(error_statistics(errors_of(published, f'ablations_{model}')).mean):.4f}" == mre
