"""An evaluation as tables: for the terminal, and one CSV row per image and landmark."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from monai_ext.landmarks import InputError, Status
from monai_ext.landmarks.files import write_atomically

from .normalized import NormalizedScores
from .report import Pair, aligned_pairs
from .scores import Evaluation, Scores

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


def rounded(value: float, digits: int) -> str:
    """A number for a table; a dash where there is none."""
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def _length(value: float) -> str:
    return rounded(value, 3)


def percent(value: float) -> str:
    """A share from 0 to 1 in percent; a dash where there is none."""
    return "–" if math.isnan(value) else f"{100 * value:.2f} %"


def overall_table(
    evaluation: Evaluation, title: str = "Evaluation", normalized: NormalizedScores | None = None
) -> Table:
    """A table of the scores over all landmarks and images, and of the normalised ones where they are given."""
    unit, scores = evaluation.unit, evaluation.overall
    table = Table(title=Text(title, style="table.title"), show_header=False, title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_row("Images (measured)", f"{len(evaluation.images)} ({evaluation.images_measured})")
    table.add_row("Distances measured", str(scores.count))
    table.add_row("Mean radial error ± SD", f"{_length(scores.mre)} ± {_length(scores.sd)} {unit}")
    if unit == "mm":
        table.add_row("Mean radial error, pixels", f"{_length(scores.mre_px)} px")
    table.add_row("Median radial error", f"{_length(scores.median)} {unit}")
    for threshold, rate in scores.sdr.items():
        table.add_row(f"Success rate, error ≤ {threshold:g} {unit}", percent(rate))
    table.add_section()
    table.add_row("Image mean error ± SD", f"{_length(evaluation.me)} ± {_length(evaluation.me_sd)} {unit}")
    table.add_row(f"Failure rate, image > {evaluation.failure_threshold:g} {unit}", percent(evaluation.failure_rate))
    table.add_row(f"AUC up to {evaluation.auc_limit:g} {unit}", _length(evaluation.auc))
    if normalized:
        _add_normalized(table, normalized)
    table.add_section()
    table.add_row("Misses", str(scores.misses))
    table.add_row("False alarms", str(scores.false_alarms))
    table.add_row("Correct absences", str(scores.correct_absences))
    table.add_row("Unanswered", str(scores.unanswered))
    return table


def _add_normalized(table: Table, scores: NormalizedScores) -> None:
    table.add_section()
    table.add_row("In % of the distance between", Text(" and ".join(scores.between)))
    table.add_row("Images (measured)", f"{len(scores.images)} ({scores.count})")
    table.add_row("Image mean error ± SD", f"{_length(scores.me)} ± {_length(scores.me_sd)} %")
    table.add_row(f"Failure rate, image > {scores.limit:g} %", percent(scores.failure_rate))
    table.add_row(f"AUC up to {scores.limit:g} %", _length(scores.auc))


def landmark_table(evaluation: Evaluation, title: str = "Per landmark") -> Table:
    """A table with one row per landmark and one for all together, narrow enough for a terminal of 80 columns.

    Missed landmarks and false alarms have columns where there is any.
    """
    unit = evaluation.unit
    table = Table(
        title=Text(f"{title} (lengths in {unit}, rates in %)", style="table.title"),
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("Landmark", no_wrap=True)
    rates = [f"≤ {threshold:g}" for threshold in evaluation.thresholds]
    presence = ["Missed", "False"] if evaluation.overall.misses or evaluation.overall.false_alarms else []
    for heading in ["n", "MRE", "SD", "Median", *rates, *presence]:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in evaluation.landmarks:
        table.add_row(*_landmark_cells(row)[: len(table.columns)])
    table.add_section()
    table.add_row(*_landmark_cells(evaluation.overall)[: len(table.columns)], style="bold")
    return table


def _landmark_cells(row: Scores) -> list[str | Text]:
    lengths = [rounded(value, 2) for value in (row.mre, row.sd, row.median)]
    rates = [rounded(100 * rate, 1) for rate in row.sdr.values()]
    return [Text(row.name), str(row.count), *lengths, *rates, str(row.misses), str(row.false_alarms)]


def _cell(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))


def write_error_csv(path: str | Path, pairs: Sequence[Pair], evaluation: Evaluation) -> None:
    """Writes one row per image and landmark with the columns :data:`CSV_COLUMNS`.

    Points are in pixels of the original image and empty where not defined; the error is in the row's unit and empty
    where not measurable.

    Raises:
        InputError: the evaluation is not of these images.
    """
    pairs = aligned_pairs(pairs)
    if [image for image, _, _ in pairs] != [row.image for row in evaluation.images]:
        raise InputError("The evaluation is of other images than the points to write; evaluate these pairs first.")
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for (image, truth, prediction), scores in zip(pairs, evaluation.images, strict=True):
        for k, name in enumerate(truth.names):
            points = [
                _cell(value) if side.defined[k] else "" for side in (truth, prediction) for value in side.points[k]
            ]
            words = [Status(int(side.status[k])).word for side in (truth, prediction)]
            writer.writerow([image, name, *points, _cell(scores.errors[k]), evaluation.unit, *words])
    write_atomically(Path(path), buffer.getvalue())
