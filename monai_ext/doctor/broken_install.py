"""Report for an installation that cannot be imported, such as a torchvision that does not match torch."""

from __future__ import annotations

from collections.abc import Iterable

from .check import PROBLEM, Check, line


def explanation(error: Exception, checks: Iterable[Check]) -> str:
    """The packages that are wrong, with what to do; empty if none is, so that the error is another matter.

    Args:
        error: what loading the program raised.
        checks: of the installation.
    """
    problems = [line(check) for check in checks if check.state == PROBLEM]
    if not problems:
        return ""
    reason = " ".join(str(error).split())[:300]
    return "\n".join([f"monai-landmarks cannot be loaded: {reason}", *problems])
