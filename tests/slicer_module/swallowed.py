"""Errors that Qt slots and VTK observers swallow, so that they fail a test."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_swallowed() -> Iterator[None]:
    """Collects what is only printed inside slots and observers; AssertionError at the end where there was anything."""
    errors: list[str] = []
    hooks = sys.excepthook, sys.unraisablehook
    sys.excepthook = lambda *error: errors.append("".join(traceback.format_exception(*error)))
    sys.unraisablehook = lambda info: errors.append("".join(traceback.format_exception(info.exc_value)))
    try:
        yield
    finally:
        sys.excepthook, sys.unraisablehook = hooks
    assert not errors, errors[0]
