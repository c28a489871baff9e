"""What was found damaged in a studies folder and mended, for the log and for a report."""

from __future__ import annotations

import logging

logger = logging.getLogger(__name__)


class Repairs(list[str]):
    """One sentence for each repair, oldest first."""

    def add(self, sentence: str) -> None:
        """Records a repair and logs it as a warning."""
        logger.warning(sentence)
        self.append(sentence)
