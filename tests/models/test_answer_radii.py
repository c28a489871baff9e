from __future__ import annotations

import numpy as np
import pytest

from monai_ext.landmarks import Frame
from monai_ext.models import ConformalRadius, answer_radii

PLAIN = Frame(60, 40)
SQUARE = Frame(60, 40, spacing=(0.25, 0.25), spacing_source="MHA")
FLAT = Frame(60, 40, spacing=(0.25, 0.5), spacing_source="MHA")
UNSURE = [2.0, 4.0]


SHOWN = 50.0  # px that the network sees


def radius_of(unit: str, *, scaled: bool) -> ConformalRadius:
    scale = {"scaled_by": "map_radius", "smoothing": 1.0} if scaled else {}
    return ConformalRadius(
        coverage=0.95, unit=unit, landmarks=("a", "b"), counts=(30, 30), quantiles=(8.0, None), **scale
    )


@pytest.mark.parametrize(
    ("unit", "frame", "plain", "scaled"),
    [
        ("px", PLAIN, 8.0, 8 * (2 + 1)),
        ("mm", SQUARE, 8.0, 8 * (2 + 1)),
        ("mm", FLAT, 8.0, 8 * (2 + 1)),
        # 2 mm are 8 px of 0.25 mm
        ("px", SQUARE, 8 * 0.25, 8 * (8 + 1) * 0.25),
        ("px", FLAT, np.nan, np.nan),
        ("mm", PLAIN, np.nan, np.nan),
        # 1 % of 50 px is half a pixel
        ("%", PLAIN, 8 * 0.5, 8 * (4 + 1) * 0.5),
        ("%", SQUARE, 8 * 0.125, 8 * (16 + 1) * 0.125),
        ("%", FLAT, np.nan, np.nan),
    ],
)
def test_radii_are_in_the_unit_of_the_answer_or_there_are_none(unit, frame, plain, scaled) -> None:
    np.testing.assert_allclose(answer_radii(radius_of(unit, scaled=False), UNSURE, frame, SHOWN), [plain, np.nan])
    np.testing.assert_allclose(answer_radii(radius_of(unit, scaled=True), UNSURE, frame, SHOWN), [scaled, np.nan])


def test_a_share_of_what_the_network_sees_needs_its_width() -> None:
    assert np.isnan(answer_radii(radius_of("%", scaled=False), UNSURE, PLAIN)).all()
