"""``monai-landmarks cross-validate``: the error on images that the model has not seen, for all images."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from monai_ext import engines, evaluation, experiments
from monai_ext.landmarks import Landmarks, Protocol, Unit, find_protocol
from monai_ext.studies import Studies

from .console import command_line, leave_stopped, output, print_json, run_series, tell
from .options import (
    FailureOption,
    Fields,
    JsonOption,
    LimitOption,
    ModelsOption,
    NormalizedLimitOption,
    NormalizeOption,
    ProtocolOption,
    SuccessOption,
    UnitOption,
    between,
    default_models_dir,
    distances,
    known_unit,
    with_settings,
)


@with_settings
def run(
    studies: Annotated[Path, typer.Argument(help="Folder of labelled images; those of the split test are left out.")],
    protocol: ProtocolOption,
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results; finished folds are kept.")],
    settings: Annotated[
        experiments.CrossValidationSettings,
        Fields("folds", "seed", "max_steps", "device", "workers", keep_weights="--keep-weights/--drop-weights"),
    ],
    also: Annotated[
        Path | None,
        typer.Option(help="Changed copies of the same images with labels, as `simulate-camera-change` makes them."),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images of an optimiser step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=1e-9, max=1)] = None,
    sdr: SuccessOption = None,
    failure: FailureOption = None,
    limit: LimitOption = None,
    unit: UnitOption = "auto",
    normalize_by: NormalizeOption = None,
    share_limit: NormalizedLimitOption = 40.0,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cross-validate a protocol: train one model per fold and measure it on the images that it has not seen.

    Writes cross_validation.json, table.md, and folders like those of `evaluate` for the images and for --also. Press
    Ctrl-C to stop: the same command resumes and skips finished folds.

    Example: `monai-landmarks cross-validate studies --protocol fundus --folds 5 --normalize-by optic_disc,fovea
    --output folds`
    """
    task, study = find_protocol(protocol), Studies(studies)
    study.images()  # refuses a folder that is not there before anything heavy is loaded
    thresholds, pair = distances(sdr), between(normalize_by, task)
    task = experiments.under_recipe(task, "protocol", batch_size=batch_size, learning_rate=learning_rate)
    settings = settings.model_copy(update={"models": models or default_models_dir()})
    changed = None if also is None else Studies(also)
    validation = experiments.CrossValidation(task, study, out, settings, changed)
    labels = _labels(study, task)
    chosen = known_unit(unit)
    if changed is not None:
        labels |= {f"{id} of {also}": label for id, label in _labels(changed, task).items() if id in labels}
    chosen = chosen or _unit_of_all(labels)
    limits = evaluation.fitting_limits(labels, chosen, thresholds=thresholds, failure=failure, limit=limit)
    measures = evaluation.Measures(*limits, chosen, pair, share_limit)

    def write(pictures: bool = True) -> tuple[dict[str, experiments.OutOfFold], dict[str, Any]]:
        return experiments.write_cross_validation(validation, measures, command_line(), pictures=pictures)

    stopped = run_series(validation.run, write)
    readings, document = write(not stopped)
    if as_json:
        print_json(document)
    elif readings:
        output.print(experiments.relative_table(readings, measures, f"{task.title}, {validation.length.steps} steps"))
        folders = ", ".join(f"{name}/" for name in readings)
        tell(f"Written to {out}: cross_validation.json, table.md, {folders}")
    if stopped:
        leave_stopped(document["folds_finished"], document["folds_asked_for"], "folds")


def _unit_of_all(labels: Mapping[str, Landmarks]) -> Unit:
    """The unit of a series, also where it is stopped early: mm where all images are calibrated, else px.

    Warns:
        UserWarning: some images are calibrated and some are not.
    """
    without = [id for id, label in labels.items() if label.frame.spacing is None]
    if 0 < len(without) < len(labels):
        warnings.warn(
            f"{len(without)} of {len(labels)} images have no known pixel size (the first is {without[0]}): all errors, "
            "thresholds and limits are in pixels.",
            stacklevel=2,
        )
    return evaluation.common_unit(label.frame for label in labels.values())


def _labels(study: Studies, protocol: Protocol) -> dict[str, Landmarks]:
    """The labels that are measured: all but those of the split "test"."""
    return engines.read_labels((one for one in engines.labelled_images(study) if one.split != "test"), protocol)
