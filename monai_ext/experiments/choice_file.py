"""Which images a round of labelling added, on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from monai_ext.landmarks import InputError
from monai_ext.landmarks.files import read_json, write_json_atomically

FOLDER = "selections"


class ChoiceFile:
    """What one cell added to the labels of the round before.

    Args:
        root: output folder of the simulation.
        name: of the cell.
        depends_on: texts of all that the choice depends on; a file of others is not taken.
    """

    def __init__(self, root: Path, name: str, depends_on: Sequence[str]) -> None:
        self._path = root / FOLDER / f"{name}.json"
        self._signature = hashlib.sha256("\n".join(depends_on).encode()).hexdigest()

    def read(self) -> list[str] | None:
        """The IDs, best first; None where they are not chosen, or of other models, images or options.

        Raises:
            InputError: the file is damaged.
        """
        if not self._path.is_file():
            return None
        document = read_json(self._path)
        if not isinstance(document, dict) or not isinstance(document.get("chosen"), list):
            raise InputError(f"{self._path} is no list of chosen images; remove it, and it is made again.")
        chosen: list[str] = document["chosen"]
        return chosen if document.get("signature") == self._signature else None

    def write(self, chosen: Sequence[str]) -> None:
        """Writes the IDs down."""
        write_json_atomically(self._path, {"signature": self._signature, "chosen": list(chosen)})
