"""What a person may choose for a simulation of active learning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from monai_ext.active.measures import DEFAULT_MEASURE
from monai_ext.inferers import Reduction


@dataclass(frozen=True)
class SimulationSettings:
    """What a person may choose for a simulation.

    Args:
        strategies: names.
        initial: first labels, drawn by chance.
        batch: labels added in each round.
        rounds: how many.
        seeds: how many, from 0.
        max_steps: most optimiser steps of every training; None takes the recipe's epochs over the last round's images.
        validations: how often a training is validated and saved; its last weights count all the same.
        measure: of uncertainty.
        reduction: how the landmarks make the score of an image.
        warm: begin each training with the weights of the round before instead of new ones. As on a server, the model
            of the round before then stays where the new one is worse on the validation images.
        device, workers: as in training.
        models: folder whose ``sources`` hold source classifiers.
        keep_weights: keep the weights of cells that nothing depends on any more.
    """

    strategies: tuple[str, ...] = ("random", "uncertainty", "diversity", "hybrid")
    initial: int = 20
    batch: int = 20
    rounds: int = 8
    seeds: int = 3
    max_steps: int | None = None
    validations: int = 5
    measure: str = DEFAULT_MEASURE
    reduction: Reduction = "mean"
    warm: bool = False
    device: str = "auto"
    workers: int | None = None
    models: Path = Path("models")
    keep_weights: bool = False
