"""The cells of a simulation: who has how many labels after which round."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from monai_ext.active.selection import STRATEGIES
from monai_ext.landmarks import InputError

#: Stands for the strategy of the first labels, which are drawn by chance and the same for all strategies.
INITIAL = "initial"


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
        """What a person calls it."""
        return f"{self.strategy}, {self.labels} labels, seed {self.seed}"


def label_counts(initial: int, batch: int, rounds: int, available: int) -> tuple[int, ...]:
    """The numbers of labels after each round, the first labels included; the last batch may be what is left.

    Raises:
        InputError: a number is not positive, or there are not more training images than first labels.

    Warns:
        UserWarning: there are fewer images than the rounds would label.
    """
    if min(initial, batch, rounds) < 1:
        raise InputError(f"--initial, --batch and --rounds are 1 or more, not {initial}, {batch} and {rounds}.")
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
            raise InputError(f"--strategies takes names out of {', '.join(STRATEGIES)}, not {name!r}.")
    if not names:
        raise InputError(f"--strategies takes at least one of {', '.join(STRATEGIES)}.")
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
