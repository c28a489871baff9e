"""What the documents say of coverage, computed anew from the errors that the evidence holds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from monai_ext.models import ConformalRadius

FILE = Path(__file__).parents[2] / "docs" / "evidence" / "coverage_wings" / "coverage.json"


@pytest.mark.parametrize(("kind", "scaled"), [("one radius for all", False), ("radius by uncertainty", True)])
def test_coverage_of_wings_is_what_the_errors_say(kind: str, scaled: bool) -> None:
    told = json.loads(FILE.read_text())
    names = tuple(told[kind]["landmarks"])
    images = list(told["errors"])
    errors, widths = (np.array([told[key][image] for image in images]) for key in ("errors", "map_radius"))
    half = np.array([told["half"][image] for image in images])
    inside, radii = np.zeros(errors.shape), np.zeros(errors.shape)
    for tried in (0, 1):
        fit, rest = half != tried, half == tried
        scale = {"scale": widths[fit], "scaled_by": "map_radius"} if scaled else {}
        fitted = ConformalRadius.fit(errors[fit], names, **scale)
        radii[rest] = fitted.radius(widths[rest]) if scaled else fitted.radius()
        inside[rest] = errors[rest] <= radii[rest]

    assert told["halves"] == [20, 20]
    assert inside.mean() == pytest.approx(told[kind]["held"], abs=1e-9)
    assert radii.mean() == pytest.approx(told[kind]["mean_radius"], abs=1e-3)
    np.testing.assert_allclose(inside.mean(0), [told[kind]["landmarks"][name] for name in names], atol=1e-4)
    assert 0.92 <= inside.mean() <= 0.98
