"""Looks at an installation and its data and says what is wrong and what to do; nothing is changed."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .check import OK, PROBLEM, WARNING, Check, line
    from .examination import Subject, examine
    from .packages import check_installation, explanation
    from .server import require_port
    from .studies import label_problem

__all__ = [
    "OK",
    "PROBLEM",
    "WARNING",
    "Check",
    "Subject",
    "check_installation",
    "examine",
    "explanation",
    "label_problem",
    "line",
    "require_port",
]

lazy_face(__name__)
