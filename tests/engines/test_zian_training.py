"""ZIAN through the training engine: learned, resumed, with one landmark and with nineteen."""

from __future__ import annotations

import numpy as np
import pytest
from engine_study import HEIGHT, WIDTH, KilledError, kill_in_epoch, write_study
from PIL import Image

from monai_ext.engines import TrainOptions, labelled_images, train_model
from monai_ext.inferers import Predictor
from monai_ext.landmarks import Frame, Landmarks, Protocol
from monai_ext.landmarks.markups import read_markups, write_markups
from monai_ext.studies import Studies

ZIAN = {
    "name": "zian",
    "backbone": "unet_small",
    "input_size": {"width": 96, "height": 64},
    "roi_sizes": [32, 64],
    "share_roi_backbone": True,
    "fusion_stride": 4,
    "jitter": 8,
}


def with_zian(protocol: Protocol, recipe: dict | None = None, **network: object) -> Protocol:
    document = protocol.model_dump(mode="json")
    document["network"] = {**ZIAN, **network}
    document["recipe"] = {**document["recipe"], "max_epochs": 16, "val_interval": 4, **(recipe or {})}
    return Protocol.model_validate(document)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, blob_study, blob_protocol):
    folder = tmp_path_factory.mktemp("models") / "blobs"
    return folder, train_model(with_zian(blob_protocol), labelled_images(blob_study), folder)


def test_it_learns_and_history_tells_coarse_from_fine(trained) -> None:
    _, result = trained

    assert [entry["epoch"] for entry in result.history] == [4, 8, 12, 16]
    assert all(set(entry) == {"epoch", "loss", "val_error", "val_error_coarse"} for entry in result.history)
    last = result.history[-1]
    assert result.val_error == min(entry["val_error"] for entry in result.history) < 1.0  # the mean place: 20 px
    assert last["val_error"] < last["val_error_coarse"] < 4.0  # a cell of the coarse heatmap is 3.3 px wide


def test_both_errors_are_those_of_the_published_model(trained, tmp_path, blob_study) -> None:
    folder, result = trained
    predictor = Predictor.load(folder)
    errors = []
    for id in result.card.val_images:
        answer = predictor.predict_stages(blob_study.images()[id])
        truth = read_markups(blob_study.label_path(id), answer.landmarks.frame, predictor.protocol.landmark_names)
        found = np.stack([answer.landmarks.points, answer.coarse])
        errors.append(np.linalg.norm(found - truth.points, axis=2))

    fine, coarse = np.mean(errors, axis=(0, 2))

    best = next(entry for entry in result.history if entry["val_error"] == result.val_error)
    assert fine == pytest.approx(best["val_error"], abs=1e-3)
    assert coarse == pytest.approx(best["val_error_coarse"], abs=1e-3)


def test_a_killed_run_goes_on_and_equals_an_unbroken_one(tmp_path, blob_study, blob_protocol) -> None:
    protocol = with_zian(blob_protocol)
    images = labelled_images(blob_study)[:8]
    options = TrainOptions(max_epochs=4, val_interval=1, checkpoint_seconds=0, seed=3)
    whole = train_model(protocol, images, tmp_path / "whole", options)

    with pytest.raises(KilledError):
        train_model(protocol, images, tmp_path / "broken", options, on_progress=kill_in_epoch(3))
    resumed = train_model(protocol, images, tmp_path / "broken", options)

    assert resumed.history == whole.history
    assert resumed.card.sha256 == whole.card.sha256


@pytest.mark.parametrize("recipe", ["zian_a", "zian_b"])
def test_a_recipe_of_the_paper_runs(tmp_path, blob_study, blob_protocol, recipe) -> None:
    document = with_zian(blob_protocol).model_dump(mode="json") | {"recipe": {"name": recipe}}
    protocol = Protocol.model_validate(document)
    options = TrainOptions(max_epochs=2, val_interval=1)

    result = train_model(protocol, labelled_images(blob_study)[:6], tmp_path / "blobs", options)

    assert result.card.protocol.recipe.name == recipe
    assert result.history[1]["loss"] < result.history[0]["loss"]


@pytest.mark.parametrize("row", ["base", "1roi", "mr+sa"])
def test_a_row_of_the_ablation_trains_and_predicts(tmp_path, blob_study, blob_protocol, row) -> None:
    options = TrainOptions(max_epochs=1, val_interval=1)

    result = train_model(with_zian(blob_protocol, row=row), labelled_images(blob_study)[:4], tmp_path / "b", options)

    assert ("val_error_coarse" in result.history[0]) == (row != "base")
    answer = Predictor.load(tmp_path / "b").predict_stages(blob_study.images()["image_000"])
    assert (answer.coarse is None) == (row == "base")


@pytest.mark.parametrize("count", [1, 19])
def test_one_landmark_and_nineteen(tmp_path, rng, count) -> None:
    names = tuple(f"p{i:02d}" for i in range(count))
    points = rng.uniform([4, 4], [WIDTH - 5, HEIGHT - 5], (count, 2))
    studies = Studies(tmp_path / "studies")
    studies.root.mkdir()
    for id in ("a", "b", "c"):
        Image.fromarray(rng.integers(0, 255, (HEIGHT, WIDTH), np.uint8)).save(studies.root / f"{id}.png")
        write_markups(studies.label_path(id), Landmarks(names, points, Frame(WIDTH, HEIGHT)))
    protocol = Protocol.model_validate(
        {
            "name": "many",
            "title": "Many",
            "channels": "grey",
            "landmarks": [{"name": name, "description": "a place"} for name in names],
            "network": {**ZIAN, "share_backbone": True},
            "recipe": {"max_epochs": 2, "batch_size": 2, "val_interval": 1},
        }
    )

    result = train_model(protocol, labelled_images(studies), tmp_path / "many")
    answer = Predictor.load(tmp_path / "many").predict_stages(studies.images()["a"])

    assert np.isfinite(result.history[-1]["val_error_coarse"])
    assert answer.landmarks.names == names
    for found in (answer.landmarks.points, answer.coarse):
        assert found.shape == (count, 2)
        assert ((found >= -0.5) & (found <= [WIDTH - 0.5, HEIGHT - 0.5])).all()


def test_landmarks_never_seen_by_the_loss_do_not_spoil_it(tmp_path, blob_protocol) -> None:
    """Missing and undefined landmarks have no region of their own in training, and no NaN comes of it."""
    studies = write_study(tmp_path / "studies", 6, without_dark=2)
    options = TrainOptions(max_epochs=2, val_interval=1)

    result = train_model(with_zian(blob_protocol), labelled_images(studies), tmp_path / "blobs", options)

    assert all(np.isfinite(entry["loss"]) for entry in result.history)
