"""``monai-landmarks cross-validate``: the error on images that the model has not seen, for all images."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from monai_ext.evaluation.model_evaluation import Measures
from monai_ext.experiments import CrossValidation, CrossValidationSettings, under_recipe
from monai_ext.experiments.cross_validation_results import (
    COPIES,
    PLAIN,
    RESULTS,
    TABLE,
    relative_table,
    write_cross_validation,
)
from monai_ext.landmarks import find_protocol
from monai_ext.studies import Studies

from .cell_progress import cells_shown
from .choices import unit_or_auto
from .console import errors, output, print_json
from .models import ModelsOption, default_models_dir
from .normalize_by import between
from .train import STOPPED, ProtocolOption


def run(
    studies: Annotated[Path, typer.Argument(help="Folder of labelled images; those of the split test are left out.")],
    protocol: ProtocolOption,
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results; finished folds are kept.")],
    folds: Annotated[int, typer.Option(help="How many; each trains a model.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Of the division and of the trainings.")] = 0,
    also: Annotated[
        Path | None,
        typer.Option(help="Changed copies of the same images with labels, as `simulate-camera-change` makes them."),
    ] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps of every training, at most.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images of an optimiser step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=1e-9, max=1)] = None,
    threshold: Annotated[
        list[float] | None, typer.Option(help="Of the success detection rate; repeatable. Default: 5, 10, 20.")
    ] = None,
    failure: Annotated[float, typer.Option(min=0, help="An image fails above this mean error.")] = 20.0,
    limit: Annotated[float, typer.Option(min=0, help="Upper end of the cumulative error curve and its area.")] = 40.0,
    unit: Annotated[str, typer.Option(help="auto (mm where all images are calibrated), mm or px.")] = "auto",
    normalize_by: Annotated[
        str | None,
        typer.Option(help="NAME1,NAME2: errors also in % of the true distance between these two landmarks."),
    ] = None,
    share_limit: Annotated[
        float, typer.Option("--normalized-limit", min=0, help="In % of that distance: a landmark fails above it.")
    ] = 40.0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    workers: Annotated[int | None, typer.Option(min=0, help="Processes that load images.")] = None,
    models: ModelsOption = None,
    keep_weights: Annotated[
        bool, typer.Option("--keep-weights/--drop-weights", help="Of the model of each fold.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train a model for each part of the images on all the others, and measure it on that part.

    Writes cross_validation.json, table.md, and folders like those of `evaluate` for the images and for --also. Press
    Ctrl-C to stop: the same command goes on, and trains no finished fold again.

    Example: `monai-landmarks cross-validate studies --protocol fundus --folds 5 --normalize-by optic_disc,fovea
    --output folds`
    """
    task = under_recipe(find_protocol(protocol), "protocol", batch_size=batch_size, learning_rate=learning_rate)
    measures = Measures(
        tuple(threshold or (5.0, 10.0, 20.0)),
        failure,
        limit,
        unit_or_auto(unit),
        between(normalize_by, task),
        share_limit,
    )
    settings = CrossValidationSettings(
        folds=folds,
        seed=seed,
        max_steps=max_steps,
        device=device,
        workers=workers,
        models=models or default_models_dir(),
        keep_weights=keep_weights,
    )
    changed = None if also is None else Studies(also)
    validation = CrossValidation(task, Studies(studies), out, settings, changed)
    command = shlex.join(["monai-landmarks", *sys.argv[1:]])
    stopped = False
    try:
        _run(validation, measures, command)
    except KeyboardInterrupt:
        stopped = True
    readings, document = write_cross_validation(validation, measures, command, pictures=not stopped)
    if as_json:
        print_json(document)
    elif readings:
        output.print(relative_table(readings, measures, f"{task.title}, {validation.length.steps} steps"))
        folders = ", ".join(f"{name}/" for name in (PLAIN, COPIES) if name in readings)
        output.print(f"Written to {out}: {RESULTS}, {TABLE}, {folders}", soft_wrap=True, highlight=False)
    if stopped:
        done = f"{document['folds_finished']} of {document['folds_asked_for']} folds are finished"
        errors.print(f"Stopped: {done}; the same command goes on.", soft_wrap=True, highlight=False)
        raise typer.Exit(STOPPED)


def _run(validation: CrossValidation, measures: Measures, command: str) -> None:
    """Trains the open folds; writes the results after each."""
    with cells_shown(lambda: write_cross_validation(validation, measures, command)) as show:
        validation.run(show)
