from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from engine_study import write_study

from monai_ext.engines import LabelledImage, labelled_images, split_images, train_model
from monai_ext.engines.dataset import check_labels, check_sides
from monai_ext.engines.loader import make_loader
from monai_ext.landmarks import Frame, InputError, Landmarks
from monai_ext.landmarks.geometry import fit_matrix, transform_points
from monai_ext.landmarks.markups import read_markups, write_markups


def some(count: int, split: str | None = None, prefix: str = "image") -> list[LabelledImage]:
    return [LabelledImage(f"{prefix}{i}", Path("x"), Path("y"), split) for i in range(count)]  # type: ignore[arg-type]


def test_an_image_never_changes_sides_when_labels_arrive() -> None:
    few_train, few_val = split_images(some(40), 0.25)
    many_train, many_val = split_images(some(400), 0.25)

    assert {i.id for i in few_val} <= {i.id for i in many_val}
    assert {i.id for i in few_train} <= {i.id for i in many_train}
    assert 70 <= len(many_val) <= 130


def test_stated_splits_are_kept_and_test_images_left_out() -> None:
    images = some(3, "val", "v") + some(4, "train", "t") + some(2, "test", "k")

    train, val = split_images(images, 0.5)

    assert [i.id for i in train] == ["t0", "t1", "t2", "t3"]
    assert [i.id for i in val] == ["v0", "v1", "v2"]


def of_subjects(count: int, each: int = 2) -> list[LabelledImage]:
    return [replace(image, subject=f"S{i // each}") for i, image in enumerate(some(count))]


def test_images_of_a_subject_are_on_one_side() -> None:
    train, val = split_images(of_subjects(400), 0.25)

    assert len(train) + len(val) == 400
    assert not {image.subject for image in train} & {image.subject for image in val}
    assert 70 <= len(val) <= 130


def test_a_subject_of_which_an_image_trained_trains() -> None:
    images = of_subjects(40)
    first = split_images(images, 0.25)[1][0]

    train, _ = split_images(images, 0.25, {first.id: "train"})

    assert [image.id for image in train if image.subject == first.subject] == [
        image.id for image in images if image.subject == first.subject
    ]


def test_a_whole_subject_moves_where_a_side_is_empty() -> None:
    train, val = split_images(of_subjects(6, each=3), 1e-9)

    assert {image.subject for image in train} | {image.subject for image in val} == {"S0", "S1"}
    assert (len(train), len(val)) == (3, 3)
    with pytest.raises(InputError, match="images of one subject stay together"):
        split_images(of_subjects(6, each=6), 0.2)


def test_two_images_give_one_of_each() -> None:
    train, val = split_images(some(2), 0.01)

    assert len(train) == len(val) == 1


def test_one_label_is_refused() -> None:
    with pytest.raises(InputError, match="at least 2 labelled images"):
        split_images(some(1), 0.2)


def test_all_stated_on_one_side_is_refused() -> None:
    with pytest.raises(
        InputError, match="5 training and 0 validation images; both need at least one: name some in splits"
    ):
        split_images(some(5, "train"), 0.2)


def test_images_that_a_split_leaves_out_are_counted() -> None:
    with pytest.raises(InputError, match=r"at least 2 labelled images .* not 0 \(5 more are of the split test\)"):
        split_images(some(5, "test"), 0.2)


def test_a_landmark_that_nobody_placed_is_refused(tmp_path, blob_protocol) -> None:
    studies = write_study(tmp_path, 2)
    for id in ("image_000", "image_001"):
        path = studies.label_path(id)
        known = read_markups(path, Frame(80, 56))
        write_markups(path, Landmarks(known.names, known.points, known.frame, [1, -1]))

    with pytest.raises(InputError, match="No label has a point for dark"):
        check_labels(labelled_images(studies), blob_protocol)


def write_sides(root: Path, train: list[list[int]], val: list[list[int]]) -> list[LabelledImage]:
    """A study whose images have these statuses of (bright, dark), with their splits."""
    studies = write_study(root, len(train) + len(val))
    splits = {}
    for i, status in enumerate([*train, *val]):
        id = f"image_{i:03d}"
        known = read_markups(studies.label_path(id), Frame(80, 56))
        write_markups(studies.label_path(id), Landmarks(known.names, known.points, known.frame, status))
        splits[id] = "train" if i < len(train) else "val"
    studies.write_splits(splits)
    return labelled_images(studies)


def test_validation_images_without_a_point_are_refused_before_training(tmp_path, quick_protocol) -> None:
    images, reports = write_sides(tmp_path / "studies", [[1, 1]], [[0, 0], [-1, 0]]), []

    with pytest.raises(InputError) as raised:
        train_model(quick_protocol, images, tmp_path / "blobs", on_progress=reports.append)

    assert str(raised.value) == (
        "The 2 validation images have no point, so that no error could be measured: place a landmark in image_001, or "
        "label more images."
    )
    assert reports == []
    assert not (tmp_path / "blobs").exists()


def test_a_landmark_that_no_training_image_has_is_warned_of(tmp_path, blob_protocol) -> None:
    images = check_labels(write_sides(tmp_path / "studies", [[1, 0], [1, -1]], [[1, 1]]), blob_protocol)

    with pytest.warns(UserWarning, match="^The 2 training images cannot teach dark, which only validation images have"):
        check_sides(images[:2], images[2:], blob_protocol)


def test_a_landmark_may_be_missing_in_all_validation_images_but_not_all_landmarks(tmp_path, blob_protocol) -> None:
    images = check_labels(write_sides(tmp_path / "studies", [[1, 0], [-1, 1]], [[0, 1], [0, 0]]), blob_protocol)

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        check_sides(images[:2], images[2:], blob_protocol)
    assert [str(warning.message) for warning in told] == []
    with pytest.raises(InputError, match="The 1 validation image has no point"):
        check_sides(images[:2], images[3:], blob_protocol)


def test_validation_batches_carry_exact_points(blob_study, blob_protocol) -> None:
    images = labelled_images(blob_study)[:4]

    batch = next(iter(make_loader(images, blob_protocol, training=False, batch_size=4)))

    matrix = fit_matrix((80, 56), (96, 64))
    for i, image in enumerate(images):
        truth = read_markups(image.label, Frame(80, 56), blob_protocol.landmark_names)
        np.testing.assert_allclose(batch["points"][i], transform_points(matrix, truth.points), atol=1e-4)
        bright = batch["image"][i, 0] - batch["image"][i, 0].median()
        x, y = batch["points"][i, 0].round().long()
        assert bright[y, x] > 0.7 * bright.max()
    assert batch["image"].shape == (4, 1, 64, 96)
    assert batch["pixel_length"].tolist() == [[1.0, 1.0]] * 4
    assert batch["status"].dtype == torch.int8


@pytest.mark.parametrize("training", [True, False])
def test_batches_are_plain_tensors(blob_study, blob_protocol, training) -> None:
    loader = make_loader(labelled_images(blob_study)[:4], blob_protocol, training=training, batch_size=4)

    assert {type(value) for key, value in next(iter(loader)).items() if key != "id"} == {torch.Tensor}
