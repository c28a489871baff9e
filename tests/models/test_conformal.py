from __future__ import annotations

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from pydantic import ValidationError

from monai_ext.landmarks import InputError
from monai_ext.models import ConformalRadius, conformal_rank, fewest_errors

DRAWS = 10_000


def names(number: int) -> tuple[str, ...]:
    return tuple(f"p{k}" for k in range(number))


def test_the_rank_is_exact_for_every_number_and_percentage() -> None:
    for percent in range(1, 100):
        for count in range(0, 130):
            exact = math.ceil(Fraction(percent, 100) * (count + 1))
            assert conformal_rank(count, percent / 100) == (exact if exact <= count else None)


def test_nineteen_errors_are_the_fewest_for_95_percent() -> None:
    assert [fewest_errors(c) for c in (0.5, 0.8, 0.9, 0.95, 0.99)] == [1, 4, 9, 19, 99]
    for coverage in (0.5, 0.8, 0.9, 0.95, 0.99):
        assert conformal_rank(fewest_errors(coverage), coverage) is not None
        assert conformal_rank(fewest_errors(coverage) - 1, coverage) is None


def test_the_radius_is_a_known_error_of_each_landmark(rng) -> None:
    errors = rng.exponential(5, (60, 3))
    errors[:42, 1] = np.nan
    errors[:41, 2] = np.nan

    fitted = ConformalRadius.fit(errors, names(3), coverage=0.95, unit="mm")

    assert fitted.counts == (60, 18, 19)
    assert fitted.quantiles == (sorted(errors[:, 0])[57], None, errors[41:, 2].max())
    assert np.isnan(fitted.radius()).tolist() == [False, True, False]
    assert fitted.unit == "mm"


@pytest.mark.parametrize("scaled", [False, True])
def test_a_new_error_lies_within_as_often_as_promised(rng, scaled) -> None:
    """One calibration set and one new image per draw; landmark by landmark, with as many errors as each has."""
    counts, images = [19, 39, 100], 100
    unsure = rng.gamma(2, 1, (DRAWS, images + 1, 3)) + 0.1
    errors = rng.gamma(1.5, 3, (DRAWS, images + 1, 3)) * (unsure if scaled else 1)
    for k, count in enumerate(counts):
        errors[:, count:images, k] = np.nan
    held = np.zeros(3)
    for draw in range(DRAWS):
        known, new = errors[draw, :-1], errors[draw, -1]
        if scaled:
            fitted = ConformalRadius.fit(known, names(3), scale=unsure[draw, :-1], scaled_by="map_radius")
            held += new <= fitted.radius(unsure[draw, -1])
        else:
            held += new <= ConformalRadius.fit(known, names(3)).radius()

    coverage = held / DRAWS

    expected = [math.ceil(0.95 * (count + 1) - 1e-9) / (count + 1) for count in counts]
    assert coverage == pytest.approx(expected, abs=0.01)
    assert np.abs(coverage - 0.95).max() <= 0.012


def test_a_scale_gives_each_image_its_own_radius() -> None:
    errors = np.arange(1.0, 20.0)[:, None]
    scale = np.full((19, 1), 2.0)

    fitted = ConformalRadius.fit(errors, names(1), scale=scale, scaled_by="peak_radius", smoothing=0.5)

    assert fitted.quantiles == (pytest.approx(19 / 2.5),)
    assert fitted.radius([[2.0], [4.5], [0.0]])[:, 0].tolist() == pytest.approx([19, 38, 3.8])


def test_a_scale_of_zero_promises_nothing() -> None:
    fitted = ConformalRadius.fit(np.ones((19, 1)), names(1), scale=np.ones((19, 1)), scaled_by="augmentation")

    assert fitted.radius([1.0]).tolist() == [1.0]
    assert np.isnan(fitted.radius([0.0]))
    assert np.isnan(fitted.radius([np.nan]))


def test_it_goes_through_json(rng) -> None:
    errors = rng.random((25, 19))
    errors[5:, 3] = np.nan
    fitted = ConformalRadius.fit(errors, names(19), scale=errors + 1, scaled_by="map_radius", smoothing=0.1)

    text = fitted.model_dump_json()

    assert ConformalRadius.model_validate_json(text) == fitted
    assert json.loads(text)["quantiles"][3] is None
    with pytest.raises(ValidationError, match="as many counts and quantiles"):
        ConformalRadius.model_validate({**json.loads(text), "counts": [1]})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"errors": np.ones((5, 3))}, r"shape \(N, 2\), not \(5, 3\)"),
        ({"errors": np.ones(5)}, r"not \(5,\)"),
        ({"errors": -np.ones((5, 2))}, "distance of 0 or more"),
        ({"errors": np.full((5, 2), np.inf)}, "distance of 0 or more"),
        ({"coverage": 1.0}, r"between 0 and 1, e.g. 0.95, not 1.0"),
        ({"scale": np.ones((5, 2))}, "given together"),
        ({"scaled_by": "peak"}, "given together"),
        ({"scale": np.ones((5, 1)), "scaled_by": "peak"}, r"shape of the errors \(5, 2\), not \(5, 1\)"),
        ({"scale": np.eye(5)[:, :2], "scaled_by": "peak"}, "scale of p1 in image 0 is 0 and must be positive"),
    ],
)
def test_wrong_input_is_one_sentence(arguments, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        ConformalRadius.fit(**{"errors": np.ones((5, 2)), "landmarks": names(2), **arguments})


def test_radii_are_asked_for_as_they_were_fitted() -> None:
    plain = ConformalRadius.fit(np.ones((19, 2)), names(2))
    scaled = ConformalRadius.fit(np.ones((19, 2)), names(2), scale=np.ones((19, 2)), scaled_by="peak")

    with pytest.raises(InputError, match="leave out the scale"):
        plain.radius([1.0, 1.0])
    with pytest.raises(InputError, match="proportional to the uncertainty 'peak'"):
        scaled.radius()
    with pytest.raises(InputError, match=r"\(\.\.\., 2\), not \(3,\)"):
        scaled.radius([1.0, 1.0, 1.0])


def test_an_unknown_scale_of_an_unknown_error_is_no_fault() -> None:
    errors, scale = np.ones((20, 1)), np.ones((20, 1))
    errors[0], scale[0] = np.nan, 0

    assert ConformalRadius.fit(errors, names(1), scale=scale, scaled_by="peak").counts == (19,)
