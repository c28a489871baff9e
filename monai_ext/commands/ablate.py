"""``monai-landmarks ablate``: a paper's table of variants, trained under one recipe."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import typer

from monai_ext.experiments import RECIPES, Ablation, Measures, RowScores, Settings, under_recipe, write_results
from monai_ext.experiments.ablation_results import RESULTS, TABLE, draw_plots, row_costs
from monai_ext.experiments.ablation_table import accuracy_tables, by_size, cost_table
from monai_ext.experiments.costs import Costs
from monai_ext.landmarks import InputError, find_protocol
from monai_ext.landmarks.geometry import Unit
from monai_ext.losses import WEIGHT
from monai_ext.studies import Studies

from .cell_progress import cells_shown
from .console import errors, output, print_json
from .meter import Meter
from .models import ModelsOption, default_models_dir
from .normalize_by import between
from .train import ProtocolOption, StudiesOption

#: Exit code of a run that was stopped.
STOPPED = 130


def run(
    protocol: ProtocolOption,
    studies: StudiesOption,
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results; finished cells are kept.")],
    rows: Annotated[
        str | None, typer.Option(help="Rows with commas, e.g. base,zian or FT,ED. Default: those of the papers.")
    ] = None,
    recipe: Annotated[str, typer.Option(help=f"{', '.join(RECIPES)}: that of every row.")] = "protocol",
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Runs of each row and size.")] = 3,
    sizes: Annotated[str, typer.Option(help="Numbers of training images with commas, e.g. 50,100,all.")] = "all",
    max_epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes of every size over its own images. Default: equal steps.")
    ] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps of every run, at most.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1)] = None,
    learning_rate: Annotated[float | None, typer.Option(min=1e-9, max=1)] = None,
    loss: Annotated[str | None, typer.Option(help="spatial_cross_entropy, mse or adaptive_wing.")] = None,
    backbone: Annotated[str | None, typer.Option(help="Of all rows, instead of the protocol's.")] = None,
    weight: Annotated[float, typer.Option("--lambda", min=0, help="Of the regularisers of CD, ED and Com.")] = WEIGHT,
    validations: Annotated[int, typer.Option(min=1, help="Validations and saves within a run.")] = 5,
    split: Annotated[str, typer.Option(help="The images that are reported: val or test.")] = "val",
    sdr: Annotated[str, typer.Option(help="Thresholds of the success detection rate, with commas.")] = "5,10,20",
    threshold: Annotated[
        float, typer.Option("--threshold", "--failure", min=0, help="An image fails above this mean error.")
    ] = 10.0,
    limit: Annotated[
        float | None, typer.Option(min=0, help="End of the cumulative error curve. Default: the threshold.")
    ] = None,
    unit: Annotated[str, typer.Option(help="px of the original images, or mm.")] = "px",
    normalize_by: Annotated[
        str | None, typer.Option(help="NAME1,NAME2: errors also in % of the true distance of these landmarks.")
    ] = None,
    share_limit: Annotated[float, typer.Option("--normalized-limit", min=0, help="In %, of those.")] = 10.0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    workers: Annotated[int | None, typer.Option(min=0, help="Processes that load images.")] = None,
    models: ModelsOption = None,
    costs: Annotated[bool, typer.Option("--costs/--no-costs", help="Measure speed and memory of each row.")] = True,
    keep_weights: Annotated[bool, typer.Option("--keep-weights/--drop-weights")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train variants of a protocol under one recipe and compare them: table.md, results.json, ced.png.

    Rows of a ZIAN: base, 1roi, 1roi+sa, mr+sa, zian. Rows of a protocol with a source classifier: FE, FTP, FT, HG, HG8,
    CD, ED, Com. Rows of a protocol with pretrained weights: pretrained, random. Press Ctrl-C to stop: the same command
    goes on, and trains no finished cell again.

    Example: `monai-landmarks ablate --protocol P.yaml --studies DIR --rows base,zian --seeds 3 --output ablation`
    """
    task = under_recipe(find_protocol(protocol), recipe, batch_size=batch_size, learning_rate=learning_rate, loss=loss)
    settings = Settings(
        rows=tuple(name.strip() for name in rows.split(",")) if rows else (),
        sizes=sizes,
        seeds=seeds,
        max_epochs=max_epochs,
        max_steps=max_steps,
        validations=validations,
        split=_split(split),
        backbone=backbone,
        weight=weight,
        device=device,
        workers=workers,
        models=models or default_models_dir(),
        keep_weights=keep_weights,
    )
    ablation = Ablation(task, Studies(studies), out, settings)
    measures = Measures(
        _thresholds(sdr),
        threshold,
        threshold if limit is None else limit,
        _unit(unit),
        between(normalize_by, task),
        share_limit,
        *ablation.decoders,
    )
    ablation.check(measures)
    command = shlex.join(["monai-landmarks", *sys.argv[1:]])
    known: dict[str, Costs] = {}
    stopped = False

    def write() -> tuple[list[RowScores], dict[str, Any]]:
        found = ablation.scores(measures)
        return found, write_results(ablation, found, measures, known, command, recipe)

    try:
        _run(ablation, known, costs, write)
    except KeyboardInterrupt:
        stopped = True
    found, document = write()
    written = [RESULTS, TABLE, *draw_plots(ablation, found)]
    if as_json:
        print_json(document)
    else:
        for label, group in by_size(found).items():
            output.print(*accuracy_tables(group, measures, label), cost_table(group, known, label), sep="\n")
        output.print(f"Written to {out}: {', '.join(written)}", soft_wrap=True, highlight=False)
    if stopped:
        done = f"{document['cells_finished']} of {document['cells_asked_for']} cells are finished"
        errors.print(f"Stopped: {done}; the same command goes on.", soft_wrap=True, highlight=False)
        raise typer.Exit(STOPPED)


def _run(ablation: Ablation, known: dict[str, Costs], measured: bool, write: Callable[[], object]) -> None:
    """Measures the rows, then trains the open cells; writes the results after each."""
    with Meter("Measuring", len(ablation.rows)) as meter:
        for row in ablation.rows:
            known[row] = row_costs(ablation, row, anew=measured)
            meter.advance()
    with cells_shown(write) as show:
        ablation.run(show)


def _split(split: str) -> Literal["val", "test"]:
    if split not in ("val", "test"):
        raise InputError(f"--split is val or test, not {split!r}.")
    return cast(Literal["val", "test"], split)


def _unit(unit: str) -> Unit:
    if unit not in ("px", "mm"):
        raise InputError(f"--unit is px or mm, not {unit!r}.")
    return cast(Unit, unit)


def _thresholds(named: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in named.split(","))
    except ValueError:
        raise InputError(f"--sdr takes distances with commas, e.g. 5,10,20, not {named!r}.") from None
