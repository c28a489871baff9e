"""How the app refuses to start: one sentence, no traceback."""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def in_server() -> bool:
    """Whether this process serves HTTP; false in the processes that MONAI Label starts for training and scoring."""
    return "monailabel.app" in sys.modules


def refuse_to_start(sentence: str) -> NoReturn:
    """Prints a sentence and ends the process with exit code 2.

    Inside the server the process ends at once: the web server would answer any exception, SystemExit too, with a
    traceback that buries the sentence. Elsewhere SystemExit is raised.
    """
    print(f"\nThe landmarks app cannot start: {sentence}\n", file=sys.stderr, flush=True)
    if in_server():
        sys.stdout.flush()
        os._exit(2)
    raise SystemExit(2)
