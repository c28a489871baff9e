from __future__ import annotations

import numpy as np
import pytest

from monai_ext.landmarks import InputError
from monai_ext.models import SMOOTHING, Observed, fit_calibration, folds_of, joined


def observed_of(
    rng: np.random.Generator, images: int, *, known: bool = True, missing: int = 0, presence: bool = False
) -> Observed:
    """Two landmarks whose errors follow the uncertainty, or do not; the second is absent in some images."""
    unsure = rng.lognormal(0, 1, (images, 2))
    distances = rng.rayleigh(1, (images, 2)) * (unsure if known else 3.0)
    status = np.ones((images, 2), dtype=np.int8)
    status[:missing, 1] = 0
    distances[:missing, 1] = np.nan
    told = None
    if presence:
        told = np.where(status > 0, rng.uniform(0.4, 1, status.shape), rng.uniform(0, 0.3, status.shape))
    ids = tuple(f"image {n}" for n in range(images))
    return Observed(ids, ("a", "b"), "mm", distances, unsure, status, told)


def by_rank(scores: np.ndarray, coverage: float) -> float | None:
    """The smallest score that at least ``coverage`` of n + 1 exchangeable ones are not above, counted one by one."""
    known = sorted(scores[~np.isnan(scores)])
    fitting = [score for i, score in enumerate(known, 1) if i >= coverage * (len(known) + 1) - 1e-9]
    return fitting[0] if fitting else None


@pytest.mark.parametrize("images", [18, 19, 60])
def test_the_radii_are_those_of_the_errors_by_rank(rng, images) -> None:
    observed = observed_of(rng, images, missing=1)

    found = fit_calibration(observed, protocol="p", version="v1")

    smoothing = SMOOTHING * float(np.median(observed.map_radius))
    assert found.scaled_radius.smoothing == pytest.approx(smoothing)
    assert found.radius.counts == (images, images - 1)
    for k in range(2):
        assert found.radius.quantiles[k] == by_rank(observed.distances[:, k], 0.95)
        scaled = observed.distances[:, k] / (observed.map_radius[:, k] + smoothing)
        expected = by_rank(scaled, 0.95)
        assert found.scaled_radius.quantiles[k] == (None if expected is None else pytest.approx(expected))
    assert (found.radius.quantiles[0] is None) == (images < 19)
    assert (found.images, found.radius.unit, found.presence) == (images, "mm", None)


def test_the_radius_by_uncertainty_answers_where_it_is_smaller(rng) -> None:
    assert fit_calibration(observed_of(rng, 200), protocol="p").answers_with == "scaled_radius"
    assert fit_calibration(observed_of(rng, 200, known=False), protocol="p").answers_with == "radius"
    assert fit_calibration(observed_of(rng, 30), protocol="p").answers_with == "radius"  # too few to tell


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("images", [20, 60])
def test_the_radii_of_answers_hold_what_they_promise(rng, known, images) -> None:
    held = []
    for _ in range(150):
        fitted = fit_calibration(observed_of(rng, images, known=known), protocol="p").answered
        new = observed_of(rng, 60, known=known)
        radii = fitted.radius() if fitted.scaled_by is None else fitted.radius(new.map_radius)
        held.append((new.distances <= radii).mean())
    assert np.mean(held) == pytest.approx(np.ceil(0.95 * (images + 1)) / (images + 1), abs=0.008)


def test_a_threshold_takes_ten_images_of_each_kind_and_comes_before_the_errors(rng) -> None:
    few = fit_calibration(observed_of(rng, 60, missing=9, presence=True), protocol="p")
    assert few.presence.thresholds == (None, None)

    observed = observed_of(rng, 60, missing=10, presence=True)
    enough = fit_calibration(observed, protocol="p")

    assert enough.presence.criterion == "f1"
    assert enough.presence.thresholds[0] is None
    assert enough.presence.thresholds[1] == pytest.approx(
        (observed.presence[:10, 1].max() + observed.presence[10:, 1].min()) / 2
    )
    # without a threshold of its own, a landmark below one half is called missing and has no error
    assert enough.radius.counts == ((observed.presence[:, 0] >= 0.5).sum(), 50)
    assert few.radius.counts[1] < 51


def test_parts_are_of_nearly_equal_size_and_do_not_depend_on_the_order() -> None:
    ids = [f"image {n}" for n in range(41)]
    part = folds_of(ids, 3)

    assert sorted(np.bincount(part).tolist()) == [13, 14, 14]
    assert folds_of(ids[::-1], 3).tolist() == part[::-1].tolist()
    with pytest.raises(InputError, match="at least 2 parts, not 1"):
        folds_of(ids, 1)


def test_parts_join_in_their_order(rng) -> None:
    observed = observed_of(rng, 7, missing=2, presence=True)
    first = np.arange(7) < 3

    again = joined([observed.part(first), observed.part(~first)])

    assert again.ids == observed.ids
    for name in ("distances", "map_radius", "true_status", "presence"):
        np.testing.assert_array_equal(getattr(again, name), getattr(observed, name))
    with pytest.raises(InputError, match="no labelled image"):
        joined([])
