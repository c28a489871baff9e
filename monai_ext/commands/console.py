"""Consoles of the commands: results on standard output, errors on standard error."""

from __future__ import annotations

import json
import shlex
import sys
from datetime import datetime, timezone
from typing import Any

from rich.console import Console
from rich.text import Text

# Text is printed as it stands: a path or label may hold "[" or ":name:", which are no markup and no emoji. What shall
# have a style is a rich.text.Text.
output = Console(markup=False, emoji=False)
errors = Console(stderr=True, markup=False, emoji=False)


def tell(sentence: object) -> None:
    """Prints a sentence on standard output, on one line however wide."""
    output.print(sentence, soft_wrap=True, highlight=False)


def note(sentence: object) -> None:
    """Prints a sentence on standard error, on one line however wide."""
    errors.print(sentence, soft_wrap=True, highlight=False)


def say(word: str, style: str, sentence: object) -> None:
    """Prints a sentence on standard error behind a styled word, as in ``Error: ...``."""
    errors.print(Text(f"{word}:", style=style), Text(str(sentence)), soft_wrap=True)


def print_json(document: Any) -> None:
    """Prints one JSON document on standard output."""
    print(json.dumps(document, indent=2, allow_nan=False))


def command_line() -> str:
    """The command as a person would type it again."""
    return shlex.join(["monai-landmarks", *sys.argv[1:]])


def now() -> str:
    """The date and time in UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
