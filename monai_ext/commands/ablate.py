"""``monai-landmarks ablate``: a paper's table of variants, trained under one recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from monai_ext import engines, evaluation, experiments
from monai_ext.landmarks import Unit, find_protocol
from monai_ext.studies import Studies

from .console import Meter, command_line, leave_stopped, output, print_json, run_series, tell
from .options import (
    FailureOption,
    Fields,
    JsonOption,
    ModelsOption,
    NormalizedLimitOption,
    NormalizeOption,
    ProtocolOption,
    StudiesOption,
    SuccessOption,
    between,
    default_models_dir,
    distances,
    with_commas,
    with_settings,
)


@with_settings
def run(
    protocol: ProtocolOption,
    studies: StudiesOption,
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results; finished cells are kept.")],
    settings: Annotated[
        experiments.AblationSettings,
        Fields(
            "seeds",
            "sizes",
            "max_epochs",
            "max_steps",
            "validations",
            "split",
            "backbone",
            "device",
            "workers",
            weight="--lambda",
            keep_weights="--keep-weights/--drop-weights",
        ),
    ],
    rows: Annotated[
        str | None, typer.Option(help="Rows with commas, e.g. base,zian or FT,ED. Default: those of the papers.")
    ] = None,
    recipe: Annotated[
        experiments.RecipeName, typer.Option(help="That of every row; protocol: the protocol's own.")
    ] = "protocol",
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images of an optimiser step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=1e-9, max=1)] = None,
    loss: Annotated[str | None, typer.Option(help="spatial_cross_entropy, mse or adaptive_wing.")] = None,
    sdr: SuccessOption = None,
    failure: FailureOption = None,
    limit: Annotated[
        float | None, typer.Option(min=0, help="End of the cumulative error curve. Default: that of --failure.")
    ] = None,
    unit: Annotated[Unit, typer.Option(help="px of the original images, or mm.")] = "px",
    normalize_by: NormalizeOption = None,
    share_limit: NormalizedLimitOption = 10.0,
    models: ModelsOption = None,
    costs: Annotated[bool, typer.Option("--costs/--no-costs", help="Measure speed and memory of each row.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Train variants of a protocol under one recipe and compare them: table.md, results.json, ced.png.

    Rows of a ZIAN: base, 1roi, 1roi+sa, mr+sa, zian. Rows of a protocol with a source classifier: FE, FTP, FT, HG, HG8,
    CD, ED, Com. Rows of a protocol with pretrained weights: pretrained, random. Press Ctrl-C to stop: the same command
    resumes and skips finished cells.

    Example: `monai-landmarks ablate --protocol P.yaml --studies DIR --rows base,zian --seeds 3 --output ablation`
    """
    task, study = find_protocol(protocol), Studies(studies)
    study.images()  # refuses a folder that is not there before anything heavy is loaded
    thresholds, pair = distances(sdr), between(normalize_by, task)
    task = experiments.under_recipe(task, recipe, batch_size=batch_size, learning_rate=learning_rate, loss=loss)
    settings = settings.model_copy(
        update={"rows": with_commas(rows) if rows else (), "models": models or default_models_dir()}
    )
    ablation = experiments.Ablation(task, study, out, settings)
    labels = engines.read_labels(ablation.reported, task)
    limits = evaluation.fitting_limits(labels, unit, thresholds=thresholds, failure=failure, limit=limit)
    limits = limits._replace(limit=limits.failure if limit is None else limit)
    measures = experiments.AblationMeasures(*limits, unit, pair, share_limit, *ablation.decoders)
    ablation.check(measures)
    known: dict[str, experiments.Costs] = {}

    def measure() -> None:
        with Meter("Measuring", len(ablation.rows)) as meter:
            for row in ablation.rows:
                known[row] = experiments.row_costs(ablation, row, anew=costs)
                meter.advance()

    def write() -> tuple[list[experiments.RowScores], dict[str, Any]]:
        found = ablation.scores(measures)
        return found, experiments.write_results(ablation, found, measures, known, command_line(), recipe)

    stopped = run_series(ablation.run, write, before=measure)
    found, document = write()
    written = ["results.json", "table.md", *experiments.draw_plots(ablation, found)]
    if as_json:
        print_json(document)
    else:
        for label, group in experiments.by_size(found).items():
            tables = experiments.accuracy_tables(group, measures, label)
            output.print(*tables, experiments.cost_table(group, known, label), sep="\n")
        tell(f"Written to {out}: {', '.join(written)}")
    if stopped:
        leave_stopped(document["cells_finished"], document["cells_asked_for"], "cells")
