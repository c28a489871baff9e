from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from monai_ext.active.reliability import ReliabilityRow, draw_reliability, reliability
from monai_ext.landmarks import InputError
from monai_ext.models import ConformalRadius


@pytest.mark.parametrize("scaled", [False, True])
def test_each_part_is_judged_by_radii_of_the_others(rng, scaled) -> None:
    errors = rng.exponential(3, (43, 4))
    errors[rng.random(errors.shape) < 0.2] = np.nan
    errors[5:, 3] = np.nan  # never enough
    scale = rng.random(errors.shape) + 0.2

    rows = reliability(
        errors, scale if scaled else None, levels=(0.5, 0.8, 0.95), part=np.arange(43) % 4, smoothing=0.1
    )

    for row, level in zip(rows, (0.5, 0.8, 0.95), strict=True):
        held = points = 0
        for n in range(43):
            others = np.array([m % 4 != n % 4 for m in range(43)])
            options = {"scale": scale[others], "scaled_by": "s", "smoothing": 0.1} if scaled else {}
            fitted = ConformalRadius.fit(errors[others], "abcd", coverage=level, **options)
            radius = fitted.radius(scale[n]) if scaled else fitted.radius()
            for k in range(4):
                if not np.isnan(errors[n, k]) and not np.isnan(radius[k]):
                    points += 1
                    held += errors[n, k] <= radius[k] * (1 + 1e-12)
        assert row == ReliabilityRow(level, pytest.approx(held / points), points)


def test_radii_hold_what_they_promise(rng) -> None:
    rows = reliability(rng.gamma(2, 1, (4000, 3)))

    assert [row.expected for row in rows] == [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]
    assert [row.observed for row in rows] == pytest.approx([row.expected for row in rows], abs=0.015)
    assert {row.points for row in rows} == {12_000}


def test_too_few_errors_are_observed_nowhere() -> None:
    assert reliability(np.ones((10, 2)), levels=(0.5, 0.99)) == [(0.5, 1.0, 20), (0.99, None, 0)]


def test_the_plot_shows_every_table(tmp_path) -> None:
    tables = {"one": [ReliabilityRow(0.5, 0.4, 9), ReliabilityRow(0.9, 0.95, 9)], "$2": [ReliabilityRow(0.5, 0.6, 9)]}

    draw_reliability(tables, tmp_path / "plot.png")

    pixels = np.asarray(Image.open(tmp_path / "plot.png").convert("RGB")).reshape(-1, 3)
    for color in [(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)]:
        assert (pixels == color).all(axis=1).sum() > 20
    with pytest.raises(InputError, match="No coverage could be measured"):
        draw_reliability({"none": [ReliabilityRow(0.99, None, 0)]}, tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()
