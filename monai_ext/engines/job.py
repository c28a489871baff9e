"""One training as it was asked for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from monai_ext.landmarks import Protocol

from .dataset import LabelledImage
from .distributed import process_rank
from .failures import ResourceError, memory_sentence
from .loader import ResumableLoader, make_loader
from .options import OnProgress, TrainOptions
from .progress import Clock
from .resume import RunState
from .stop import Stop, never


@dataclass(frozen=True)
class Job:
    """What is trained, on what, and where it goes.

    Attributes:
        protocol: with the options applied to its recipe.
        train_images, val_images: the two sides of the split.
        folder: the model folder that is published to.
        state: where an unfinished run is saved.
        options: choices for this run.
        device: where the network runs.
        pretrained: a shipped model folder that is current while ``folder`` has none.
        on_progress: receives progress dicts; None on all processes but the first.
        stop: says whether to stop.
        data: one sentence for the card that says what the images are.
        warning: a sentence that says that the batches were halved; empty where they were not.
        refused: the size of batches that the memory was not enough for.
        clock: says the time, in seconds.
        begun: when the training was asked for, by that clock.
    """

    protocol: Protocol
    train_images: list[LabelledImage]
    val_images: list[LabelledImage]
    folder: Path
    state: RunState
    options: TrainOptions
    device: torch.device
    pretrained: Path | None = None
    on_progress: OnProgress | None = None
    stop: Stop = never
    data: str = ""
    warning: str = ""
    refused: int | None = None
    clock: Clock = time.monotonic
    begun: float = 0.0

    @property
    def batch_size(self) -> int:
        """Images per step."""
        return self.protocol.recipe.batch_size

    @property
    def num_workers(self) -> int:
        """Processes that load images."""
        if self.options.num_workers is not None:
            return self.options.num_workers
        return 0 if self.device.type == "cpu" else min(8, (torch.get_num_threads() + 1) // 2)

    def training_loader(self, images: Sequence[LabelledImage], epoch_steps: int | None) -> ResumableLoader:
        """A loader of training images as a run of this job has it."""
        return make_loader(
            images,
            self.protocol,
            training=True,
            batch_size=self.batch_size,
            num_workers=self.num_workers,
            seed=self.options.seed,
            epoch_steps=epoch_steps,
        )

    def saved(self) -> dict[str, Any] | None:
        """The state of an interrupted run of this job; None where there is none or it is not wanted."""
        return self.state.load(torch.device("cpu")) if self.options.resume else None

    def with_length(self, epochs: int, epoch_steps: int | None) -> Job:
        """The same job with so many epochs of so many steps; None takes one pass over the images."""
        recipe = self.protocol.recipe.model_copy(update={"max_epochs": epochs})
        protocol = self.protocol.model_copy(update={"recipe": recipe})
        return replace(self, protocol=protocol, options=self.options.model_copy(update={"epoch_steps": epoch_steps}))

    def with_batches_of(self, size: int) -> Job:
        """The same job with smaller batches, which it says."""
        recipe = self.protocol.recipe.model_copy(update={"batch_size": size})
        warning = f"The memory was not enough for batches of {self.batch_size} images: batches of {size} are used."
        data = f"{self.data} {warning}".strip()
        protocol = self.protocol.model_copy(update={"recipe": recipe})
        return replace(self, protocol=protocol, data=data, warning=warning, refused=self.batch_size)

    def halved(self) -> Job:
        """The same job with batches of half the size, after the memory was not enough.

        Raises:
            ResourceError: they cannot be halved, or were halved before.
        """
        if self.refused is not None:
            raise ResourceError(memory_sentence(str(self.device), [self.refused, self.batch_size]))
        if self.batch_size == 1 or process_rank()[1] > 1:  # the other processes are in the middle of a step
            raise ResourceError(memory_sentence(str(self.device), [self.batch_size]))
        return self.with_batches_of(self.batch_size // 2)
