"""A loader that takes up an epoch in its middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from monai.data import DataLoader


class ResumableLoader(DataLoader):
    """MONAI's loader, whose next pass may begin after the batches that were used before an interruption.

    Those batches are loaded once more and thrown away: random augmentations are drawn one after the other, so that
    the following batches are those of the unbroken pass only then.
    """

    _used = 0
    _then: Callable[[], None] | None = None

    def skip(self, batches: int, then: Callable[[], None] | None) -> None:
        """The next pass leaves out its first batches and then calls ``then``."""
        self._used, self._then = batches, then

    def __iter__(self) -> Iterator[Any]:
        batches = super().__iter__()
        used, then = self._used, self._then
        self.skip(0, None)
        for _ in range(used):
            next(batches)
        if then is not None:
            then()
        return batches
