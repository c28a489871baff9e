"""The cells of a simulation: who has how many labels after which round, and the images that were chosen for it."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monai_ext.active import STRATEGIES
from monai_ext.landmarks import InputError, read_json, write_json_atomically

#: Stands for the strategy of the first labels, which are drawn by chance and the same for all strategies.
INITIAL = "initial"
#: Folder of the choices.
SELECTIONS = "selections"


@dataclass(frozen=True)
class RoundCell:
    """One training run of a simulation.

    Args:
        strategy: that chose the labels, or :data:`INITIAL`.
        round: 0 for the first labels.
        labels: how many training images are labelled.
        seed: of the first labels and of the training.
    """

    strategy: str
    round: int
    labels: int
    seed: int

    @property
    def name(self) -> str:
        """Name of the cell's folder."""
        return f"{self.strategy}_{self.labels}_seed{self.seed}"

    @property
    def title(self) -> str:
        """Name that a person reads."""
        return f"{self.strategy}, {self.labels} labels, seed {self.seed}"


def label_counts(initial: int, batch: int, rounds: int, available: int) -> tuple[int, ...]:
    """The numbers of labels after each round, the first labels included; the last batch may be what is left.

    Raises:
        InputError: a number is not positive, or there are not more training images than first labels.

    Warns:
        UserWarning: there are fewer images than the rounds would label.
    """
    if min(initial, batch, rounds) < 1:
        raise InputError(f"--initial, --batch and --rounds must be at least 1, not {initial}, {batch} and {rounds}.")
    if initial >= available:
        raise InputError(
            f"--initial asks for {initial} of {available} labelled training images, which leaves none to choose: "
            "take fewer."
        )
    wanted = [initial + batch * r for r in range(rounds + 1)]
    counts = tuple(dict.fromkeys(min(count, available) for count in wanted))
    if counts[-1] < wanted[-1]:
        warnings.warn(
            f"There are {available} labelled training images and not {wanted[-1]}: "
            f"{len(counts) - 1} of {rounds} rounds are made.",
            stacklevel=2,
        )
    return counts


def check_strategies(names: Sequence[str]) -> tuple[str, ...]:
    """The strategies that a person named, each once.

    Raises:
        InputError: there is none, or no such strategy.
    """
    for name in names:
        if name not in STRATEGIES:
            raise InputError(f"--strategies needs names from {', '.join(STRATEGIES)}, not {name!r}.")
    if not names:
        raise InputError(f"--strategies needs at least one of {', '.join(STRATEGIES)}.")
    return tuple(dict.fromkeys(names))


def all_cells(strategies: Sequence[str], counts: Sequence[int], seeds: int) -> list[RoundCell]:
    """All cells, the first seed first; the first labels of a seed are one cell for all strategies."""
    cells = []
    for seed in range(seeds):
        cells.append(RoundCell(INITIAL, 0, counts[0], seed))
        cells += [
            RoundCell(strategy, number, labels, seed)
            for number, labels in enumerate(counts[1:], 1)
            for strategy in strategies
        ]
    return cells


class ChoiceFile:
    """The images that one cell added to the labels of the round before.

    Args:
        root: output folder of the simulation.
        name: of the cell.
        depends_on: texts of all that the choice depends on; a file of others is not taken.
    """

    def __init__(self, root: Path, name: str, depends_on: Sequence[str]) -> None:
        self._path = root / SELECTIONS / f"{name}.json"
        self._signature = hashlib.sha256("\n".join(depends_on).encode()).hexdigest()

    def read(self) -> list[str] | None:
        """The IDs, best first; None if they are not chosen, or of other models, images or options.

        Raises:
            InputError: the file is damaged.
        """
        if not self._path.is_file():
            return None
        document = read_json(self._path)
        if not isinstance(document, dict) or not isinstance(document.get("chosen"), list):
            raise InputError(f"{self._path} is not a list of chosen images; remove it to have it written again.")
        chosen: list[str] = document["chosen"]
        return chosen if document.get("signature") == self._signature else None

    def write(self, chosen: Sequence[str]) -> None:
        """Writes the IDs down."""
        write_json_atomically(self._path, {"signature": self._signature, "chosen": list(chosen)})
