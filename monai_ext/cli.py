"""The command line ``monai-landmarks``."""

from __future__ import annotations

import logging
import sys
import warnings
from typing import Annotated

import typer

from monai_ext import __version__
from monai_ext.landmarks import InputError

from .commands import (
    ablate,
    agreement,
    cross_validate,
    doctor,
    evaluate,
    export,
    import_table,
    landmark_pictures,
    measure,
    model_card,
    model_versions,
    predict,
    remap,
    report,
    review,
    sample_data,
    serve,
    simulate_active_learning,
    simulate_camera_change,
    slicer_module,
    train,
    train_source,
    uncertainty,
)
from .commands.console import say

app = typer.Typer(
    name="monai-landmarks",
    help="Find, correct and learn anatomical landmarks in 2D medical images.\n\n"
    "The usual order: `import` a table of points, `train` a detector, `predict` on new images, `evaluate` it; "
    "then serve it with `serve --studies DIR`.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.command("sample-data")(sample_data.run)
app.command("landmark-pictures")(landmark_pictures.run)
app.command("import")(import_table.run)
app.command("export")(export.run)
app.command("train")(train.run)
app.command("train-source")(train_source.run)
app.command("predict")(predict.run)
app.command("evaluate")(evaluate.run)
app.command("serve")(serve.run)
app.command("slicer-module")(slicer_module.run)
app.command("measure")(measure.run)
app.command("report")(report.run)
app.command("agreement")(agreement.run)
app.command("model-card")(model_card.run)
app.command("ablate")(ablate.run)
app.command("cross-validate")(cross_validate.run)
app.command("uncertainty")(uncertainty.run)
app.command("simulate-active-learning")(simulate_active_learning.run)
app.command("simulate-camera-change")(simulate_camera_change.run)
app.command("models")(model_versions.run)
app.command("review")(review.run)
app.command("remap")(remap.run)
app.command("doctor")(doctor.run)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"monai-landmarks {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    warnings.showwarning = _show_warning


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    if issubclass(category, UserWarning):
        say("Warning", "yellow", message)


def main() -> None:
    """Runs the command line; bad input is one sentence on standard error and exit code 2."""
    try:
        app()
    except InputError as error:
        say("Error", "red", error)
        sys.exit(2)


if __name__ == "__main__":
    main()
