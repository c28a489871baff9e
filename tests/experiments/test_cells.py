from __future__ import annotations

from pathlib import Path

import pytest

from monai_ext.engines import LabelledImage
from monai_ext.experiments import Size, length, parse_sizes, subset
from monai_ext.landmarks import InputError
from monai_ext.landmarks.recipe import Recipe

IMAGES = [LabelledImage(f"image_{i}", Path(f"{i}.png"), Path(f"{i}.json"), "train") for i in range(30)]


def ids(images) -> set[str]:
    return {image.id for image in images}


def test_sizes_rise_and_equal_ones_count_once() -> None:
    assert parse_sizes("40,all, 5", 50) == (Size("5", 5), Size("40", 40), Size("all", 50))
    assert parse_sizes("50,all", 50) == (Size("50", 50),)


@pytest.mark.parametrize(
    ("named", "message"),
    [("0", "not '0'"), ("5,some", "not 'some'"), ("", "not ''"), ("-5", "not '-5'"), ("51", "asks for 51 .* are 50")],
)
def test_a_wrong_size_is_refused(named, message) -> None:
    with pytest.raises(InputError, match=message):
        parse_sizes(named, 50)


def test_subsets_are_nested_and_another_seed_draws_others() -> None:
    drawn = [ids(subset(IMAGES, count, seed=1)) for count in (5, 10, 30)]

    assert [len(images) for images in drawn] == [5, 10, 30]
    assert drawn[0] < drawn[1] < drawn[2] == ids(IMAGES)
    assert ids(subset(IMAGES, 10, seed=2)) != drawn[1]


def test_a_draw_does_not_depend_on_the_order_or_on_images_that_are_not_drawn() -> None:
    drawn = subset(IMAGES, 10, seed=1)

    assert subset(IMAGES[::-1], 10, seed=1) == drawn
    others = [image for image in IMAGES if image not in drawn]
    assert subset([image for image in IMAGES if image != others[0]], 10, seed=1) == drawn


def test_steps_are_those_of_the_recipe_over_the_largest_set() -> None:
    recipe = Recipe(batch_size=4, max_epochs=7)

    lengths = [length(count, 30, recipe) for count in (3, 10, 30)]

    assert [(run.epochs, run.epoch_steps, run.steps) for run in lengths] == [(7, 7, 49)] * 3


@pytest.mark.parametrize("steps", [1, 2, 7, 48, 97, 500, 1009])
@pytest.mark.parametrize("largest", [3, 30, 61])
def test_a_number_of_steps_is_never_passed_and_nearly_reached(steps, largest) -> None:
    recipe = Recipe(batch_size=4)

    runs = {length(count, largest, recipe, max_steps=steps) for count in (3, largest)}

    (run,) = runs
    assert run.epoch_steps >= 1
    assert 0.98 * steps <= run.steps <= steps or steps - run.steps <= 1


def test_epochs_are_passes_over_each_size() -> None:
    recipe = Recipe(batch_size=4, max_epochs=7)

    assert [length(count, 30, recipe, max_epochs=2).steps for count in (3, 10, 30)] == [2, 4, 14]


def test_two_limits_are_refused() -> None:
    with pytest.raises(InputError, match="--max-epochs and --max-steps"):
        length(3, 3, Recipe(), max_epochs=1, max_steps=1)
