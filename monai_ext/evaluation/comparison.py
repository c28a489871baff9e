"""Evaluations of the same images side by side: one row each with ME, SD, failure rate and AUC."""

from __future__ import annotations

from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from monai_ext.landmarks import InputError

from .normalized import NormalizedScores
from .scores import Evaluation
from .tables import percent, rounded


def comparison_table(
    evaluations: Mapping[str, Evaluation],
    normalized: Mapping[str, NormalizedScores] | None = None,
    title: str = "Comparison",
    heading: str = "Method",
) -> Table:
    """A table with one row per evaluation: over landmarks the MRE, over images ME, SD, FR and AUC.

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
            "Evaluations stand side by side where unit, failure threshold and AUC limit are the same; "
            f"these have {sorted(settings)}."
        )
    unit, failure, limit = settings.pop()
    table = Table(title=Text(title, style="table.title"), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(heading, no_wrap=True)
    headings = [f"MRE {unit}", f"ME ± SD {unit}", f"FR > {failure:g} {unit}", f"AUC {limit:g} {unit}"]
    if normalized:
        limits = {scores.limit for scores in normalized.values()}
        if normalized.keys() != evaluations.keys() or len(limits) != 1:
            raise InputError("Normalised scores stand beside the evaluations of the same names, with one limit.")
        share = limits.pop()
        headings += ["ME ± SD %", f"FR > {share:g} %", f"AUC {share:g} %"]
    for text in headings:
        table.add_column(text, justify="right", no_wrap=True)
    for name, evaluation in evaluations.items():
        cells = [rounded(evaluation.overall.mre, 3), *_cells(evaluation)]
        table.add_row(Text(name), *cells, *(_cells(normalized[name]) if normalized else ()))
    return table


def _cells(scores: Evaluation | NormalizedScores) -> list[str]:
    spread = f"{rounded(scores.me, 3)} ± {rounded(scores.me_sd, 3)}"
    return [spread, percent(scores.failure_rate), rounded(scores.auc, 3)]
