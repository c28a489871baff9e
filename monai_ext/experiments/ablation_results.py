"""What an ablation leaves: results.json, table.md and the plots of the cumulative errors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

import torch

from monai_ext.evaluation import draw_ced
from monai_ext.landmarks.files import read_json, write_atomically, write_json_atomically
from monai_ext.networks import build_network, machine, versions

from .ablation import Ablation
from .ablation_caption import caption
from .ablation_scores import Measures, RowScores
from .ablation_table import by_size, markdown
from .costs import Costs, measure_costs

RESULTS, TABLE, COSTS = "results.json", "table.md", "costs.json"


def row_costs(ablation: Ablation, row: str, *, anew: bool) -> Costs:
    """What a row costs on this machine; as it was measured before, unless the row or the machine is another.

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
    measures: Measures,
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
    finished = [document for cell in ablation.cells if (document := ablation.finished(cell)) is not None]
    document = {
        "protocol": ablation.protocol.name,
        "command": command,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(ablation.device),
        "versions": versions(),
        "recipe": {"asked_for": recipe, **ablation.protocol.recipe.model_dump(mode="json")},
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
    title = f"Ablation of {ablation.protocol.title}"
    text = markdown(rows, measures, costs, title, caption(ablation, measures, command, recipe, len(finished)))
    write_atomically(ablation.output / TABLE, text)
    return document


def draw_plots(ablation: Ablation, rows: Sequence[RowScores]) -> list[str]:
    """Draws the cumulative errors of all rows of each size, over the seeds together; the names of the files."""
    names = []
    for label, group in by_size(rows).items():
        names.append("ced.png" if len(ablation.sizes) == 1 else f"ced_{label}.png")
        draw_ced({row.row: row.pooled for row in group}, ablation.output / names[-1])
    return names
