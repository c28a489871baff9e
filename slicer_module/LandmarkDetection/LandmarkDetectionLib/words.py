"""Sentences in the person's language, on every floor of the module."""

from __future__ import annotations

import string
import sys
from collections.abc import Callable

#: ``(context, text) -> text``: how the application translates.
Translate = Callable[[str, str], str]
_translate: Translate = lambda _context, text: text  # noqa: E731


def use(translate: Translate) -> None:
    """Lets all sentences go through a translation from now on, as ``slicer.i18n.translate``."""
    global _translate
    _translate = translate


def tr(text: str) -> str:
    """A sentence in the person's language, imported as ``_`` so that Slicer's tools find what is to be translated.

    The context is the one that Slicer gives a file of a package, ``LandmarkDetectionLib.session``. A translation with
    other placeholders than the sentence's own is not used, as it could not be filled in.
    """
    name: str = sys._getframe(1).f_globals["__name__"]
    translated = _translate(".".join(name.split(".")[-2:]), text)
    return translated if placeholders(translated) == placeholders(text) else text


def placeholders(text: str) -> set[str]:
    """The names in braces, with how they are written; a text with a stray brace has none."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        return set()
    return {f"{name}!{conversion}:{form}" for _literal, name, form, conversion in parts if name is not None}
