"""The calibration that training leaves beside the model that it publishes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_study import HEIGHT, WIDTH, write_study

from monai_ext.engines import LabelledImage, TrainOptions, labelled_images, train_model
from monai_ext.engines import calibrate as calibrating
from monai_ext.engines.job import Job
from monai_ext.inferers import Predictor
from monai_ext.landmarks import Frame
from monai_ext.landmarks.markups import read_markups
from monai_ext.models import SMOOTHING, read_calibration, read_card

OPTIONS = TrainOptions(max_epochs=1, batch_size=4, val_interval=1, seed=1)


def study(root, val: int, without_dark: int = 0) -> list[LabelledImage]:
    studies = write_study(root, 4 + val, without_dark=without_dark)
    ids = list(studies.images())
    studies.write_splits({id: "train" if i < 4 else "val" for i, id in enumerate(ids)})
    return labelled_images(studies)


def by_hand(folder, images: list[LabelledImage]) -> tuple[np.ndarray, np.ndarray]:
    """(N, K) errors and uncertainties of the published model, from its answers for the validation images."""
    predictor = Predictor.load(folder)
    errors, unsure = [], []
    for image in images:
        if image.split != "val":
            continue
        truth = read_markups(image.label, Frame(WIDTH, HEIGHT), predictor.protocol.landmark_names)
        answer = predictor.predict_stages(image.image)
        both = truth.defined & answer.landmarks.defined
        distance = np.hypot(*(answer.landmarks.points - np.nan_to_num(truth.points)).T)
        errors.append(np.where(both, distance, np.nan))
        unsure.append(answer.uncertainty.landmarks)
    return np.array(errors), np.array(unsure)


def at_rank(scores: np.ndarray) -> float:
    known = np.sort(scores[~np.isnan(scores)])
    return float(known[math.ceil(0.95 * (len(known) + 1)) - 1])


@pytest.mark.parametrize("half", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_it_is_that_of_the_published_weights_on_the_validation_images(tmp_path, blob_protocol, half) -> None:
    images = study(tmp_path / "studies", val=21)
    folder = tmp_path / "models" / "blobs"

    result = train_model(blob_protocol, images, folder, OPTIONS.model_copy(update={"half_precision": half}))

    found = read_calibration(folder, "v1", ("bright", "dark"))
    errors, unsure = by_hand(folder, images)
    counts = (~np.isnan(errors)).sum(0)
    assert counts.min() >= 19
    assert found.radius.counts == tuple(counts)
    assert found.radius.quantiles == pytest.approx([at_rank(errors[:, k]) for k in range(2)], rel=1e-4)
    smoothing = SMOOTHING * np.median(unsure)
    scaled = [at_rank(errors[:, k] / (unsure[:, k] + smoothing)) for k in range(2)]
    assert found.scaled_radius.quantiles == pytest.approx(scaled, rel=1e-4)
    assert (found.images, found.radius.unit, found.answers_with) == (21, "px", "radius")
    assert result.reason == f"Published with a validation error of {result.val_error:.3f} px."
    answer = Predictor.load(folder).predict_stages(images[0].image)
    shown = np.where(answer.landmarks.defined, found.radius.quantiles, np.nan)
    np.testing.assert_array_equal(answer.radius, shown)


@pytest.mark.slow
def test_below_19_images_a_landmark_has_no_radius_and_training_says_so(tmp_path, blob_protocol) -> None:
    images = study(tmp_path / "studies", val=5)
    folder = tmp_path / "models" / "blobs"

    result = train_model(blob_protocol, images, folder, OPTIONS)

    assert read_calibration(folder, "v1").radius.quantiles == (None, None)
    assert result.reason.endswith("Its answers have no radius: that takes 19 validation images with the landmark.")
    assert np.isnan(Predictor.load(folder).predict_stages(images[0].image).radius).all()


@pytest.mark.slow
def test_an_image_that_vanishes_costs_the_radii_and_not_the_training(
    tmp_path, blob_protocol, monkeypatch, caplog
) -> None:
    images = study(tmp_path / "studies", val=5)
    folder = tmp_path / "models" / "blobs"
    build = Job.network_with

    def gone(job, weights):
        images[-1].image.unlink(missing_ok=True)
        return build(job, weights)

    monkeypatch.setattr(Job, "network_with", gone)
    reports: list[dict] = []

    result = train_model(blob_protocol, images, folder, OPTIONS, on_progress=reports.append)

    assert (read_card(folder).version, read_calibration(folder, "v1")) == ("v1", None)
    assert "It answers without radii, as it could not be calibrated (" in result.reason
    assert images[-1].image.name in result.reason
    assert reports[-1]["status"] == "done"
    assert reports[-1]["message"] == result.reason
    assert "could not be calibrated" in caplog.text


@pytest.mark.slow
def test_a_stop_while_it_is_fitted_is_taken_up_again(tmp_path, blob_protocol, monkeypatch) -> None:
    images = study(tmp_path / "studies", val=5)
    folder = tmp_path / "models" / "blobs"
    begun: list[bool] = []
    observe = calibrating._observed
    monkeypatch.setattr(calibrating, "_observed", lambda *given: (begun.append(True), observe(*given))[1])

    stopped = train_model(blob_protocol, images, folder, OPTIONS, stop=lambda: bool(begun))

    assert stopped.stopped
    assert not (folder / "card.json").exists()
    assert "goes on from there" in stopped.reason

    begun.clear()
    result = train_model(blob_protocol, images, folder, OPTIONS)

    assert (result.card.version, result.epochs) == ("v1", 1)
    assert read_calibration(folder, "v1").images == 5
