"""The tables of an ablation: one per size, a line per row, as Markdown and for the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from .ablation_scores import Measures, RowScores, sdr_key
from .costs import Costs

DASH = "–"


class Column(NamedTuple):
    """A column of numbers over seeds.

    Attributes:
        key: of the number.
        heading: with its unit.
        digits: after the point.
        factor: that the number is multiplied by.
        best: which of several is best, or None where none is.
    """

    key: str
    heading: str
    digits: int = 2
    factor: float = 1.0
    best: Callable[[Sequence[float]], float] | None = min


def landmark_columns(measures: Measures) -> list[Column]:
    """Numbers over landmarks, as in table 1 of Lei et al., OMIA 2022."""
    unit = measures.unit
    return [
        Column("l2_coarse", f"coarse L2 {unit}", best=None),
        Column("l2", f"L2 {unit}"),
        Column("l2_other", f"L2 {unit}, {measures.other_decoder}"),
        *(Column(sdr_key(t), f"SDR {t:g} {unit} %", 2, 100, max) for t in measures.thresholds),
    ]


def image_columns(measures: Measures) -> list[Column]:
    """Numbers over images, as in table 1 of Fu et al., MLMI 2020."""
    unit = measures.unit
    columns = [
        Column("me", f"ME {unit}"),
        Column("me_sd", f"SD over images {unit}", best=None),
        Column("fr", f"FR > {measures.failure:g} {unit} %", 2, 100),
        Column("auc", f"AUC {measures.limit:g} {unit}", 3, 1, max),
    ]
    if measures.between:
        columns += [
            Column("nme", "NME %"),
            Column("nme_sd", "SD over images %", best=None),
            Column("nfr", f"FR > {measures.normalized_limit:g} %, %", 2, 100),
            Column("nauc", f"AUC {measures.normalized_limit:g} %", 3, 1, max),
        ]
    return columns


COST_COLUMNS = (Column("seconds", "training s", 0, best=None), Column("gradient_ratio", "gradient ratio", 4, best=None))
COST_HEADINGS = ("parameters M", "img/s", "training MiB")


def shown_columns(rows: Sequence[RowScores], columns: Sequence[Column]) -> list[Column]:
    """The columns that have a number in any row."""
    return [c for c in columns if any(not math.isnan(row.spread(c.key).mean) for row in rows)]


def best_rows(rows: Sequence[RowScores], column: Column) -> set[str]:
    """The rows whose number, as it is written, is the best of at least two that differ."""
    if column.best is None:
        return set()
    written = {row.row: round(row.spread(column.key).mean * column.factor, column.digits) for row in rows}
    known = {name: value for name, value in written.items() if not math.isnan(value)}
    if len(set(known.values())) < 2:
        return set()
    best = column.best(list(known.values()))
    return {name for name, value in known.items() if value == best}


def cell_text(row: RowScores, column: Column) -> str:
    """A number as mean ± SD over the seeds, without SD where there is one seed, or a dash."""
    mean, sd = row.spread(column.key)
    if math.isnan(mean):
        return DASH
    text = f"{column.factor * mean:.{column.digits}f}"
    return text if math.isnan(sd) else f"{text} ± {column.factor * sd:.{column.digits}f}"


def cost_cells(costs: Costs | None) -> list[str]:
    """Parameters, images per second and memory of a row, or dashes."""
    costs = costs or Costs()
    return [
        DASH if costs.parameters is None else f"{costs.parameters / 1e6:.3f}",
        DASH if costs.images_per_second is None else f"{costs.images_per_second:.2f}",
        DASH if costs.training_mib is None else f"{costs.training_mib:.0f}",
    ]


def markdown(
    rows: Sequence[RowScores], measures: Measures, costs: Mapping[str, Costs], title: str, caption: str
) -> str:
    """The whole document: a heading, a table for each size and what the numbers mean.

    Args:
        rows: in the order of the table; those of one size make a table.
        measures: what was measured.
        costs: by row.
        title: of the document.
        caption: a paragraph.
    """
    parts = [f"# {title}", caption]
    for label, group in by_size(rows).items():
        columns = shown_columns(group, [*landmark_columns(measures), *image_columns(measures), *COST_COLUMNS])
        best = {column.key: best_rows(group, column) for column in columns}
        lines = [_line(["row", *(c.heading for c in columns), *COST_HEADINGS, "seeds"])]
        lines.append(_line([":--", *["--:"] * (len(columns) + len(COST_HEADINGS) + 1)]))
        for row in group:
            cells = [cell_text(row, column) for column in columns]
            marked = [f"**{t}**" if row.row in best[c.key] else t for t, c in zip(cells, columns, strict=True)]
            lines.append(_line([row.row, *marked, *cost_cells(costs.get(row.row)), str(len(row.seeds))]))
        parts += [f"## {size_title(label, group)}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def accuracy_tables(rows: Sequence[RowScores], measures: Measures, label: str) -> list[Table]:
    """The rows of one size for the terminal: numbers over landmarks and numbers over images."""
    tables = []
    for of, wanted in (("landmarks", landmark_columns(measures)), ("images", image_columns(measures))):
        columns = shown_columns(rows, wanted)
        best = {column.key: best_rows(rows, column) for column in columns}
        table = _table(f"{size_title(label, rows)}, over {of}", ["row", *(c.heading for c in columns)])
        for row in rows:
            texts = [(cell_text(row, column), row.row in best[column.key]) for column in columns]
            table.add_row(Text(row.row), *(Text(text, style="bold" if bold else "") for text, bold in texts))
        tables.append(table)
    return tables


def cost_table(rows: Sequence[RowScores], costs: Mapping[str, Costs], label: str) -> Table:
    """What the rows of one size cost, for the terminal."""
    columns = shown_columns(rows, COST_COLUMNS)
    table = _table(f"Cost, {size_title(label, rows)}", ["row", *COST_HEADINGS, *(c.heading for c in columns), "seeds"])
    for row in rows:
        cells = [cell_text(row, column) for column in columns]
        table.add_row(Text(row.row), *cost_cells(costs.get(row.row)), *cells, str(len(row.seeds)))
    return table


def by_size(rows: Sequence[RowScores]) -> dict[str, list[RowScores]]:
    """The rows by the label of their size, in their order."""
    groups: dict[str, list[RowScores]] = {}
    for row in rows:
        groups.setdefault(row.size.label, []).append(row)
    return groups


def size_title(label: str, rows: Sequence[RowScores]) -> str:
    """What a person calls a size."""
    count = rows[0].size.count
    steps = sorted({row.steps for row in rows})
    name = f"all {count}" if label == "all" else str(count)
    return f"{name} training images, {' or '.join(map(str, steps))} steps"


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(title=Text(title, style="table.title"), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for i, heading in enumerate(headings):
        table.add_column(Text(heading), justify="right" if i else "left", no_wrap=not i)
    return table


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
