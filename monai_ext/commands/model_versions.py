"""``monai-landmarks models``: which versions of the models there are, and the way back to an earlier one."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from monai_ext.evaluation import readable_date, significant
from monai_ext.landmarks import InputError, shipped_dir
from monai_ext.models import (
    CARD,
    SHIPPED,
    ModelVersion,
    roll_back,
    training_lock,
    version_document,
    version_numbers,
    versions,
)

from .console import note, output, print_json, tell
from .options import JsonOption, ModelsOption, default_models_dir

COLUMNS = ("model", "version", "current", "date", "labels", "error", "parent", "state")


def run(
    protocol: Annotated[str | None, typer.Option("--protocol", "-p", help="Show only this protocol.")] = None,
    models: ModelsOption = None,
    rollback: Annotated[
        str | None, typer.Option("--rollback", metavar="PROTOCOL", help="Make an earlier version the current one.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="VERSION", help=f"With --rollback: v3, or {SHIPPED}. Default: the one before the current."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the versions of the models, or roll back to an earlier one; a running server follows at once.

    No version is deleted: `--to` returns to any of them.

    Example: `monai-landmarks models --rollback fundus --to v3`
    """
    root = models or default_models_dir()
    if to is not None and rollback is None:
        raise InputError(f"--to {to} has no effect without --rollback: add --rollback PROTOCOL.")
    if rollback is not None:
        _check_name(rollback, root)
        folder, shipped = root / rollback, _shipped(rollback)
        before = _current_name(folder, shipped)
        with training_lock(folder) if folder.is_dir() else nullcontext():
            now = roll_back(folder, to, shipped)
        if not as_json:
            tell(_moved(rollback, before, now.name))
            return
    only = rollback or protocol
    if only is not None:
        _check_name(only, root)
    found = [(name, each) for name in ([only] if only else _names(root)) for each in _known(root, name)]
    if as_json:
        print_json([version_document(name, version) for name, version in found])
    else:
        _print(found, root)


def _print(found: list[tuple[str, ModelVersion]], root: Path) -> None:
    if not found:
        tell(f"There is no model in {root} yet.")
    elif output.is_terminal:
        output.print(_table(found))
    else:
        for name, version in found:
            print(_line(name, version))
    for line in _next_steps(found, root):
        note(line)


def _next_steps(found: list[tuple[str, ModelVersion]], root: Path) -> list[str]:
    """Commands for what is listed: a model that answers, shipped ones last, and one with a former version."""
    where = "" if root == default_models_dir() else f" --models {shlex.quote(str(root))}"
    answering = [(version.name == SHIPPED, name) for name, version in found if version.current and not version.problem]
    steps = []
    if answering:
        _, chosen = min(answering)
        steps += [
            f"  measure it      monai-landmarks evaluate --studies DIR --model {chosen}{where}",
            f"  use it          monai-landmarks predict IMAGES --model {chosen}{where} --output DIR",
            f"  describe it     monai-landmarks model-card {chosen}{where}",
        ]
    for name in dict.fromkeys(name for name, _ in found):
        listed = [version for each, version in found if each == name]
        at = next((i for i, version in enumerate(listed) if version.current), len(listed))
        if any(version.name != SHIPPED and not version.problem for version in listed[at + 1 :]):
            steps.append(f"  go back         monai-landmarks models{where} --rollback {name}")
            break
    return ["Next:", *steps] if steps else []


def _known(root: Path, name: str) -> list[ModelVersion]:
    return list(versions(root / name, _shipped(name)))


def _current_name(folder: Path, shipped: Path) -> str | None:
    return next((version.name for version in versions(folder, shipped) if version.current), None)


def _moved(name: str, before: str | None, now: str) -> str:
    left = f" instead of {before}" if before not in (None, now) else ""
    back = f"; `--rollback {name} --to {before}` returns to that" if left else ""
    return f"{name} now uses {now}{left}{back}."


def _shipped(name: str) -> Path:
    return shipped_dir("pretrained") / name


def _names(root: Path) -> list[str]:
    """The protocols of which there is a version, published or shipped."""
    published = {folder.name for folder in root.glob("*") if version_numbers(folder)}
    return sorted(published | {card.parent.name for card in shipped_dir("pretrained").glob(f"*/{CARD}")})


def _check_name(name: str, root: Path) -> None:
    known = _names(root)
    if name not in known:
        there = ", ".join(known) or "none"
        raise InputError(f"There is no model {name!r} in {root}; there are {there}. A folder is given with --models.")


def _table(found: list[tuple[str, ModelVersion]]) -> Table:
    table = Table(*COLUMNS, box=None, header_style="bold", pad_edge=False)
    last = ""
    for name, version in found:
        cells = _cells(version)
        state = Text(cells[-1], style="red" if version.problem else "")
        table.add_row("" if name == last else name, *cells[:-1], state)
        last = name
    return table


def _line(name: str, version: ModelVersion) -> str:
    """A version in a log or a pipe, where there are no columns."""
    words = [f"{column} {cell}" for column, cell in zip(COLUMNS[2:-1], _cells(version)[1:-1], strict=True) if cell]
    state = version.problem or "whole"
    return f"{name} {', '.join([_shown(version), *words, state])}"


def _shown(version: ModelVersion) -> str:
    return version.name if version.name != SHIPPED or version.card is None else f"{SHIPPED} ({version.card.version})"


def _cells(version: ModelVersion) -> list[str]:
    """Cells of all columns but the first."""
    card = version.card
    facts = [""] * 4
    if card is not None:
        error = f"{significant(card.val_error)} {card.unit} on {len(card.val_images)} images"
        facts = [readable_date(card.date), str(card.labels_used), error, card.parent or ""]
    return [_shown(version), "yes" if version.current else "", *facts, version.problem or "whole"]
