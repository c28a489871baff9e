"""What the scene cannot do."""

from __future__ import annotations


class SceneError(Exception):
    """The scene cannot do what was asked; ``str(error)`` is one sentence for the person."""
