"""The training of a source classifier on pictures of shapes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from engine_memory import TOO_MUCH
from PIL import Image
from shape_images import CLASSES, shapes, write_shapes

from monai_ext.engines.source_images import ClassImage, read_class_folders, source_transforms, split_class_images
from monai_ext.engines.source_training import Classifier, SourceOptions, SourceRun, train_source
from monai_ext.engines.stop import ResourceError
from monai_ext.landmarks import InputError
from monai_ext.networks.cross_task import read_source

__all__ = ["shapes"]

QUICK = SourceOptions(input_size=32, max_epochs=12, batch_size=8, learning_rate=1e-3, device="cpu")

#: For tests of all but what is learned.
TINY = QUICK.model_copy(update={"architecture": "lcnet_035"})


@pytest.fixture(scope="module")
def trained(shapes, tmp_path_factory):
    file = tmp_path_factory.mktemp("source") / "sources" / "shapes.safetensors"
    progress = []
    result = train_source(read_class_folders(shapes), file, QUICK, on_progress=progress.append, data="Shapes.")
    return result, progress


@pytest.mark.slow
def test_it_learns_the_shapes(trained) -> None:
    result, progress = trained

    assert result.accuracy > 0.9
    assert (result.classes, result.train_images, result.val_images, result.epochs) == (3, 48, 12, 12)
    assert [row["epoch"] for row in progress] == list(range(13))
    assert progress[0]["loss"] is None
    assert progress[-1] == {**result.history[-1], "max_epochs": 12}
    assert result.history[-1]["loss"] < result.history[0]["loss"]


def test_the_file_holds_the_classifier_that_was_measured(trained, shapes) -> None:
    """Read back and asked by hand, it has the accuracy that was reported; the classes are in the card's order."""
    result, _ = trained
    classifier, report = read_source(result.file)
    _, held_out, classes = split_class_images(read_class_folders(shapes), 0.2)

    right = 0
    for image in held_out:
        pixels = np.asarray(Image.open(image.image), dtype=np.float64)  # 48 x 40
        row = (np.arange(32) + 0.5) * 48 / 32 - 0.5 - 4  # fitted into a square: 4 rows repeat above and below
        column = (np.arange(32) + 0.5) * 48 / 32 - 0.5
        sampled = pixels[row.clip(0, 39).round().astype(int)][:, column.clip(0, 47).round().astype(int)]
        standard = (sampled - sampled.mean()) / sampled.std()
        logits = classifier(torch.from_numpy(standard.transpose(2, 0, 1)[None]).float()).logits
        right += report.card.class_names[int(logits.argmax())] == image.label
    assert right / len(held_out) == pytest.approx(result.accuracy, abs=1.5 / len(held_out))
    assert report.card.class_names == classes == CLASSES
    assert (report.card.architecture, report.card.normalization) == ("resnet18", "image")
    assert report.card.trained_on.startswith("Shapes. 48 images of 3 classes, scaled into 32 x 32 pixels; top-1")
    assert report.unexpected == ()


def test_the_same_seed_gives_the_same_weights(shapes) -> None:
    train, held_out, classes = split_class_images(read_class_folders(shapes), 0.2)
    options = TINY.model_copy(update={"max_epochs": 1})

    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        run = SourceRun(train, held_out, classes, options, torch.device("cpu"))
        run()
        return next(run.network.head.parameters()).detach()

    first, second, other = weights(0), weights(0), weights(1)
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert not torch.equal(first, other)


def test_held_out_images_are_fitted_and_not_augmented(shapes) -> None:
    image = next((shapes / "red_disc").iterdir())
    plain, random = (source_transforms(QUICK.input_size, changes) for changes in (None, QUICK.recipe.augmentation))
    sample = {"image": str(image), "label": 1}

    once, twice = plain(dict(sample)), plain(dict(sample))

    torch.testing.assert_close(once["image"], twice["image"], rtol=0, atol=0)
    assert once["image"].shape == (3, 32, 32)
    assert float(once["image"].mean()) == pytest.approx(0, abs=1e-5)
    assert float(once["image"].std(correction=0)) == pytest.approx(1, abs=1e-5)
    assert once["label"] == 1
    assert not torch.equal(random(dict(sample))["image"], random(dict(sample))["image"])


def test_no_flip_means_no_flip() -> None:
    for flip in (0.0, 1.0):
        options = QUICK.model_copy(update={"flip": flip})
        affine = source_transforms(options.input_size, options.recipe.augmentation).transforms[1]
        affine.set_random_state(seed=0)
        ramp = torch.arange(32.0).expand(3, 32, 32)
        slopes = [float((affine({"image": ramp})["image"][0, 16].diff()).mean()) for _ in range(5)]
        assert all(slope > 0 for slope in slopes) if flip == 0 else all(slope < 0 for slope in slopes)


def test_grey_images_are_taken(tmp_path) -> None:
    write_shapes(tmp_path, 5, ("red_disc", "red_square"))
    for path in tmp_path.rglob("*.png"):
        Image.open(path).convert("L").save(path)

    options = TINY.model_copy(update={"max_epochs": 1})
    assert train_source(read_class_folders(tmp_path), tmp_path / "s.safetensors", options).classes == 2


def test_a_run_that_is_stopped_leaves_no_file(shapes, tmp_path) -> None:
    def stop(progress: dict) -> None:
        if progress["epoch"] == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_source(read_class_folders(shapes), tmp_path / "s.safetensors", TINY, on_progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_image_is_refused_before_training(shapes, tmp_path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    found = [*read_class_folders(shapes), ClassImage(broken, "red_disc", "train")]
    told = []

    with pytest.raises(InputError, match=r"broken\.png cannot be read as PNG"):
        train_source(found, tmp_path / "s.safetensors", TINY, on_progress=told.append)
    assert told == []


def test_an_image_that_is_cut_short_is_named(tmp_path) -> None:
    write_shapes(tmp_path, 5, ("red_disc", "blue_disc"))
    victim = tmp_path / "red_disc/red_disc_02.png"
    victim.write_bytes(victim.read_bytes()[:-800])

    with pytest.raises(InputError, match=r"red_disc_02\.png"):
        train_source(read_class_folders(tmp_path), tmp_path / "s.safetensors", TINY)


def test_another_kind_of_file_is_refused(shapes, tmp_path) -> None:
    with pytest.raises(InputError, match=r"\.safetensors file, not as 'source.pt'"):
        train_source(read_class_folders(shapes), tmp_path / "source.pt", QUICK)


def test_too_little_memory_is_said_with_what_to_set(shapes, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(Classifier, "forward", lambda self, image: torch.empty(TOO_MUCH, dtype=torch.uint8))
    with pytest.raises(ResourceError) as raised:
        train_source(read_class_folders(shapes), tmp_path / "s.safetensors", TINY)
    assert str(raised.value) == (
        "The memory of cpu is not enough for batches of 8 images of 32 x 32 pixels: set a smaller batch_size, "
        "input_size or architecture."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_training_that_diverges_says_so(shapes, tmp_path) -> None:
    options = TINY.model_copy(update={"learning_rate": float("1e30"), "max_epochs": 3})
    with pytest.raises(InputError, match="lower the learning rate"):
        train_source(read_class_folders(shapes), tmp_path / "s.safetensors", options)
    assert list(tmp_path.iterdir()) == []
