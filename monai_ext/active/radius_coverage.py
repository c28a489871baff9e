"""Coverage and size of the radii of a model's answers, judged on images that they were not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monai_ext.evaluation import DASH, Table
from monai_ext.landmarks import FloatArray
from monai_ext.models import Calibration, Observed, RadiusUnit, fit_calibration, folds_of

#: One radius for all images, one by the model's uncertainty, and that of the two which the fitted half chose.
Kind = Literal["radius", "scaled_radius", "answers"]

TITLES: dict[Kind, str] = {
    "radius": "one radius for all",
    "scaled_radius": "radius by uncertainty",
    "answers": "radius of the answers",
}

#: Confidence of the interval of a share.
CONFIDENCE = 0.95


class CoverageRow(NamedTuple):
    """One kind of radius on one landmark, or on all.

    Attributes:
        kind: of radius.
        landmark: its name; None for all.
        points: how many were judged.
        held: how many lay within their radius.
        observed: the share; None without a point.
        low, high: its exact binomial interval, which takes points for independent; those of one image are not quite.
        mean_radius: of the points that were judged.
    """

    kind: Kind
    landmark: str | None
    points: int
    held: int
    observed: float | None
    low: float | None
    high: float | None
    mean_radius: float | None


class RadiusCoverage(NamedTuple):
    """Radii judged in parts, each by what was fitted to the others.

    Attributes:
        coverage: that was requested.
        unit: of radii.
        folds: parts.
        scaled: in how many of them the radius by uncertainty was chosen for the answers.
        rows: kinds in their order, each for all landmarks and then for all together.
    """

    coverage: float
    unit: RadiusUnit
    folds: int
    scaled: int
    rows: list[CoverageRow]

    def to_dict(self) -> dict[str, Any]:
        """Finite JSON."""
        return self._asdict() | {"rows": [row._asdict() for row in self.rows]}

    def total(self, kind: Kind) -> CoverageRow:
        """The row of a kind for all landmarks."""
        return next(row for row in self.rows if row.kind == kind and row.landmark is None)


def radius_coverage(
    observed: Observed, coverage: float, folds: int = 2, groups: Sequence[str] | None = None
) -> RadiusCoverage:
    """Fits everything to all parts but one and judges it on that one, for each part.

    Landmarks with too few errors in the other parts have no radius and are not judged.

    Args:
        observed: what the model answered for images that it has not learned from.
        coverage: of the radii, between 0 and 1.
        folds: parts, 2 or more; see :func:`~monai_ext.models.folds_of`.
        groups: (N,) names, the same for images of one subject, which are in one part; None takes the image IDs.

    Raises:
        InputError: fewer than two parts, or a coverage that is not between 0 and 1.
    """
    part = folds_of(observed.ids if groups is None else groups, folds)
    errors = np.full(observed.distances.shape, np.nan)
    radii = {kind: errors.copy() for kind in TITLES}
    chosen = 0
    for number in range(folds):
        inside = part == number
        judged = observed.part(inside)
        fitted = fit_calibration(observed.part(~inside), protocol="", coverage=coverage)
        errors[inside] = judged.errors(fitted.presence)
        for kind, radius in _radii(fitted, judged).items():
            radii[kind][inside] = radius
        chosen += fitted.answers_with == "scaled_radius"
    rows = [row for kind in TITLES for row in _rows(kind, errors, radii[kind], observed.landmarks)]
    return RadiusCoverage(coverage, observed.unit, folds, chosen, rows)


def coverage_table(found: RadiusCoverage) -> Table:
    """The table for the terminal: a line for each landmark, and one for all."""
    coverage = f"{100 * found.coverage:g} %"
    caption = (
        f"True points within radii of {coverage} that were fitted to other images, {found.folds} parts; in "
        f"brackets the {100 * CONFIDENCE:g} % interval of that share; then the mean radius in {found.unit}."
    )
    kinds: tuple[Kind, ...] = ("radius", "scaled_radius")
    headings = ["landmark", "points", *(text for kind in kinds for text in (TITLES[kind], f"mean {found.unit}"))]
    rows = []
    for name in [row.landmark for row in found.rows if row.kind == "radius"]:
        of_name = [next(row for row in found.rows if row.kind == kind and row.landmark == name) for kind in kinds]
        rows.append([name or "all", str(of_name[0].points), *(text for row in of_name for text in _cells(row))])
    return Table(headings, rows, "Radii", caption, wraps=(2, 4), dense=True)


def total_sentence(found: RadiusCoverage) -> str:
    """Coverage of the radii of the answers, in a sentence."""
    row = found.total("answers")
    if row.observed is None:
        return "No radius could be judged: too few labelled images."
    share, mean = _cells(row)
    return (
        f"The radii of answers (by uncertainty in {found.scaled} of {found.folds} parts) held {share} of {row.points} "
        f"true points; their mean is {mean} {found.unit}."
    )


def _radii(calibration: Calibration, judged: Observed) -> dict[Kind, FloatArray]:
    shape = judged.distances.shape
    assert calibration.radius is not None
    plain = np.broadcast_to(calibration.radius.radius(), shape)
    scaled = calibration.scaled_radius
    by_uncertainty = np.full(shape, np.nan) if scaled is None else scaled.radius(judged.map_radius)
    return {
        "radius": plain,
        "scaled_radius": by_uncertainty,
        "answers": plain if calibration.answers_with == "radius" else by_uncertainty,
    }


def _rows(kind: Kind, errors: FloatArray, radii: FloatArray, landmarks: Sequence[str]) -> list[CoverageRow]:
    judged = ~np.isnan(errors) & ~np.isnan(radii)
    held = judged & (errors <= radii)
    columns: list[tuple[str | None, NDArray[np.bool_], NDArray[np.bool_], FloatArray]] = [
        (name, judged[:, k], held[:, k], radii[:, k]) for k, name in enumerate(landmarks)
    ]
    return [_row(kind, *column) for column in [*columns, (None, judged, held, radii)]]


def _row(
    kind: Kind, landmark: str | None, judged: NDArray[np.bool_], held: NDArray[np.bool_], radii: FloatArray
) -> CoverageRow:
    points, inside = int(judged.sum()), int(held.sum())
    if not points:
        return CoverageRow(kind, landmark, 0, 0, None, None, None, None)
    from scipy.stats import binomtest  # takes a second to load

    low, high = binomtest(inside, points).proportion_ci(CONFIDENCE, method="exact")
    return CoverageRow(
        kind, landmark, points, inside, inside / points, float(low), float(high), float(radii[judged].mean())
    )


def _cells(row: CoverageRow) -> tuple[str, str]:
    if row.observed is None:
        return DASH, DASH
    return f"{row.observed:.1%} ({row.low:.0%}–{row.high:.0%})", f"{row.mean_radius:.2f}"
