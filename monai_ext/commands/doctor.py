"""``monai-landmarks doctor``: what is wrong with an installation and its data, and what to do."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from monai_ext import doctor
from monai_ext.doctor import OK, PROBLEM, WARNING, Check, line
from monai_ext.landmarks import app_dir

from .console import errors, output, print_json
from .options import JsonOption, default_models_dir

_STYLES = {OK: "green", WARNING: "yellow", PROBLEM: "bold red"}


def run(
    app: Annotated[
        Path | None, typer.Option(help="Folder of the MONAI Label app. Default: the one in this repository or package.")
    ] = None,
    studies: Annotated[Path | None, typer.Option(help="Folder of images with labels/TAG/ID.mrk.json below.")] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of trained models. Default: the app's.")] = None,
    protocol_dir: Annotated[
        Path | None, typer.Option("--protocol-dir", help="A folder with further protocol files (*.yaml).")
    ] = None,
    port: Annotated[int, typer.Option(help="Port that the server will use.")] = 8000,
    quick: Annotated[bool, typer.Option("--quick", help="Skip the trial prediction of each network.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check packages, GPU, folders, protocols, models, studies and port, and advise how to fix problems.

    Nothing is changed. The exit code is 1 where there is a problem; a warning leaves it 0.

    Example: `monai-landmarks doctor --studies sample_data/fundus`
    """
    checks: list[Check] = []
    subject = _subject(app, studies, models, protocol_dir, port, quick)
    with errors.status("Looking...") as status:
        for check in doctor.examine(subject, lambda words: status.update(Text(f"{words}..."))):
            checks.append(check)
    problems, warnings = (sum(check.state == state for check in checks) for state in (PROBLEM, WARNING))
    if as_json:
        print_json({"problems": problems, "warnings": warnings, "checks": [asdict(check) for check in checks]})
    elif output.is_terminal:
        output.print(table(checks))
        output.print(_summary(problems, warnings))
    else:
        for check in checks:
            print(line(check))
        print(_summary(problems, warnings))
    if problems:
        raise typer.Exit(1)


def table(checks: list[Check]) -> Table:
    """The checks as a table for a terminal."""
    grid = Table(box=None, pad_edge=False, show_header=False)
    grid.add_column(no_wrap=True)
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for check in checks:
        words = Text(check.found)
        if check.advice:
            words.append(f"\n{check.advice}", style="italic")
        grid.add_row(Text(check.state, style=_STYLES[check.state]), Text(check.name), words)
    return grid


def _summary(problems: int, warnings: int) -> str:
    def many(number: int, thing: str) -> str:
        return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"

    return f"{many(problems, 'problem')}, {many(warnings, 'warning')}."


def _subject(
    app: Path | None, studies: Path | None, models: Path | None, protocol_dir: Path | None, port: int, quick: bool
) -> doctor.Subject:
    """The chosen folders, and those of the app or the installed package for the others."""
    models = models or (default_models_dir() if app is None else app / "model")
    app = app or app_dir()
    own = app / "protocols"
    return doctor.Subject(
        models=models,
        pretrained=app / "pretrained",
        protocol_folders=(own,) if protocol_dir is None else (own, protocol_dir),
        app=app,
        studies=studies,
        port=port,
        quick=quick,
    )
