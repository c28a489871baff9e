"""Where commands print: answers on standard output, progress and errors on standard error."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

output = Console()
errors = Console(stderr=True)


def progress_bar() -> Progress:
    """A bar on standard error; nothing is drawn where that is not a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=errors,
        disable=not errors.is_terminal,
    )


def print_json(document: Any) -> None:
    """Prints one JSON document on standard output."""
    print(json.dumps(document, indent=2, allow_nan=False))
