"""Results of an ablation: results.json, table.md, the plots of the cumulative errors, and tables for the terminal."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import torch

from monai_ext.evaluation import DASH, Table, draw_ced, with_spread
from monai_ext.landmarks import read_json, write_atomically, write_json_atomically
from monai_ext.networks import build_network, machine

from .ablation import Ablation
from .ablation_scores import AblationMeasures, RowScores, sdr_key
from .costs import Costs, measure_costs

RESULTS, TABLE, COSTS = "results.json", "table.md", "costs.json"


class Column(NamedTuple):
    """A column of numbers over seeds.

    Attributes:
        key: of the number.
        heading: with its unit.
        digits: after the point.
        factor: that the number is multiplied by.
        best: which of several is best, or None if none is.
    """

    key: str
    heading: str
    digits: int = 2
    factor: float = 1.0
    best: Callable[[Sequence[float]], float] | None = min


def landmark_columns(measures: AblationMeasures) -> list[Column]:
    """Numbers over landmarks, as in table 1 of Lei et al., OMIA 2022."""
    unit = measures.unit
    return [
        Column("l2_coarse", f"coarse L2 {unit}", best=None),
        Column("l2", f"L2 {unit}"),
        Column("l2_other", f"L2 {unit}, {measures.other_decoder}"),
        *(Column(sdr_key(t), f"SDR {t:g} {unit} %", 2, 100, max) for t in measures.thresholds),
    ]


def image_columns(measures: AblationMeasures) -> list[Column]:
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
    return with_spread(*row.spread(column.key), column.digits, column.factor)


def accuracy_tables(rows: Sequence[RowScores], measures: AblationMeasures, label: str) -> list[Table]:
    """The rows of one size for the terminal: numbers over landmarks and numbers over images."""
    return [
        _table(rows, shown_columns(rows, wanted), f"{size_title(label, rows)}, over {of}")
        for of, wanted in (("landmarks", landmark_columns(measures)), ("images", image_columns(measures)))
    ]


def cost_table(rows: Sequence[RowScores], costs: Mapping[str, Costs], label: str) -> Table:
    """The costs of the rows of one size, for the terminal."""
    columns = shown_columns(rows, COST_COLUMNS)
    cells = [
        [row.row, *cost_cells(costs.get(row.row)), *(cell_text(row, c) for c in columns), str(len(row.seeds))]
        for row in rows
    ]
    headings = ["row", *COST_HEADINGS, *(c.heading for c in columns), "seeds"]
    return Table(headings, cells, f"Cost, {size_title(label, rows)}", wraps=None)


def _whole_table(rows: Sequence[RowScores], measures: AblationMeasures, costs: Mapping[str, Costs]) -> Table:
    """All numbers of the rows of one size."""
    wanted = [*landmark_columns(measures), *image_columns(measures), *COST_COLUMNS]
    table = _table(rows, shown_columns(rows, wanted), "")
    more = [[*cost_cells(costs.get(row.row)), str(len(row.seeds))] for row in rows]
    cells = [[*row, *costs_of] for row, costs_of in zip(table.rows, more, strict=True)]
    return Table([*table.headings, *COST_HEADINGS, "seeds"], cells, best=table.best)


def _table(rows: Sequence[RowScores], columns: Sequence[Column], title: str) -> Table:
    """Numbers of the rows of one size, the best in bold."""
    cells = [[row.row, *(cell_text(row, column) for column in columns)] for row in rows]
    best = {
        (i, k)
        for k, column in enumerate(columns, 1)
        for i, row in enumerate(rows)
        if row.row in best_rows(rows, column)
    }
    return Table(["row", *(column.heading for column in columns)], cells, title, best=best, wraps=None)


def cost_cells(costs: Costs | None) -> list[str]:
    """Parameters, images per second and memory of a row, or dashes."""
    costs = costs or Costs()
    return [
        DASH if costs.parameters is None else f"{costs.parameters / 1e6:.3f}",
        DASH if costs.images_per_second is None else f"{costs.images_per_second:.2f}",
        DASH if costs.training_mib is None else f"{costs.training_mib:.0f}",
    ]


def by_size(rows: Sequence[RowScores]) -> dict[str, list[RowScores]]:
    """The rows by the label of their size, in their order."""
    groups: dict[str, list[RowScores]] = {}
    for row in rows:
        groups.setdefault(row.size.label, []).append(row)
    return groups


def size_title(label: str, rows: Sequence[RowScores]) -> str:
    """Name of a size that a person reads."""
    count = rows[0].size.count
    steps = sorted({row.steps for row in rows})
    name = f"all {count}" if label == "all" else str(count)
    return f"{name} training images, {' or '.join(map(str, steps))} steps"


def row_costs(ablation: Ablation, row: str, *, anew: bool) -> Costs:
    """Costs of a row on this machine, as they were measured before unless the row or the machine is another.

    Args:
        ablation: has the row.
        row: name.
        anew: measure where it was not measured; else only what is known without: the parameters.
    """
    protocol = ablation.rows[row]
    path = ablation.output / COSTS
    known = read_json(path) if path.is_file() else {}
    key = json.dumps([protocol.model_dump(mode="json"), machine(ablation.device), torch.get_num_threads()])
    entry = known.get(row)
    if entry is not None and entry["of"] == key:
        return Costs(**entry["costs"])
    if not anew:
        return Costs(parameters=sum(parameter.numel() for parameter in build_network(protocol).parameters()))
    costs = measure_costs(protocol, ablation.device)
    if costs.parameters is not None:
        write_json_atomically(path, {**known, row: {"of": key, "costs": asdict(costs)}})
    return costs


def write_results(
    ablation: Ablation,
    rows: Sequence[RowScores],
    measures: AblationMeasures,
    costs: Mapping[str, Costs],
    command: str,
    recipe: str,
) -> dict[str, Any]:
    """Writes the results of the finished cells.

    Args:
        ablation: of which cells are finished.
        rows: its scores.
        measures: what was measured.
        costs: by row.
        command: that asked for it.
        recipe: name of the recipe.

    Returns:
        What ``results.json`` holds.
    """
    finished = ablation.finished_cells()
    document = {
        "protocol": ablation.protocol.name,
        **ablation.origin(command),
        "recipe": {"asked_for": recipe, **ablation.given.recipe.model_dump(mode="json")},
        "weights": "last",
        "lengths": {size.label: asdict(ablation.length(size)) for size in ablation.sizes},
        "reported": {"split": ablation.settings.split, "images": [image.id for image in ablation.reported]},
        "measures": asdict(measures),
        "cells_finished": len(finished),
        "cells_asked_for": len(ablation.cells),
        "costs": {row: asdict(value) for row, value in costs.items()},
        "rows": [row.to_dict() for row in rows],
        "cells": finished,
    }
    write_json_atomically(ablation.output / RESULTS, document)
    parts = [f"# Ablation of {ablation.protocol.title}", _caption(ablation, measures, command, recipe, len(finished))]
    for label, group in by_size(rows).items():
        parts += [f"## {size_title(label, group)}", _whole_table(group, measures, costs).markdown()]
    write_atomically(ablation.output / TABLE, "\n\n".join(parts) + "\n")
    return document


def draw_plots(ablation: Ablation, rows: Sequence[RowScores]) -> list[str]:
    """Draws the cumulative errors of all rows of each size, over the seeds together; the names of the files."""
    names = []
    for label, group in by_size(rows).items():
        names.append("ced.png" if len(ablation.sizes) == 1 else f"ced_{label}.png")
        draw_ced({row.row: row.pooled for row in group}, ablation.output / names[-1])
    return names


def _caption(ablation: Ablation, measures: AblationMeasures, command: str, recipe: str, finished: int) -> str:
    """The meaning of the numbers, in paragraphs of Markdown."""
    lines = [
        f"{finished} of {len(ablation.cells)} cells are finished. Numbers are mean ± sample standard deviation over "
        f"seeds, on the {len(ablation.reported)} images of the split `{ablation.settings.split}`; best in bold.",
        _training(ablation, recipe),
        _lengths(measures),
        _costs(ablation),
        f"Command: `{command}`",
    ]
    return "\n\n".join(lines)


def _training(ablation: Ablation, recipe: str) -> str:
    own, network = ablation.protocol.recipe, ablation.protocol.network
    steps = {ablation.length(size).steps for size in ablation.sizes}
    same = "the same number of optimiser steps" if len(steps) == 1 else "the number of optimiser steps that is stated"
    crop = own.augmentation.crop
    seen = f"{network.input_size.width} x {network.input_size.height}"
    crops = "" if crop is None else f", trained on crops of {crop.width} x {crop.height}"
    return (
        f"Every run has the recipe `{recipe}` ({own.optimizer}, schedule {own.schedule}, learning rate "
        f"{own.learning_rate:g}, batch {own.batch_size}, loss {own.loss}) and {same}. Its weights are those after the "
        "last step, chosen by no error on the reported images. The training images of a size are the same for all "
        "rows, drawn anew for each seed; those of a smaller size are among those of a larger one. Network input "
        f"{seen}{crops}."
    )


def _lengths(measures: AblationMeasures) -> str:
    unit = "pixels of the original images" if measures.unit == "px" else "mm"
    normalized = ""
    if measures.between:
        normalized = f" NME: ME in percent of the distance between {' and '.join(measures.between)} of the same image."
    return (
        f"Lengths are in {unit}. L2: mean over all landmarks of the distance to the truth, read off the heatmaps with "
        f"`{measures.decoder}`, and beside it with `{measures.other_decoder}`. Coarse L2: of the coarse stage of the "
        "same networks. SDR: share of landmarks at most that far off. ME: mean over images of an image's mean error. "
        "FR: share of images whose mean error is above the threshold. AUC: area under the cumulative error curve of "
        f"the images from 0 to the limit, over the limit.{normalized}"
    )


def _costs(ablation: Ablation) -> str:
    here = machine(ablation.device)
    return (
        "img/s: one image at a time, from tensor to points, median. Training MiB: what a training step of batch "
        f"{ablation.protocol.recipe.batch_size} adds to the memory in use. Both on {here['device']}, "
        f"{here['threads']} threads, beside whatever else ran. Training s: whole time of a run with its validations. "
        "Gradient ratio: size of the regularisers' gradient over that of the heatmap loss, at the encoder, mean over "
        "the run's validations."
    )
