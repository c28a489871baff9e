"""Comparison with the current model when labels, landmarks or its own files have changed since it was published."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from engine_study import write_study

from monai_ext.engines import LabelledImage, TrainOptions, labelled_images, split_images, train_model
from monai_ext.engines.dataset import read_settled_sides
from monai_ext.engines.validation import validate_model
from monai_ext.images import read_frame
from monai_ext.landmarks import InputError, Landmarks, Protocol
from monai_ext.landmarks.markups import read_markups, write_markups
from monai_ext.models import read_card, roll_back
from monai_ext.studies import Studies

QUICK = TrainOptions(max_epochs=1, val_interval=1, device="cpu")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Studies:
    return write_study(tmp_path_factory.mktemp("published") / "studies", 12)


@pytest.fixture(scope="module")
def published(study: Studies, quick_protocol: Protocol, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the first six images; the folder is copied by the tests that change it."""
    folder = tmp_path_factory.mktemp("models") / "blobs"
    result = train_model(quick_protocol, labelled_images(study)[:6], folder, QUICK)
    assert result.card is not None
    return folder


def copy_of(folder: Path, to: Path) -> Path:
    to.mkdir(parents=True)
    for path in folder.iterdir():
        if path.is_file():
            (to / path.name).write_bytes(path.read_bytes())
    return to


def validation(folder: Path, images: list[LabelledImage]) -> list[LabelledImage]:
    return split_images(images, 0.2, read_settled_sides(folder))[1]


def test_a_grown_validation_set_judges_the_current_model_anew(
    study: Studies, published: Path, quick_protocol: Protocol, tmp_path: Path
) -> None:
    folder, images = copy_of(published, tmp_path / "blobs"), labelled_images(study)
    card = read_card(folder)
    assert {image.id for image in validation(folder, images)} > set(card.val_images)
    anew = validate_model(folder, validation(folder, images), torch.device("cpu")).value
    assert anew != pytest.approx(card.val_error, abs=1e-3)

    result = train_model(quick_protocol, images, folder, QUICK)

    assert result.previous_error == pytest.approx(anew, abs=1e-4)
    assert (result.card is not None) == (result.val_error <= anew)


@pytest.mark.slow
def test_after_a_rollback_the_version_that_was_gone_back_to_is_compared_and_gone_on_from(
    study: Studies, published: Path, quick_protocol: Protocol, tmp_path: Path
) -> None:
    folder, images = copy_of(published, tmp_path / "blobs"), labelled_images(study)[:6]
    first = read_card(folder)
    cold = train_model(quick_protocol, images, folder, QUICK.model_copy(update={"warm_start": False, "seed": 5}))
    if cold.card is None:  # it was worse than the first: then the first is current anyway
        assert read_card(folder) == first
    else:
        roll_back(folder, "v1")

    result = train_model(quick_protocol, images, folder, QUICK.model_copy(update={"learning_rate": 1e-9}))

    assert result.previous_error == pytest.approx(first.val_error, abs=1e-4)
    if result.card is not None:
        assert result.card.parent == "v1"


def test_a_model_of_other_landmarks_is_replaced_without_a_comparison(
    study: Studies, published: Path, quick_protocol: Protocol, tmp_path: Path
) -> None:
    folder = copy_of(published, tmp_path / "models" / "blobs")
    renamed = quick_protocol.landmarks[1].model_copy(update={"name": "shade"})
    protocol = quick_protocol.model_copy(update={"landmarks": (quick_protocol.landmarks[0], renamed)})
    images = []
    for image in labelled_images(study)[:4]:
        known = read_markups(image.label, read_frame(image.image))
        label = tmp_path / f"{image.id}.mrk.json"
        write_markups(label, Landmarks(("bright", "shade"), known.points, known.frame, known.status))
        images.append(LabelledImage(image.id, image.image, label))

    result = train_model(protocol, images, folder, QUICK)

    assert result.previous_error is None
    assert result.card is not None
    assert (result.card.version, result.card.parent) == ("v2", None)
    assert result.card.protocol.landmark_names == ("bright", "shade")


def test_damaged_weights_of_the_current_model_are_refused_and_stay(
    study: Studies, published: Path, quick_protocol: Protocol, tmp_path: Path
) -> None:
    folder = copy_of(published, tmp_path / "blobs")
    (folder / "v1.safetensors").write_bytes(b"half")
    with pytest.raises(InputError, match=r"v1\.safetensors are not those of their card \(SHA-256"):
        train_model(quick_protocol, labelled_images(study)[:6], folder, QUICK)

    assert read_card(folder).version == "v1"
    assert (folder / "v1.safetensors").read_bytes() == b"half"
