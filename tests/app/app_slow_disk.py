"""A disk that does not answer, until the test lets it."""

from __future__ import annotations

import os
from pathlib import Path


class SlowDisk:
    """A model whose weights lie on a disk that does not answer, until it does: a pipe in the place of the file."""

    def __init__(self, weights: Path) -> None:
        self._weights, self._pipe = weights, weights.with_name("pipe")
        self._content = weights.read_bytes()
        os.mkfifo(self._pipe)
        (weights.parent / "kept").write_bytes(self._content)
        os.link(self._pipe, weights.with_name("linked"))
        os.replace(weights.with_name("linked"), weights)

    def answer(self) -> None:
        """Gives the weights to who reads them, and to all who come later."""
        os.replace(self._weights.with_name("kept"), self._weights)
        self._pipe.write_bytes(self._content)
