"""``monai-landmarks simulate-active-learning``: which strategy needs fewer labels, on images that all have some."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from monai_ext.active.measures import DEFAULT_MEASURE
from monai_ext.experiments import under_recipe
from monai_ext.experiments.simulation import Simulation, SimulationSettings
from monai_ext.experiments.simulation_results import PLOT, RESULTS, TABLE, curve_table, write_simulation
from monai_ext.landmarks import find_protocol
from monai_ext.studies import Studies

from .cell_progress import cells_shown
from .choices import reduction_of
from .console import errors, output, print_json
from .models import ModelsOption, default_models_dir
from .train import ProtocolOption

#: Exit code of a run that was stopped.
STOPPED = 130


def run(
    studies: Annotated[Path, typer.Argument(help="Folder of images that are all labelled.")],
    protocol: ProtocolOption,
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results; finished cells are kept.")],
    strategies: Annotated[
        str, typer.Option(help="random, uncertainty, diversity, hybrid; with commas.")
    ] = "random,uncertainty,diversity,hybrid",
    initial: Annotated[int, typer.Option(help="First labels, drawn by chance.")] = 20,
    batch: Annotated[int, typer.Option(help="Labels added in each round.")] = 20,
    rounds: Annotated[int, typer.Option(help="Rounds after the first labels.")] = 8,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Repetitions with other first labels.")] = 3,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps of every training, at most.")] = None,
    measure: Annotated[
        str, typer.Option(help="Of uncertainty; `monai-landmarks uncertainty` compares them.")
    ] = DEFAULT_MEASURE,
    reduce: Annotated[str, typer.Option(help="mean or max: how landmarks make the score of an image.")] = "mean",
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images of an optimiser step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=1e-9, max=1)] = None,
    warm: Annotated[
        bool, typer.Option("--warm/--scratch", help="Begin each training with the weights of the round before.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    workers: Annotated[int | None, typer.Option(min=0, help="Processes that load images.")] = None,
    models: ModelsOption = None,
    keep_weights: Annotated[bool, typer.Option("--keep-weights/--drop-weights")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Play active learning through: results.json, table.md, learning_curves.png.

    The validation images are those of the studies' splits. Press Ctrl-C to stop: the same command goes on, and trains
    no finished cell again.

    Example: `monai-landmarks simulate-active-learning DIR --protocol P.yaml --rounds 8 --seeds 3 --output simulation`
    """
    task = under_recipe(find_protocol(protocol), "protocol", batch_size=batch_size, learning_rate=learning_rate)
    settings = SimulationSettings(
        strategies=tuple(name.strip() for name in strategies.split(",")),
        initial=initial,
        batch=batch,
        rounds=rounds,
        seeds=seeds,
        max_steps=max_steps,
        measure=measure,
        reduction=reduction_of(reduce),
        warm=warm,
        device=device,
        workers=workers,
        models=models or default_models_dir(),
        keep_weights=keep_weights,
    )
    simulation = Simulation(task, Studies(studies), out, settings)
    command = shlex.join(["monai-landmarks", *sys.argv[1:]])
    stopped = False
    try:
        _run(simulation, command)
    except KeyboardInterrupt:
        stopped = True
    curves, document = write_simulation(simulation, command)
    if as_json:
        print_json(document)
    elif curves:
        output.print(curve_table(curves, f"{task.title}, {simulation.length.steps} steps"))
        output.print(f"Written to {out}: {RESULTS}, {TABLE}, {PLOT}", soft_wrap=True, highlight=False)
    if stopped:
        done = f"{document['cells_finished']} of {document['cells_asked_for']} cells are finished"
        errors.print(f"Stopped: {done}; the same command goes on.", soft_wrap=True, highlight=False)
        raise typer.Exit(STOPPED)


def _run(simulation: Simulation, command: str) -> None:
    """Trains the open cells; writes the results after each."""
    with cells_shown(lambda: write_simulation(simulation, command)) as show:
        simulation.run(show)
