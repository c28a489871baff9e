"""What a person may choose for a training run, what it reports while it runs, and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from monai_ext.landmarks import Protocol
from monai_ext.landmarks.document import Strict
from monai_ext.models import ModelCard
from monai_ext.networks import DEVICE_PATTERN

#: Receives ``{"status", "epoch", "max_epochs", "loss", "val_error", "unit", "best", "model_version", "labels_used"}``
#: and what :meth:`Run.report` adds.
OnProgress = Callable[[dict[str, Any]], None]


class TrainOptions(Strict):
    """Options of one run; None keeps the protocol's recipe.

    Args:
        max_epochs, batch_size, learning_rate, val_fraction, val_interval, patience: as in the recipe.
        seed: the same seed, images and machine give the same weights.
        device: ``auto`` takes a GPU where there is one.
        amp: mixed precision on a GPU.
        num_workers: processes that load images; None takes none on a CPU and up to 8 beside a GPU.
        warm_start: begin with the weights of the current model where they fit.
        resume: go on with an interrupted run of the same images and options.
        checkpoint_seconds: least time between two saves of the state that a resumed run starts from.
        half_precision: publish the weights as float16, at half the size.
        minutes: ends the training, validations and calibration included, within this time: its first steps are timed,
            and it gets as many epochs, not above ``max_epochs``, as fit; the learning rate falls to its end with them.
            A resumed run keeps the number that was found.
        epoch_steps: optimiser steps that count as an epoch; None takes one pass over the images.
        keep: publish the ``best`` weights on the validation images, or the ``last`` ones of the run.
        publish_worse: publish them even where their validation error is above the current model's, as after a change of
            the network that other images have judged.
    """

    max_epochs: Annotated[int, Field(ge=1, le=100_000)] | None = None
    batch_size: Annotated[int, Field(ge=1, le=1024)] | None = None
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    val_fraction: Annotated[float, Field(gt=0, lt=1)] | None = None
    val_interval: Annotated[int, Field(ge=1, le=100_000)] | None = None
    patience: Annotated[int, Field(ge=0, le=100_000)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    device: Annotated[str, Field(pattern=DEVICE_PATTERN)] = "auto"
    amp: bool = True
    num_workers: Annotated[int, Field(ge=0, le=64)] | None = None
    warm_start: bool = True
    resume: bool = True
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 30.0
    half_precision: bool = False
    minutes: Annotated[float, Field(gt=0, le=100_000)] | None = None
    epoch_steps: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    keep: Literal["best", "last"] = "best"
    publish_worse: bool = False

    def applied_to(self, protocol: Protocol) -> Protocol:
        """The protocol with the recipe fields that these options set."""
        names = ("max_epochs", "batch_size", "learning_rate", "val_fraction", "val_interval", "patience")
        changes = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return protocol.model_copy(update={"recipe": protocol.recipe.model_copy(update=changes)})


@dataclass(frozen=True)
class TrainResult:
    """How a run ended.

    Attributes:
        card: the card of the published model; None where the run's best was not published.
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
