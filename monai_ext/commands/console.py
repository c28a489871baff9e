"""Where commands print: answers on standard output, errors on standard error."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console

output = Console()
errors = Console(stderr=True)


def print_json(document: Any) -> None:
    """Prints one JSON document on standard output."""
    print(json.dumps(document, indent=2, allow_nan=False))
