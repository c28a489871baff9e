"""Image errors, failure rate and the cumulative error distribution against independent integration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from monai_ext.landmarks import InputError
from monai_ext.metrics import (
    cumulative_error,
    cumulative_error_area,
    cumulative_error_steps,
    failure_rate,
    image_errors,
)


def test_an_image_error_is_the_mean_of_what_can_be_measured() -> None:
    nan = math.nan
    errors = torch.tensor([[1.0, 2.0, 6.0], [nan, 4.0, nan], [nan, nan, nan]], dtype=torch.float64)
    values = image_errors(errors).tolist()
    assert values[:2] == [3.0, 4.0]
    assert math.isnan(values[2])


def test_the_failure_rate_counts_images_and_not_landmarks() -> None:
    # One landmark of each image is far off; only one image's mean lies above 2.
    errors = torch.tensor([[0.0, 3.0], [0.0, 3.9], [1.0, 5.0], [2.0, 2.0]], dtype=torch.float64)
    assert failure_rate(image_errors(errors), 2.0) == 0.25


def test_an_image_at_the_threshold_does_not_fail() -> None:
    assert failure_rate(torch.tensor([1.2, 1.2000001, 1.0, math.nan], dtype=torch.float64), 1.2).item() == (
        pytest.approx(1 / 3)
    )


def test_without_a_measurable_image_the_rates_are_nan() -> None:
    nothing = torch.tensor([math.nan])
    assert failure_rate(nothing, 1.0).isnan()
    assert cumulative_error_area(nothing, 1.0).isnan()
    assert cumulative_error(nothing, [1.0, 2.0]).isnan().all()
    assert [len(v) for v in cumulative_error_steps(nothing)] == [0, 0]


def test_the_distribution_counts_images_at_or_below(rng) -> None:
    per_image = np.append(rng.uniform(0, 4, 23), np.nan)
    limits = [0.5, 1.0, float(per_image[3]), 4.0]
    expected = [sum(e <= t for e in per_image[:23]) / 23 for t in limits]
    assert cumulative_error(torch.from_numpy(per_image), limits).tolist() == pytest.approx(expected, rel=1e-12)


def test_the_steps_end_at_all_images() -> None:
    errors, shares = cumulative_error_steps(torch.tensor([3.0, 1.0, math.nan, 2.0, 2.0], dtype=torch.float64))
    assert errors.tolist() == [1, 2, 2, 3]
    assert shares.tolist() == [0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize("n", [1, 19])
@pytest.mark.parametrize("limit", [0.7, 2.0, 9.0])
def test_the_area_is_the_integral_of_the_step_function(rng, n, limit) -> None:
    per_image = rng.uniform(0, 3, n)

    def ced(t: float) -> float:
        return sum(e <= t for e in per_image) / n

    breaks = [0.0, *sorted(e for e in per_image if e < limit), limit]
    integral = sum(quad(ced, a, b)[0] for a, b in itertools.pairwise(breaks))
    assert float(cumulative_error_area(torch.from_numpy(per_image), limit)) == pytest.approx(integral / limit, rel=1e-9)


def test_the_area_of_perfect_and_hopeless_models() -> None:
    assert cumulative_error_area(torch.zeros(3), 1.2) == 1
    assert cumulative_error_area(torch.full((3,), 5.0), 1.2) == 0


def test_published_failure_rates_are_whole_numbers_of_images() -> None:
    # 310 images: 10.65 % is 33 of them, which only counting images gives.
    per_image = torch.cat([torch.full((33,), 1.3), torch.full((277,), 0.8)]).double()
    assert f"{100 * float(failure_rate(per_image, 1.2)):.2f}" == "10.65"


@pytest.mark.parametrize("bad", [0.0, -2.0, math.nan, math.inf])
def test_a_limit_is_a_positive_distance(bad) -> None:
    for function in (cumulative_error_area, failure_rate):
        with pytest.raises(InputError, match="positive distance"):
            function(torch.ones(2), bad)
