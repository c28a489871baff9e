"""Errors in percent of a width and of a distance, where pixels are not square and where a distance is not known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from monai_ext.evaluation import Measures, Pair, mean_interval
from monai_ext.experiments import OutOfFold
from monai_ext.experiments.cross_validation_results import relative_table
from monai_ext.landmarks import Frame, Landmarks

NAMES = ("fovea", "optic_disc")
BETWEEN = Measures((2.0,), 4.0, 8.0, between=NAMES, normalized_limit=10.0)


def pair(image: str, dy: float, status=(1, 1), spacing=None) -> Pair:
    frame = Frame(1000, 1000, spacing=spacing, spacing_source="none" if spacing is None else "made up")
    truth = np.array([[200.0, 500.0], [700.0, 500.0]])
    return image, Landmarks(NAMES, truth, frame, status), Landmarks(NAMES, truth + np.array([0, dy]), frame)


def test_pixels_that_are_not_square_count_by_their_millimetres() -> None:
    dy = np.arange(10.0, 15.0)
    found = OutOfFold.of([pair(f"i{i}", d, spacing=(0.1, 0.4)) for i, d in enumerate(dy)], BETWEEN)

    row, errors = found.rows[-1], 0.4 * dy
    assert row.of_distance == pytest.approx(np.mean(100 * errors / 50.0))  # 500 px along x
    assert row.of_width == pytest.approx(np.mean(100 * errors / 100.0))
    assert row.failures == np.sum(100 * errors / 50.0 > 10.0) == 2
    assert found.normalized.me == pytest.approx(row.of_distance)
    assert found.normalized.failure_rate == row.failures / 5


def test_in_pixels_the_pixel_size_does_not_count() -> None:
    measures = Measures((2.0,), 4.0, 8.0, unit="px", between=NAMES, normalized_limit=10.0)
    row = OutOfFold.of([pair("i", 10.0, spacing=(0.1, 0.4))], measures).rows[-1]

    assert (row.of_distance, row.of_width) == pytest.approx((2.0, 1.0))


def test_images_without_the_distance_are_no_successes_and_are_named() -> None:
    pairs = [pair(f"i{i}", 60.0, status=(int(i < 3), 1)) for i in range(6)]
    found = OutOfFold.of(pairs, BETWEEN)

    assert [(row.failures, row.judged, row.images) for row in found.rows] == [(3, 3, 3), (3, 3, 6), (3, 3, 6)]
    assert found.normalized.left_out == ("i3", "i4", "i5")
    table = relative_table({"images": found}, BETWEEN)
    assert [row[-1] for row in table.rows] == ["3 of 3"] * 3
    written = found.to_dict()["relative"]
    assert [row.get("left_out") for row in written] == [None, 3, 3]


def test_table_md_names_the_images_without_the_distance(tmp_path) -> None:
    from monai_ext.experiments.cross_validation_results import _markdown

    found = OutOfFold.of([pair("eye|a", 60.0, status=(0, 1)), pair("b", 60.0)], BETWEEN)
    validation = SimpleNamespace(protocol=SimpleNamespace(title="Eyes"), cells=[1, 2], length=SimpleNamespace(steps=3))
    text = _markdown(validation, {"images": found}, BETWEEN, 2, "command")

    assert "in the set `images`, because their truth has no distance between fovea and optic_disc: `eye|a`." in text


def test_intervals_are_over_the_subjects_that_are_stated() -> None:
    from monai_ext.experiments.cross_validation_results import _markdown

    pairs = [pair(image, dy) for image, dy in zip("cabde", (3.0, 1.0, 2.0, 9.0, 4.0), strict=True)]
    found = OutOfFold.of(pairs, Measures((2.0,), 4.0, 8.0), {"d": "S1", "a": "S1", "c": "S2"})

    row, told = found.rows[0], mean_interval([[1.0], [2.0], [3.0], [9.0], [4.0]], [0, 1, 2, 0, 3])
    assert (row.mean, row.low, row.high) == told[:3]
    validation = SimpleNamespace(protocol=SimpleNamespace(title="Eyes"), cells=[1, 2], length=SimpleNamespace(steps=3))
    assert "over other subjects, by bootstrap" in _markdown(validation, {"images": found}, BETWEEN, 2, "command")


def test_every_image_is_judged_by_a_limit_in_lengths() -> None:
    found = OutOfFold.of([pair("a", 60.0, status=(0, 1)), pair("b", 1.0)], Measures((2.0,), 4.0, 8.0))

    assert [(row.failures, row.judged) for row in found.rows] == [(0, 1), (1, 2), (1, 2)]
