"""Distances that errors are judged by where nobody names any."""

from __future__ import annotations

import numpy as np
import pytest

from monai_ext.evaluation import Limits, fitting_limits
from monai_ext.landmarks import Frame, InputError, Landmarks


def truths(*frames: Frame) -> dict[str, Landmarks]:
    return {f"image{i}": Landmarks(("tip",), np.zeros((1, 2)), frame) for i, frame in enumerate(frames)}


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((511, 365), (2, 5, 10)),  # diagonal 628.0: 6.28 lies nearer to 5 than to 10, as ratios
        ((4288, 2848), (20, 50, 100)),  # 5147.6
        ((96, 96), (0.5, 1, 2)),  # 135.8
        ((600, 450), (5, 10, 20)),  # 750.0: above 707.1, the middle of 500 and 1000 as ratios
        ((60, 45), (0.5, 1, 2)),  # 75.0: the same shape and a tenth of the size
        ((420, 560), (2, 5, 10)),  # 700.0: below 707.1
    ],
)
def test_pixels_follow_the_diagonal_in_round_steps(size, expected) -> None:
    assert fitting_limits(truths(Frame(*size))) == Limits(expected, expected[-1], 2 * expected[-1])


def test_the_median_image_decides() -> None:
    small, large = Frame(96, 96), Frame(4288, 2848)
    assert fitting_limits(truths(small, small, large)).thresholds == (0.5, 1, 2)
    assert fitting_limits(truths(small, large, large)).thresholds == (20, 50, 100)


def test_millimetres_are_those_of_the_field_and_of_small_images_by_size() -> None:
    film = Frame(1935, 2400, spacing=(0.1, 0.1), spacing_source="test")  # diagonal 308 mm
    assert fitting_limits(truths(film)) == Limits((2.0, 2.5, 3.0, 4.0), 4.0, 8.0)
    eye = Frame(1600, 800, spacing=(0.01, 0.015), spacing_source="test")  # 16 x 12 mm, diagonal 20 mm
    assert fitting_limits(truths(eye)).thresholds == (0.1, 0.2, 0.5)
    at_limit = Frame(600, 400, spacing=(0.1, 0.2), spacing_source="test")  # 60 x 80 mm, diagonal 100 mm
    assert fitting_limits(truths(at_limit)).thresholds == (2.0, 2.5, 3.0, 4.0)


def test_pixels_where_one_image_is_not_calibrated_or_pixels_are_asked_for() -> None:
    film, plain = Frame(2400, 1800, spacing=(0.1, 0.1), spacing_source="test"), Frame(2400, 1800)
    assert fitting_limits(truths(film, plain)).thresholds == (10, 20, 50)  # 30 lies nearer to 20
    assert fitting_limits(truths(film), "px").thresholds == (10, 20, 50)
    with pytest.raises(InputError, match="Image image1 has no known pixel size"):
        fitting_limits(truths(film, plain), "mm")


def test_what_a_person_names_is_kept() -> None:
    one = truths(Frame(511, 365))
    assert fitting_limits(one, thresholds=(3.0, 7.0)) == Limits((3.0, 7.0), 7.0, 14.0)
    assert fitting_limits(one, thresholds=(3.0, 7.0), failure=4.0) == Limits((3.0, 7.0), 4.0, 8.0)
    assert fitting_limits(one, limit=50.0) == Limits((2, 5, 10), 10, 50.0)


def test_without_an_image_there_is_nothing_to_fit() -> None:
    with pytest.raises(InputError, match="nothing to evaluate"):
        fitting_limits({})
