"""Choices of a person for each kind of series; the command line makes its options from them, so torch is not loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from monai_ext.active import DEFAULT_MEASURE
from monai_ext.inferers import Reduction
from monai_ext.landmarks import CROSS_TASK_WEIGHT, DeviceName, NotNegative, Strict

#: Recipes of an ablation: the protocol's own, the default one, and the named ones.
RecipeName = Literal["protocol", "default", "zian_a", "zian_b", "fine_tune", "cross_task"]
RECIPES: tuple[RecipeName, ...] = get_args(RecipeName)
Steps = Annotated[int, Field(ge=1)]


class SeriesSettings(Strict):
    """Choices for every series.

    Args:
        models: folder whose ``sources`` hold source classifiers.
    """

    max_steps: Steps | None = Field(None, description="Optimiser steps of every training, at most.")
    validations: Steps = Field(
        5, description="Validations and saves within a run; its last weights count all the same."
    )
    device: DeviceName = Field("auto", description="auto, cpu, cuda or cuda:N.")
    workers: Annotated[int, Field(ge=0)] | None = Field(None, description="Processes that load images.")
    models: Path = Path("models")
    keep_weights: bool = Field(True, description="Of finished trainings.")

    def recorded(self) -> dict[str, Any]:
        """The choices as results keep them: without a folder of this machine, which the command may name."""
        return self.model_dump(mode="json", exclude={"models"})


class AblationSettings(SeriesSettings):
    """Choices for an ablation.

    Args:
        rows: names; none takes those of the papers that the protocol can have.
    """

    rows: tuple[str, ...] = ()
    sizes: str = Field("all", description="Numbers of training images with commas, e.g. 50,100,all.")
    seeds: Annotated[int, Field(ge=1, le=1000)] = Field(3, description="Runs of each row and size.")
    max_epochs: Steps | None = Field(
        None, description="Passes of every size over its own images. Default: equal steps."
    )
    split: Literal["val", "test"] = Field("val", description="The images that are reported.")
    backbone: str | None = Field(None, description="Of all rows, instead of the protocol's.")
    weight: NotNegative = Field(CROSS_TASK_WEIGHT, description="Of the regularisers of CD, ED and Com.")


class CrossValidationSettings(SeriesSettings):
    """Choices for a cross-validation.

    Args:
        half: store the weights of each fold as float16, as a shipped model has them.
    """

    folds: int = Field(5, description="How many; each trains a model.")
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Of the division and of the trainings.")
    half: bool = True


class SimulationSettings(SeriesSettings):
    """Choices for a simulation of active learning.

    Args:
        strategies: names.
        warm: as on a server, the model of the round before stays where the new one is worse on the validation images.
        keep_weights: of cells that nothing depends on any more.
    """

    strategies: tuple[str, ...] = ("random", "uncertainty", "diversity", "hybrid")
    initial: int = Field(20, description="First labels, drawn by chance.")
    batch: int = Field(20, description="Labels added in each round.")
    rounds: int = Field(8, description="Rounds after the first labels.")
    seeds: Annotated[int, Field(ge=1, le=1000)] = Field(3, description="Repetitions with other first labels.")
    measure: str = Field(DEFAULT_MEASURE, description="Of uncertainty; `monai-landmarks uncertainty` compares them.")
    reduction: Reduction = Field("mean", description="How landmarks make the score of an image.")
    warm: bool = Field(False, description="Begin each training with the weights of the round before.")
    keep_weights: bool = False
