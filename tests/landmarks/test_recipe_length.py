"""How long a training is by its recipe."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from monai_ext.landmarks.recipe import Length, Recipe


@pytest.mark.parametrize(
    ("images", "batch_size", "expected"),
    [
        (1, 4, Length(6, 25)),  # 150 steps, the least
        (5, 4, Length(6, 25)),
        (50, 4, Length(7, 25)),  # 120 + 50 steps in epochs of at least 25
        (361, 4, Length(5, 97)),  # 481 steps; a pass has 90
        (840, 8, Length(9, 107)),  # 960 steps; a pass has 105
        (5000, 4, Length(1, 1000)),  # the most: less than one pass
    ],
)
def test_steps_follow_from_the_number_of_images(images: int, batch_size: int, expected: Length) -> None:
    assert Recipe(name="fine_tune", batch_size=batch_size).length(images) == expected


def test_a_stated_number_of_steps_and_the_earlier_end() -> None:
    assert Recipe(max_steps=90, batch_size=4).length(40) == Length(4, 23)
    assert Recipe(max_steps=90, max_epochs=3, batch_size=4).length(40) == Length(3, 10)
    assert Recipe(max_epochs=7, batch_size=4).length(41) == Length(7, 10)
    assert Recipe(max_epochs=7, batch_size=4).length(2) == Length(7, 1)
    assert Length(7, 25).steps == 175


def test_no_steps_are_refused() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        Recipe(max_steps=0)
