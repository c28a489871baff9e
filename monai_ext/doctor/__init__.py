"""Looks at an installation and its data and says what is wrong and what to do; nothing is changed."""

from .check import OK, PROBLEM, WARNING, Check, State
from .examination import Subject, examine

__all__ = ["OK", "PROBLEM", "WARNING", "Check", "State", "Subject", "examine"]
