"""``monai-landmarks simulate-active-learning``: which strategy needs fewer labels, on images that all have some."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from monai_ext import experiments
from monai_ext.landmarks import find_protocol
from monai_ext.studies import Studies

from .console import command_line, leave_stopped, output, print_json, run_series, tell
from .options import Fields, JsonOption, ModelsOption, ProtocolOption, default_models_dir, with_commas, with_settings


@with_settings
def run(
    studies: Annotated[Path, typer.Argument(help="Folder of images that are all labelled.")],
    protocol: ProtocolOption,
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results; finished cells are kept.")],
    settings: Annotated[
        experiments.SimulationSettings,
        Fields(
            "initial",
            "batch",
            "rounds",
            "seeds",
            "max_steps",
            "measure",
            "device",
            "workers",
            reduction="--reduce",
            warm="--warm/--scratch",
            keep_weights="--keep-weights/--drop-weights",
        ),
    ],
    strategies: Annotated[
        str, typer.Option(help="random, uncertainty, diversity, hybrid; with commas.")
    ] = "random,uncertainty,diversity,hybrid",
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images of an optimiser step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=1e-9, max=1)] = None,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Simulate active learning on labelled images: results.json, table.md, learning_curves.png.

    The validation images are those of the studies' splits. Press Ctrl-C to stop: the same command resumes and
    skips finished cells.

    Example: `monai-landmarks simulate-active-learning DIR --protocol P.yaml --rounds 8 --seeds 3 --output simulation`
    """
    task, study = find_protocol(protocol), Studies(studies)
    study.images()  # refuses a folder that is not there before anything heavy is loaded
    task = experiments.under_recipe(task, "protocol", batch_size=batch_size, learning_rate=learning_rate)
    settings = settings.model_copy(
        update={"strategies": with_commas(strategies), "models": models or default_models_dir()}
    )
    simulation = experiments.Simulation(task, study, out, settings)

    def write() -> tuple[list[experiments.LearningCurve], dict[str, Any]]:
        return experiments.write_simulation(simulation, command_line())

    stopped = run_series(simulation.run, write)
    curves, document = write()
    if as_json:
        print_json(document)
    elif curves:
        output.print(experiments.curve_table(curves, f"{task.title}, {simulation.length.steps} steps"))
        tell(f"Written to {out}: results.json, table.md, learning_curves.png")
    if stopped:
        leave_stopped(document["cells_finished"], document["cells_asked_for"], "cells")
