"""The command line ``monai-landmarks``."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable
from copy import copy
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from monai_ext import __version__, commands
from monai_ext.commands import say
from monai_ext.landmarks import InputError

app = typer.Typer(
    name="monai-landmarks",
    help="Detect, correct and learn anatomical landmarks in 2D medical images.\n\n"
    "A typical workflow: `import` a table of points, `train` a detector, `evaluate` it, `predict` on new images, "
    "and start the server with `serve --studies DIR`.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _add(group: str, name: str, command: Callable[..., None], **former: str) -> None:
    """Adds a command to a group of the help.

    Args:
        group: of the help.
        name: of the command.
        command: what runs.
        former: earlier spellings by option, which still work and which no help lists.
    """
    spellings = {f"--{option.replace('_', '-')}": old.split() for option, old in former.items()}

    class Command(TyperCommand):
        def make_parser(self, ctx: Any) -> Any:
            parser = super().make_parser(ctx)
            for parameter in self.params:
                old = [word for option in parameter.opts for word in spellings.get(option, [])]
                if old:
                    hidden = copy(parameter)
                    hidden.opts = old
                    hidden.add_to_parser(parser, ctx)
            return parser

    app.command(name, cls=Command, rich_help_panel=group)(command)


_add("Data", "import", commands.import_table.run)
_add("Data", "export", commands.export.run, image="-i")
_add("Data", "measure", commands.measure.run)
_add("Data", "review", commands.review.run)
_add("Data", "remap", commands.remap.run)
_add("Data", "sample-data", commands.sample_data.run)
_add("Data", "landmark-pictures", commands.sample_data.draw_pictures)
_add("Train", "train", commands.train.run)
_add("Train", "train-source", commands.train.run_source)
_add("Train", "models", commands.model_versions.run)
_add("Train", "export-model", commands.export_model.run)
_add("Evaluate", "predict", commands.predict.run)
_add("Evaluate", "evaluate", commands.evaluate.run, sdr="--threshold")
_add("Evaluate", "report", commands.report.run)
_add("Evaluate", "model-card", commands.model_card.run)
_add("Evaluate", "uncertainty", commands.uncertainty.run, model="--protocol -p")
_add("Evaluate", "familiarity", commands.familiarity.run)
_add("Evaluate", "agreement", commands.agreement.run)
_add("Serve", "serve", commands.serve.run)
_add("Serve", "slicer-module", commands.serve.copy_slicer_module)
_add("Serve", "doctor", commands.doctor.run)
_add("Experiments", "cross-validate", commands.cross_validate.run, sdr="--threshold")
_add("Experiments", "ablate", commands.ablate.run, failure="--threshold")
_add("Experiments", "simulate-active-learning", commands.simulate_active_learning.run)
_add("Experiments", "simulate-camera-change", commands.simulate_camera_change.run)


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
    """Runs the command line; bad input, or a file that the system refuses, is one sentence and exit code 2."""
    try:
        app()
    except InputError as error:
        say("Error", "red", error)
        sys.exit(2)
    except OSError as error:
        if error.filename is None:
            raise
        reason = (error.strerror or str(error)).lower()
        say("Error", "red", f"{error.filename} cannot be read or written ({reason}): name another file or folder.")
        sys.exit(2)


if __name__ == "__main__":
    main()
