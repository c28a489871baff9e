"""What a person may choose for the training of a source classifier, and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from monai_ext.landmarks.document import Fraction, Positive, Strict
from monai_ext.landmarks.recipe import Augmentation, Recipe
from monai_ext.networks import DEVICE_PATTERN

#: Receives ``{"epoch", "max_epochs", "loss", "accuracy"}``; the last two are None before the first epoch.
OnSourceProgress = Callable[[dict[str, Any]], None]


class SourceOptions(Strict):
    """Options of one run.

    Args:
        architecture: encoder of the classifier; see :func:`~monai_ext.networks.encoders.build_encoder`.
        input_size: width and height that images are scaled into, pixels; their aspect is kept.
        learning_rate: largest of a rise over the first tenth of the steps and half a cosine down to zero.
        label_smoothing: share of the target that is spread over all classes.
        flip: probability of a left-right flip; 0 where left and right are classes of their own.
        val_fraction: of each class, held out where no split is stated.
        seed: the same seed, images and machine give the same weights.
        device: ``auto`` takes a GPU where there is one.
        num_workers: processes that load images; None takes none on a CPU and 8 beside a GPU.
    """

    architecture: str = "resnet18"
    input_size: Annotated[int, Field(ge=32, le=1024)] = 224
    max_epochs: Annotated[int, Field(ge=1, le=100_000)] = 60
    batch_size: Annotated[int, Field(ge=2, le=4096)] = 32
    learning_rate: Positive = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    flip: Fraction = 0.5
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    device: Annotated[str, Field(pattern=DEVICE_PATTERN)] = "auto"
    num_workers: Annotated[int, Field(ge=0, le=64)] | None = None

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


@dataclass(frozen=True)
class SourceResult:
    """How a run ended.

    Attributes:
        file: the classifier that was written.
        accuracy: top-1 share of the held-out images, 0 to 1, of the weights that were written.
        classes: number of classes.
        train_images, val_images: images that were learned from and held out.
        epochs: epochs that ran.
        history: one dict per epoch: epoch, loss, accuracy.
    """

    file: Path
    accuracy: float
    classes: int
    train_images: int
    val_images: int
    epochs: int
    history: list[dict[str, float]]
