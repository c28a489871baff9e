"""What training leaves beside a model so that it warns of images unlike those that it was trained on."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from engine_study import HEIGHT, WIDTH, write_study
from PIL import Image
from typer.testing import CliRunner

from monai_ext.cli import app
from monai_ext.engines import TrainOptions, familiar, labelled_images, train_model
from monai_ext.inferers import Predictor
from monai_ext.landmarks import Augmentation, InputError, Protocol
from monai_ext.models import read_card, read_familiarity
from monai_ext.networks import build_network
from monai_ext.studies import Studies

OPTIONS = TrainOptions(max_epochs=1, batch_size=4, val_interval=1, seed=1, device="cpu", num_workers=0)
TRAINED, HELD_OUT = 8, 3


@pytest.fixture(scope="module")
def blobs(tmp_path_factory, blob_protocol):
    """A studies folder and a model that was trained on it."""
    root = tmp_path_factory.mktemp("familiar")
    studies = write_study(root / "studies", TRAINED + HELD_OUT)
    ids = list(studies.images())
    studies.write_splits({id: "train" if i < TRAINED else "val" for i, id in enumerate(ids)})
    result = train_model(blob_protocol, labelled_images(studies), root / "blobs", OPTIONS)
    assert "warn" not in result.reason
    return studies, root / "blobs"


def strange_images(folder) -> list:
    """Noise, a blank image and stripes, as large as the blobs' images."""
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    stripes = np.where(np.arange(WIDTH) // 4 % 2, 255, 0).astype(np.uint8)[None].repeat(HEIGHT, 0)
    paths = []
    for name, pixels in {"noise": noise, "blank": np.zeros_like(noise), "stripes": stripes}.items():
        paths.append(folder / f"{name}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


def test_a_trained_model_knows_its_images_and_not_others(tmp_path, blobs) -> None:
    studies, folder = blobs
    card = read_card(folder)
    known = read_familiarity(folder, "v1", card.sha256)
    assert (known.protocol, known.images, known.held_out) == (
        "blobs",
        2 * TRAINED,
        HELD_OUT + 12,
    )  # 9 copies in whole batches of 4
    predictor = Predictor.load(folder)

    assert [predictor.predict_stages(path).unfamiliar for path in studies.images().values()] == [None] * 11
    for path in strange_images(tmp_path):
        found = predictor.predict_stages(path).unfamiliar
        assert found.distance > found.threshold == known.threshold


def test_copies_keep_their_surround(blobs, blob_protocol) -> None:
    """Without any other change they are the images, not the sceneries that training would show in their place."""
    studies, _ = blobs
    still = {"rotation": 0, "scale": 0, "shift": 0, "brightness": 0, "contrast": 0, "noise": 0}
    changes = Augmentation(**still, scenery={"empty": 1, "kept": 0})
    recipe = blob_protocol.recipe.model_copy(update={"augmentation": changes})
    protocol = blob_protocol.model_copy(update={"recipe": recipe})
    network = build_network(protocol).eval()
    images = labelled_images(studies)[:4]

    plain, copies = (
        np.concatenate(list(familiar.feature_batches(network, protocol, images, copies, torch.device("cpu"))))
        for copies in (0, 1)
    )

    distances = np.linalg.norm(copies[:, None] - plain[None], axis=2)
    assert sorted(distances.argmin(1)) == [0, 1, 2, 3]  # training shuffles
    assert distances.min(1).max() < 1e-4 * np.linalg.norm(plain, axis=1).min()


def test_points_are_the_same_without_it_and_old_models_never_warn(tmp_path, blobs) -> None:
    studies, folder = blobs
    predictor = Predictor.load(folder)
    old = Predictor(predictor.network, predictor.card, calibration=predictor.calibration)

    for path in [next(iter(studies.images().values())), *strange_images(tmp_path)]:
        with_it, without = predictor.predict_stages(path), old.predict_stages(path)
        assert without.unfamiliar is None
        assert with_it.landmarks.points.tobytes() == without.landmarks.points.tobytes()
        assert with_it.landmarks.confidence.tobytes() == without.landmarks.confidence.tobytes()
    assert not any(module._forward_hooks for module in predictor.network.modules())


def test_the_command_fits_it_to_a_model_again_without_labels(tmp_path, blobs) -> None:
    studies, folder = blobs
    bare = Studies(tmp_path)
    for path in studies.images().values():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    known = read_familiarity(folder, "v1", read_card(folder).sha256)
    command = ["familiarity", "--studies", str(tmp_path), "--model", str(folder), "--output", str(tmp_path), "--json"]

    result = CliRunner().invoke(app, command)

    assert result.exit_code == 0, result.output
    written = json.loads(result.stdout)
    assert written["file"] == str(tmp_path / "v1.familiar.npz")
    found = read_familiarity(tmp_path, "v1", read_card(folder).sha256)
    assert (found.images, found.held_out) == (known.images, known.held_out)  # the sides are those of the model's card
    assert found.threshold == pytest.approx(known.threshold, rel=1e-6)
    np.testing.assert_allclose(found.mean, known.mean, rtol=1e-5, atol=1e-6)
    assert not list(bare.labelled())

    bare.write_splits(dict.fromkeys(bare.images(), "train"))
    with pytest.raises(InputError, match="has 11 images to train on and 0 for validation, and both are needed"):
        CliRunner().invoke(app, command, catch_exceptions=False)


def test_a_shipped_model_is_not_changed_unasked(blobs) -> None:
    studies, _ = blobs
    with pytest.raises(InputError, match=r"would change the shipped model .*: say where the file goes with --output"):
        CliRunner().invoke(app, ["familiarity", "-s", str(studies.root), "-m", "fundus"], catch_exceptions=False)


@pytest.mark.slow
def test_an_image_that_vanishes_costs_the_warning_and_not_the_training(
    tmp_path, blobs, blob_protocol, monkeypatch
) -> None:
    studies, _ = blobs
    images = labelled_images(studies)
    monkeypatch.setattr(familiar, "MOST_TRAINED", 0)

    result = train_model(blob_protocol, images, tmp_path / "blobs", OPTIONS)

    assert read_card(tmp_path / "blobs").version == "v1"
    assert not list((tmp_path / "blobs").glob("*.npz"))
    assert "It does not warn of images unlike its own (" in result.reason


NETWORKS = {
    "zian": {"name": "zian", "backbone": "unet_small", "row": "1roi", "roi_sizes": [32, 64]},
    "deconv_net": {"name": "deconv_net", "encoder": "resnet18"},
    "hourglass": {"name": "hourglass", "stacks": 1, "features": 16},
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_every_network_with_random_weights_tells_stripes_from_its_images(tmp_path, blobs, blob_protocol, kind) -> None:
    studies, _ = blobs
    document = blob_protocol.model_dump(mode="json", exclude={"network"})
    size = blob_protocol.network.input_size.model_dump()
    protocol = Protocol.model_validate({**document, "network": {**NETWORKS[kind], "input_size": size}})
    torch.manual_seed(0)
    network = build_network(protocol).eval()
    images = labelled_images(studies)
    sides = [[image for image in images if image.split == side] for side in ("train", "val")]

    known = familiar.learn_familiarity(network, protocol, *sides, torch.device("cpu"))

    card = read_card(blobs[1]).model_copy(update={"protocol": protocol})
    predictor = Predictor(network, card, familiarity=known)
    assert predictor.predict_stages(images[0].image).unfamiliar is None
    assert predictor.predict_stages(strange_images(tmp_path)[2]).unfamiliar is not None
