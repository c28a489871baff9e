"""What a strategy is asked, and what it answers."""

from __future__ import annotations

from typing import Any

from .offers import Choice

_AGAIN = "No other image is free: this one was offered to you before, or you began it."


def client_of(request: dict[str, Any]) -> str:
    """Who asks; all who do not say it are one."""
    return str(request.get("client_id") or "")


def reply(image: str, choice: Choice, note: str = "", **told: Any) -> dict[str, Any]:
    """The answer that offers an image.

    Args:
        image: its ID.
        choice: what it was chosen from.
        note: what a person should know of the choice.
        told: what a program wants to know of it.
    """
    sentences = " ".join(sentence for sentence in (_AGAIN if choice.again else "", note) if sentence)
    return {"id": image, **told, **({"note": sentences} if sentences else {})}
