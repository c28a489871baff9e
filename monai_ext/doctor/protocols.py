"""Protocol files: which can be served, and every mistake in the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from monai_ext.landmarks import Protocol, survey_protocols

from .check import OK, PROBLEM, WARNING, Check, count


def check_protocols(folders: Iterable[Path]) -> tuple[dict[str, Protocol], list[Check]]:
    """(protocols that can be served by name, a check for them and one for each mistake)."""
    protocols, mistakes = survey_protocols(folders)
    return protocols, [_usable(protocols), *(_mistake(sentence) for sentence in mistakes)]


def _usable(protocols: Mapping[str, Protocol]) -> Check:
    if not protocols:
        advice = "Name a folder of protocol files: --app or --protocol-dir."
        return Check("Protocols", WARNING, "there is none that can be served", advice)
    return Check("Protocols", OK, f"{count(len(protocols), 'protocol')}: {', '.join(protocols)}")


def _mistake(sentence: str) -> Check:
    return Check("Protocol file", PROBLEM, sentence.rstrip("."), "Correct it: the server does not start with it.")
