"""Whether a training that the server began by itself has come to an end, in a file that outlives the server."""

from __future__ import annotations

import logging
from pathlib import Path

from monai_ext.landmarks import InputError
from monai_ext.landmarks.files import read_json, write_json_atomically

logger = logging.getLogger(__name__)

FILE = "retraining.json"


class Unfinished:
    """The note on one protocol's automatic training.

    Args:
        folder: the model folder of the protocol.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def times(self) -> int:
        """How often the training was begun that has not ended; 0 where none is unfinished."""
        if not self.path.is_file():
            return 0
        try:
            document = read_json(self.path)
            times = document["begun"]
        except (InputError, LookupError, TypeError) as error:
            logger.warning("%s is damaged and means nothing: %s", self.path, error)
            return 0
        return times if isinstance(times, int) else 0

    def begin(self) -> None:
        """Notes that the training begins, or begins again.

        Raises:
            OSError: there is no room.
        """
        write_json_atomically(self.path, {"begun": self.times() + 1})

    def end(self) -> None:
        """Notes that it has ended, however."""
        self.path.unlink(missing_ok=True)
