from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from monai_ext.active.radius_coverage import coverage_table, radius_coverage, total_sentence
from monai_ext.models import Observed, fit_calibration, folds_of


def observed_of(rng: np.random.Generator, images: int) -> Observed:
    unsure = rng.lognormal(0, 1, (images, 2))
    distances = rng.rayleigh(1, (images, 2)) * unsure
    distances[rng.random(images) < 0.7, 1] = np.nan
    status = np.where(np.isnan(distances), -1, 1).astype(np.int8)
    return Observed(tuple(f"image {n}" for n in range(images)), ("a", "b"), "px", distances, unsure, status, None)


@pytest.mark.parametrize("groups", [None, [f"subject {n // 3}" for n in range(101)]])
def test_each_part_is_judged_by_what_was_fitted_to_the_others(rng, groups) -> None:
    observed = observed_of(rng, 101)
    part = folds_of(groups or observed.ids, 2)
    if groups:
        assert all(len(set(part[n : n + 3])) == 1 for n in range(0, 101, 3))  # a subject is in one part

    found = radius_coverage(observed, 0.9, groups=groups)

    rows = {(row.kind, row.landmark): row for row in found.rows}
    assert found.scaled == 2
    for kind in ("radius", "scaled_radius"):
        held, radii = [], []
        for n in range(101):
            fitted = getattr(fit_calibration(observed.part(part != part[n]), protocol="", coverage=0.9), kind)
            radius = fitted.radius() if kind == "radius" else fitted.radius(observed.map_radius[n])
            held.append(observed.distances[n] <= radius)
            radii.append(np.where(np.isnan(observed.distances[n]), np.nan, radius))
        for k, name in enumerate("ab"):
            row, known = rows[kind, name], ~np.isnan(observed.distances[:, k])
            assert (row.points, row.held) == (known.sum(), np.array(held)[known, k].sum())
            assert row.mean_radius == pytest.approx(np.nanmean(np.array(radii)[:, k]))
    total = found.total("scaled_radius")
    assert (total.points, total.held) == tuple(
        sum(getattr(rows["scaled_radius", name], field) for name in "ab") for field in ("points", "held")
    )
    assert total.low == pytest.approx(beta.ppf(0.025, total.held, total.points - total.held + 1))
    assert total.high == pytest.approx(beta.ppf(0.975, total.held + 1, total.points - total.held))
    assert rows["answers", None] == total._replace(kind="answers")
    assert total.mean_radius < found.total("radius").mean_radius


def test_the_table_has_a_line_for_each_landmark_and_one_for_all(rng) -> None:
    found = radius_coverage(observed_of(rng, 101), 0.9)
    total = found.total("radius")

    table = coverage_table(found)

    assert [row[0] for row in table.rows] == ["a", "b", "all"]
    assert table.rows[2][2].startswith(f"{total.held / total.points:.1%} (")
    assert table.rows[2][3] == f"{total.mean_radius:.2f}"
    assert "by uncertainty in 2 of 2 parts" in total_sentence(found)


def test_too_few_images_are_judged_nowhere(rng) -> None:
    found = radius_coverage(observed_of(rng, 30), 0.95)

    assert radius_coverage(observed_of(rng, 300), 0.95, groups=["alone"] * 300).total("radius").points == 0
    assert {row.points for row in found.rows} == {0}
    assert [row[2] for row in coverage_table(found).rows] == ["–"] * 3
    assert total_sentence(found) == "No radius could be judged: too few labelled images."
