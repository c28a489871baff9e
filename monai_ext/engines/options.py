"""Options of training runs, their progress reports and their results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from monai_ext.landmarks import Augmentation, DeviceName, Fraction, Positive, Protocol, Recipe, Strict

if TYPE_CHECKING:
    from monai_ext.models import ModelCard

#: Receives ``{"status", "epoch", "max_epochs", "loss", "val_error", "unit", "best", "model_version", "labels_used"}``
#: and what :meth:`Run.report` adds.
OnProgress = Callable[[dict[str, Any]], None]


class TrainOptions(Strict):
    """Options of one run; None keeps the protocol's recipe.

    Args:
        max_epochs, batch_size, learning_rate, val_fraction, val_interval, patience: as in the recipe.
        amp: mixed precision on a GPU.
        num_workers: processes that load images; None takes none on a CPU and up to 8 beside a GPU.
        warm_start: begin with the weights of the current model where they fit.
        resume: go on with an interrupted run of the same images and options.
        checkpoint_seconds: least time between two saves of the state that a resumed run starts from.
        minutes: ends the training, validations and calibration included, within this time: its first steps are timed,
            and it gets as many epochs, not above ``max_epochs``, as fit; the learning rate falls to its end with them.
            A resumed run keeps the number that was found.
        epoch_steps: optimiser steps that count as an epoch; None takes one pass over the images.
        keep: publish the ``best`` weights on the validation images, or the ``last`` ones of the run, which never stops
            early.
        publish_worse: publish them even where their validation error is above the current model's, as after a change of
            the network that other images have judged.
    """

    max_epochs: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        None, description="Default: the protocol's recipe."
    )
    batch_size: Annotated[int, Field(ge=1, le=1024)] | None = Field(None, description="Images of an optimiser step.")
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    val_fraction: Annotated[float, Field(gt=0, lt=1)] | None = None
    val_interval: Annotated[int, Field(ge=1, le=100_000)] | None = None
    patience: Annotated[int, Field(ge=0, le=100_000)] | None = Field(
        None, description="Validations without gain before stopping."
    )
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        0, description="The same seed, images and machine give the same weights."
    )
    device: DeviceName = Field("auto", description="auto, cpu, cuda or cuda:N.")
    amp: bool = True
    num_workers: Annotated[int, Field(ge=0, le=64)] | None = Field(None, description="Processes that load images.")
    warm_start: bool = True
    resume: bool = True
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 30.0
    half_precision: bool = Field(False, description="Store the weights as float16, at half the size.")
    minutes: Annotated[float, Field(gt=0, le=100_000)] | None = Field(
        None, description="End within this time: the first steps are timed, the epochs follow."
    )
    epoch_steps: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    keep: Literal["best", "last"] = "best"
    publish_worse: bool = Field(False, description="Publish even what is worse than the current model on these images.")

    def applied_to(self, protocol: Protocol) -> Protocol:
        """The protocol with the recipe fields that these options set."""
        names = ("max_epochs", "batch_size", "learning_rate", "val_fraction", "val_interval", "patience")
        changes = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return protocol.model_copy(update={"recipe": protocol.recipe.model_copy(update=changes)})


@dataclass(frozen=True)
class TrainResult:
    """Result of a run.

    Attributes:
        card: the card of the published model; None if the run's best was not published.
        folder: the model folder.
        reason: one sentence that says why it was published or not.
        val_error: mean radial error of the run's best weights on the validation images.
        unit: its unit.
        previous_error: the same of the model that was current before, on the same images; None without one.
        epochs: epochs that ran.
        history: one dict per validation: epoch, loss, val_error.
        stopped: whether it was stopped; the same training goes on with it.
    """

    card: ModelCard | None
    folder: Path
    reason: str
    val_error: float
    unit: Literal["px", "mm"]
    previous_error: float | None
    epochs: int
    history: list[dict[str, float]]
    stopped: bool = False


class SourceOptions(Strict):
    """Options of one run.

    Args:
        architecture: encoder of the classifier; see :func:`~monai_ext.networks.encoders.build_encoder`.
        input_size: width and height that images are scaled into, pixels; their aspect is kept.
        learning_rate: largest of a rise over the first tenth of the steps and half a cosine down to zero.
        label_smoothing: share of the target that is spread over all classes.
        flip: probability of a left-right flip; 0 where left and right are classes of their own.
        num_workers: processes that load images; None takes none on a CPU and 8 beside a GPU.
    """

    architecture: str = Field("resnet18", description="An encoder, e.g. resnet50 or efficientnet-lite0.")
    input_size: Annotated[int, Field(ge=32, le=1024)] = Field(224, description="Width and height of the input, pixels.")
    max_epochs: Annotated[int, Field(ge=1, le=100_000)] = 60
    batch_size: Annotated[int, Field(ge=2, le=4096)] = Field(32, description="Images of an optimiser step.")
    learning_rate: Positive = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    flip: Fraction = Field(0.5, description="Probability of a left-right flip; 0 if classes depend on the side.")
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.2, description="Of each class, held out where the table states no split."
    )
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        0, description="The same seed, images and machine give the same weights."
    )
    device: DeviceName = Field("auto", description="auto, cpu, cuda or cuda:N.")
    num_workers: Annotated[int, Field(ge=0, le=64)] | None = Field(None, description="Processes that load images.")

    @property
    def recipe(self) -> Recipe:
        """The same as the recipe that the library's optimiser and schedule are built from."""
        return Recipe(
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            warmup=0.1,
            augmentation=Augmentation(
                rotation=10.0, scale=0.15, shift=0.05, flip=self.flip,
                brightness=0.2, contrast=0.2, gamma=0.2, noise=0.05, color=0.1,
            ),
        )  # fmt: skip
