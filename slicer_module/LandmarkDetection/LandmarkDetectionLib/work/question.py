"""Questions to the person, and their answers."""

from __future__ import annotations

from dataclasses import dataclass

#: Answers to a question.
SAVE_DRAFT, KEEP, DISCARD, SUBMIT, REPLACE, STAY = "save_draft", "keep", "discard", "submit", "replace", "stay"
SHOW = "show"


@dataclass(frozen=True)
class Question:
    """A decision of the person that a command needs.

    Attributes:
        sentence: the question.
        details: further sentences, one per line of the dialog.
        choices: the answers that make sense, the safest first: ``save_draft`` (send a draft, then go on), ``keep``
            (go on, the work stays in the scene among the unsent), ``discard``, ``submit``, ``replace`` (send it over
            the label of somebody else), ``show`` (the unsent points, on the image as it is now) or ``stay``.
    """

    sentence: str
    details: tuple[str, ...] = ()
    choices: tuple[str, ...] = (STAY,)
