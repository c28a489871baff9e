"""Images keep the side that they were put on, and a model folder remembers which labels were seen."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from engine_study import write_study

from monai_ext.engines import LabelledImage, TrainOptions, labelled_images, split_images, train_model
from monai_ext.engines.dataset import (
    add_seen_labels,
    against_hash,
    digests,
    read_seen_labels,
    read_settled_sides,
    write_settled_sides,
)
from monai_ext.landmarks import InputError


def rank(id: str) -> float:
    return int.from_bytes(hashlib.sha256(id.encode()).digest()[:8], "big") / 2**64


def ranked(count: int = 60) -> list[LabelledImage]:
    """Images without a stated split, the one that is nearest to validation first."""
    return sorted((LabelledImage(f"eye{i}", Path("x"), Path("y")) for i in range(count)), key=lambda i: rank(i.id))


def ids(images: list[LabelledImage]) -> list[str]:
    return [image.id for image in images]


def test_a_lone_validation_image_stays_one_when_better_candidates_arrive() -> None:
    high = [image for image in ranked() if rank(image.id) > 0.4]
    few = high[5:9]
    train, val = split_images(few, 0.2)
    settled = against_hash(few, train + val, 0.2)
    assert settled == {few[0].id: "val"}
    assert ids(val) == [few[0].id]

    # another of the training side comes that is nearer to the threshold, then one of the validation side
    assert ids(split_images([*few, high[0]], 0.2)[1]) == [high[0].id]
    assert ids(split_images([*few, high[0]], 0.2, settled)[1]) == [few[0].id]
    low = ranked()[0]
    train, val = split_images([*few, high[0], low], 0.2, settled)
    assert sorted(ids(val)) == sorted([few[0].id, low.id])
    assert against_hash([*few, high[0], low], train + val, 0.2) == settled


def test_a_lone_training_image_never_validates_the_models_that_it_trained() -> None:
    low = [image for image in ranked() if rank(image.id) < 0.5][:4]
    train, val = split_images(low, 0.5)
    settled = against_hash(low, train + val, 0.5)
    assert settled == {low[-1].id: "train"}

    more = [*low, ranked()[-1]]
    assert low[-1].id in ids(split_images(more, 0.5)[1])
    assert low[-1].id in ids(split_images(more, 0.5, settled)[0])


def test_every_step_of_a_growing_set_keeps_all_sides() -> None:
    images = sorted(ranked(40), key=lambda image: image.id)
    settled: dict[str, str] = {}
    sides: dict[str, str] = {}
    for count in range(2, len(images) + 1):
        train, val = split_images(images[:count], 0.15, settled)
        settled |= against_hash(images[:count], train + val, 0.15)
        now = {image.id: str(image.split) for image in train + val}
        assert sides.items() <= now.items()
        sides = now


def test_a_stated_split_counts_more_than_a_settled_side() -> None:
    images = [LabelledImage(f"eye{i}", Path("x"), Path("y"), "train") for i in range(3)]
    images += [LabelledImage("eye3", Path("x"), Path("y"), "val")]
    train, val = split_images(images, 0.2, {"eye0": "val", "eye3": "train"})

    assert (ids(train), ids(val)) == (["eye0", "eye1", "eye2"], ["eye3"])
    assert against_hash(images, train + val, 0.2) == {}


def test_settled_sides_are_added_and_read_again(tmp_path: Path) -> None:
    assert read_settled_sides(tmp_path) == {}
    write_settled_sides(tmp_path, {})
    assert list(tmp_path.iterdir()) == []
    write_settled_sides(tmp_path, {"a": "val"})
    write_settled_sides(tmp_path, {"b": "train"})
    assert read_settled_sides(tmp_path) == {"a": "val", "b": "train"}


@pytest.mark.parametrize("content", ["[]", '{"val": "a"}', '{"train": [1]}', "{"])
def test_a_damaged_file_of_sides_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "settled_sides.json").write_text(content)
    with pytest.raises(InputError, match=r"settled_sides\.json"):
        read_settled_sides(tmp_path)


def test_seen_labels_are_added_and_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    add_seen_labels(tmp_path, {"a": "1", "b": "2"})
    add_seen_labels(tmp_path, {"b": "3"})
    assert read_seen_labels(tmp_path) == {"a": "1", "b": "3"}
    (tmp_path / "seen_labels.json").write_text("[]")
    with pytest.raises(InputError, match="must hold a SHA-256 per image ID"):
        read_seen_labels(tmp_path)
    add_seen_labels(tmp_path, {"c": "4"})
    assert read_seen_labels(tmp_path) == {"c": "4"}


def test_a_training_records_what_it_saw_and_where_it_put_it(tmp_path: Path, quick_protocol) -> None:
    studies = write_study(tmp_path / "studies", 3)
    protocol = quick_protocol.model_copy(
        update={"recipe": quick_protocol.recipe.model_copy(update={"val_fraction": 1e-9})}
    )
    images = labelled_images(studies)
    result = train_model(protocol, images, tmp_path / "blobs", TrainOptions(), stop=lambda: True)

    assert result.stopped
    lowest = min(ids(images), key=rank)
    others = {id: "train" for id in ids(images) if id != lowest}
    assert read_settled_sides(tmp_path / "blobs") == {lowest: "val", **others}
    label = studies.label_path(lowest).read_bytes()
    seen = read_seen_labels(tmp_path / "blobs")
    assert seen == digests(images)
    assert seen[lowest] == hashlib.sha256(label).hexdigest()


def test_labels_that_cannot_be_trained_on_are_not_seen(tmp_path: Path, quick_protocol) -> None:
    studies = write_study(tmp_path / "studies", 1)
    with pytest.raises(InputError, match="at least 2 labelled images"):
        train_model(quick_protocol, labelled_images(studies), tmp_path / "blobs")

    assert read_seen_labels(tmp_path / "blobs") == {}


ONCE = TrainOptions(max_epochs=1, val_interval=1, publish_worse=True)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledImage]:
    return labelled_images(write_study(tmp_path_factory.mktemp("sides") / "studies", 10))


def with_splits(images: list[LabelledImage], val: list[str]) -> list[LabelledImage]:
    return [replace(image, split="val" if image.id in val else "train") for image in images]


def test_a_larger_share_of_validation_takes_no_image_that_trained(tmp_path: Path, quick_protocol, images) -> None:
    folder = tmp_path / "blobs"
    first = train_model(quick_protocol, images[:7], folder, ONCE)
    trained = set(ids(images[:7])) - set(first.card.val_images)

    second = train_model(quick_protocol, images, folder, ONCE.model_copy(update={"val_fraction": 0.8}))

    new = {image.id for image in images[7:] if rank(image.id) < 0.8}
    assert any(rank(id) < 0.8 for id in trained)  # by their hash they would validate
    assert second.card.parent == "v1"
    assert set(second.card.val_images) == set(first.card.val_images) | new


def test_splits_that_are_removed_let_no_image_validate_that_trained(tmp_path: Path, quick_protocol, images) -> None:
    folder = tmp_path / "blobs"
    val = sorted(ids(images), key=rank)[-3:]  # the hash would train with them
    first = train_model(quick_protocol, with_splits(images, val), folder, ONCE)
    assert set(first.card.val_images) == set(val)

    second = train_model(quick_protocol, images, folder, ONCE)

    assert second.card.parent == "v1"
    assert set(second.card.val_images) == {val[0]}  # no image is left but those three, of which this is the nearest
    assert read_settled_sides(folder)[val[0]] == "val"


def test_where_all_images_trained_one_of_them_validates(tmp_path: Path) -> None:
    images = ranked(5)
    settled = dict.fromkeys(ids(images), "train")

    train, val = split_images(images, 0.5, settled)

    assert ids(val) == [images[0].id]
    assert against_hash(images, train + val, 1e-9) == {images[0].id: "val"}


def test_the_sides_of_a_study_that_stays_as_it_is_stay(tmp_path: Path, quick_protocol, images) -> None:
    folder = tmp_path / "blobs"
    train, val = split_images(images, 0.2)
    first = train_model(quick_protocol, images, folder, ONCE)

    sides = read_settled_sides(folder)
    assert [ids(side) for side in split_images(images, 0.2, sides)] == [ids(train), ids(val)]
    assert first.card.val_images == tuple(ids(val))
    assert {id for id, side in sides.items() if side == "train"} == set(ids(train))
