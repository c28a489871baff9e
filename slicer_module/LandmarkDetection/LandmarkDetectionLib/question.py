"""What a person is asked before a command goes on, and the answers."""

from __future__ import annotations

from dataclasses import dataclass

#: Answers to a question.
SAVE_DRAFT, KEEP, DISCARD, SUBMIT, STAY = "save_draft", "keep", "discard", "submit", "stay"


@dataclass(frozen=True)
class Question:
    """What a person has to decide before a command goes on.

    Attributes:
        sentence: the question.
        details: further sentences, one per line of the dialog.
        choices: the answers that make sense, the safest first: ``save_draft`` (send a draft, then go on), ``keep``
            (go on, the work stays in the scene among the unsent), ``discard``, ``submit`` or ``stay``.
    """

    sentence: str
    details: tuple[str, ...] = ()
    choices: tuple[str, ...] = (STAY,)
