"""An evaluation as tables: over all landmarks, per landmark, beside other evaluations, and every error as CSV."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monai_ext.landmarks import InputError, Status, write_atomically

from .bootstrap import LEVEL, mean_interval
from .evaluate import Pair, aligned_pairs
from .factors import Factors
from .normalized import NormalizedScores
from .scores import Evaluation, Scores
from .table import Table, counted, percent, rounded, significant

CSV_COLUMNS = (
    "image",
    "landmark",
    "true_x",
    "true_y",
    "pred_x",
    "pred_y",
    "error",
    "unit",
    "status_true",
    "status_pred",
)


def overall_table(
    evaluation: Evaluation, title: str = "Evaluation", normalized: NormalizedScores | None = None
) -> Table:
    """The scores over all landmarks and images, and the normalised ones where they are given."""
    unit, scores = evaluation.unit, evaluation.overall
    pixels = [("Mean radial error, pixels", f"{rounded(scores.mre_px, 3)} px")] if unit == "mm" else []
    interval = mean_interval(np.stack([row.errors for row in evaluation.images]), evaluation.subjects)
    over = ", over subjects" if evaluation.subjects else ""
    spread = f"{rounded(interval.low, 3)} to {rounded(interval.high, 3)} {unit}"
    parts = [
        [
            ("Images (measured)", f"{len(evaluation.images)} ({evaluation.images_measured})"),
            ("Distances measured", str(scores.count)),
            ("Mean radial error ± SD", f"{rounded(scores.mre, 3)} ± {rounded(scores.sd, 3)} {unit}"),
            *([(f"  {100 * LEVEL:g} % interval of the mean{over}", spread)] if interval.known else []),
            *pixels,
            ("Median radial error", f"{rounded(scores.median, 3)} {unit}"),
            *((f"Success rate, error ≤ {threshold:g} {unit}", percent(rate)) for threshold, rate in scores.sdr.items()),
        ],
        _over_images(evaluation, unit, evaluation.failure_threshold, evaluation.auc_limit),
    ]
    if normalized:
        about = [
            ("In % of the distance between", " and ".join(normalized.between)),
            ("Images (measured)", f"{len(normalized.images)} ({normalized.count})"),
        ]
        parts.append(about + _over_images(normalized, "%", normalized.limit, normalized.limit))
    names = {"Misses": scores.misses, "False alarms": scores.false_alarms}
    names |= {"Correct absences": scores.correct_absences, "Unanswered": scores.unanswered}
    parts.append([(name, counted(count)) for name, count in names.items()])
    rules = [sum(len(part) for part in parts[:i]) for i in range(1, len(parts))]
    return Table((), [row for part in parts for row in part], title, rules=rules)


def _over_images(
    scores: Evaluation | NormalizedScores, unit: str, failure: float, limit: float
) -> list[tuple[str, str]]:
    return [
        ("Image mean error ± SD", f"{rounded(scores.me, 3)} ± {rounded(scores.me_sd, 3)} {unit}"),
        (f"Failure rate, image > {failure:g} {unit}", percent(scores.failure_rate)),
        (f"AUC up to {limit:g} {unit}", rounded(scores.auc, 3)),
    ]


def landmark_table(evaluation: Evaluation, title: str = "Per landmark") -> Table:
    """One row per landmark and one for all together, narrow enough for a terminal of 80 columns.

    Missed landmarks and false alarms have columns where there is any.
    """
    rates = [f"≤ {threshold:g}" for threshold in evaluation.thresholds]
    presence = ["Missed", "False"] if evaluation.overall.misses or evaluation.overall.false_alarms else []
    headings = ["Landmark", "n", "MRE", "SD", "Median", *rates, *presence]
    rows = [_landmark_cells(row)[: len(headings)] for row in (*evaluation.landmarks, evaluation.overall)]
    last = [len(rows) - 1]
    about = f"{title} (lengths in {evaluation.unit}, rates in %)"
    return Table(headings, rows, about, strong=last, rules=last, dense=True)


def _landmark_cells(row: Scores) -> list[str]:
    lengths = [rounded(value, 2) for value in (row.mre, row.sd, row.median)]
    rates = [rounded(100 * rate, 1) for rate in row.sdr.values()]
    return [row.name, str(row.count), *lengths, *rates, counted(row.misses), counted(row.false_alarms)]


def comparison_table(
    evaluations: Mapping[str, Evaluation],
    normalized: Mapping[str, NormalizedScores] | None = None,
    title: str = "Comparison",
    heading: str = "Method",
) -> Table:
    """One row per evaluation: over landmarks the MRE, over images ME, SD, FR and AUC.

    Args:
        evaluations: by name; of one unit, one failure threshold and one limit of the AUC.
        normalized: by the same names, for three more columns in percent; these never stand in for lengths.
        title: of the table.
        heading: of the column of the names.

    Raises:
        InputError: there is no evaluation, or they differ in what they measure by.
    """
    settings = {(e.unit, e.failure_threshold, e.auc_limit) for e in evaluations.values()}
    if len(settings) != 1:
        raise InputError(
            "Evaluations can only be compared with the same unit, failure threshold and AUC limit;  "
            f"these have {sorted(settings)}."
        )
    unit, failure, limit = settings.pop()
    headings = [heading, f"MRE {unit}", f"ME ± SD {unit}", f"FR > {failure:g} {unit}", f"AUC {limit:g} {unit}"]
    if normalized:
        limits = {scores.limit for scores in normalized.values()}
        if normalized.keys() != evaluations.keys() or len(limits) != 1:
            raise InputError("Normalised scores must have the same names as the evaluations, and one limit.")
        share = limits.pop()
        headings += ["ME ± SD %", f"FR > {share:g} %", f"AUC {share:g} %"]
    rows = []
    for name, evaluation in evaluations.items():
        shares = _cells(normalized[name]) if normalized else []
        rows.append([name, rounded(evaluation.overall.mre, 3), *_cells(evaluation), *shares])
    return Table(headings, rows, title, wraps=None, dense=True)


def _cells(scores: Evaluation | NormalizedScores) -> list[str]:
    spread = f"{rounded(scores.me, 3)} ± {rounded(scores.me_sd, 3)}"
    return [spread, percent(scores.failure_rate), rounded(scores.auc, 3)]


def write_error_csv(
    path: str | Path,
    pairs: Sequence[Pair],
    evaluation: Evaluation,
    factors: Factors | None = None,
    called: Mapping[str, NDArray[np.int8] | None] | None = None,
) -> None:
    """Writes one row per image and landmark with the columns :data:`CSV_COLUMNS`, and one for each factor.

    Points are in pixels of the original image, to a millionth, and empty where not defined; the error is in the row's
    unit, with three significant digits, and empty where not measurable.

    Args:
        path: of the file.
        pairs: that were evaluated.
        evaluation: of the pairs.
        factors: of the same images and landmarks.
        called: by image, the (K,) status codes that ``status_pred`` states in place of those of the pairs, whose
            predictions are likeliest places; None for an image where they are not known.

    Raises:
        InputError: the evaluation is not of these images.
    """
    pairs = aligned_pairs(pairs)
    if [image for image, _, _ in pairs] != [row.image for row in evaluation.images]:
        raise InputError("The evaluation and the points to write are of different images; evaluate these pairs first.")
    rows = []
    for i, ((image, truth, prediction), scores) in enumerate(zip(pairs, evaluation.images, strict=True)):
        for k, name in enumerate(truth.names):
            sides = (truth, prediction)
            points = [
                repr(round(float(value), 6)) if side.defined[k] else "" for side in sides for value in side.points[k]
            ]
            codes = prediction.status if called is None else called[image]
            words = ["" if side is None else Status(int(side[k])).word for side in (truth.status, codes)]
            rows.append([image, name, *points, significant(scores.errors[k]), evaluation.unit, *words])
            if factors:
                rows[-1] += ["" if math.isnan(value) else f"{value:g}" for value in factors.of(i, k).values()]
    columns = [*CSV_COLUMNS, *factors.of(0, 0)] if factors else CSV_COLUMNS
    write_atomically(Path(path), Table(columns, rows).csv())
