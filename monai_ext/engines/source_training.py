"""Training of the classifier that a landmark detector learns from, on MONAI's trainer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.utils import set_determinism
from torch import nn

from monai_ext.images import read_frame
from monai_ext.landmarks import InputError, check_writable, input_errors_unwrapped
from monai_ext.networks import (
    SUFFIX,
    SourceCard,
    build_classifier,
    build_encoder,
    encoder_names,
    find_device,
    is_encoder,
    write_source,
)

from .optimisation import attach_gradient_clip, attach_schedule, build_optimizer
from .options import SourceOptions
from .source_images import ClassImage, source_loader, split_class_images
from .stop import ResourceError, is_out_of_memory

#: Largest gradient norm.
GRADIENT_CLIP = 5.0
#: How pixel values become the classifier's input: each image by its own mean and deviation, as for a detector.
NORMALIZATION = "image"

#: Receives ``{"epoch", "max_epochs", "loss", "accuracy"}``; the last two are None before the first epoch.
OnSourceProgress = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class SourceResult:
    """Result of a run.

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


def train_source(
    images: Sequence[ClassImage],
    file: Path,
    options: SourceOptions | None = None,
    *,
    on_progress: OnSourceProgress | None = None,
    data: str = "",
) -> SourceResult:
    """Trains a classifier from random weights and writes it as a source file, in one step at the end.

    The weights are those of the last epoch: the held-out images choose nothing, so that their accuracy is honest.

    Args:
        images: with their classes; see :func:`split_class_images`.
        file: the ``.safetensors`` file to write or replace.
        options: choices for this run.
        on_progress: called when the run starts and after every epoch.
        data: one sentence for the file that says what the images are.

    Raises:
        InputError: an unknown encoder, classes that cannot be split, an image that cannot be read, a file of another
            kind, a GPU that is not there, or a training that diverged.
        OSError: the folder of the file cannot be written; found before the training.
        ResourceError: there is not enough memory.
    """
    options = options or SourceOptions()
    if file.suffix != SUFFIX:
        raise InputError(f"A source classifier must be written as a {SUFFIX} file, not as {file.name!r}.")
    if not is_encoder(options.architecture):
        raise InputError(f"Unknown encoder {options.architecture!r}: use one of {', '.join(encoder_names())}.")
    train, held_out, classes = split_class_images(images, options.val_fraction)
    device = find_device(options.device)
    for image in (*train, *held_out):
        read_frame(image.image)  # a file that is no image is refused before any time is spent
    check_writable(file.parent)
    set_determinism(options.seed)
    try:
        with input_errors_unwrapped():
            run = SourceRun(train, held_out, classes, options, device, on_progress)
            run()
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise ResourceError(
            f"The memory of {device} is not enough for batches of {options.batch_size} images of "
            f"{options.input_size} x {options.input_size} pixels: set a smaller batch_size, input_size or architecture."
        ) from error
    finally:
        set_determinism(None)
    write_source(file, run.network.state_dict(), run.card(data))
    return SourceResult(
        file, run.history[-1]["accuracy"], len(classes), len(train), len(held_out), len(run.history), run.history
    )


class Classifier(nn.Module):
    """A source classifier that learns: the same tensors under the same names as the frozen one."""

    def __init__(self, architecture: str, num_classes: int) -> None:
        super().__init__()
        self.encoder = build_encoder(architecture, 3)
        self.head = build_classifier(architecture, self.encoder, num_classes)
        self.to(memory_format=torch.channels_last)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) standardised images to (B, N) logits."""
        return self.head(self.encoder(image)[-1])


class SourceRun:
    """One training of a classifier; ``classes`` are in the order of its outputs."""

    def __init__(
        self,
        train: Sequence[ClassImage],
        held_out: Sequence[ClassImage],
        classes: Sequence[str],
        options: SourceOptions,
        device: torch.device,
        on_progress: OnSourceProgress | None = None,
    ) -> None:
        self._options, self._device, self._on_progress = options, device, on_progress
        self._classes = tuple(classes)
        workers = options.num_workers if options.num_workers is not None else (8 if device.type == "cuda" else 0)
        size, batch = options.input_size, options.batch_size
        self._loader = source_loader(train, classes, size, batch, options.recipe.augmentation, workers)
        self._held_out = source_loader(held_out, classes, size, batch, num_workers=workers)
        self.network = Classifier(options.architecture, len(classes)).to(device)
        self.history: list[dict[str, float]] = []
        self._loss_sum = torch.zeros((), device=device)

    def __call__(self) -> None:
        """Trains to the end."""
        recipe = self._options.recipe
        optimizer = build_optimizer(self.network, recipe, warm=False)
        trainer = SupervisedTrainer(
            device=self._device,
            max_epochs=recipe.max_epochs,
            train_data_loader=self._loader,
            network=self.network,
            optimizer=optimizer,
            loss_function=nn.CrossEntropyLoss(label_smoothing=self._options.label_smoothing),
            prepare_batch=_prepare,
            decollate=False,
            non_blocking=True,
            optim_set_to_none=True,
            amp=self._device.type == "cuda",
        )
        attach_schedule(trainer, optimizer, recipe, len(self._loader) * recipe.max_epochs)
        attach_gradient_clip(trainer, self.network, GRADIENT_CLIP)
        trainer.add_event_handler(Events.EPOCH_STARTED, self._seed_epoch)
        trainer.add_event_handler(Events.ITERATION_COMPLETED, self._add_loss)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, self._after_epoch)
        self._report(None)
        trainer.run()

    def accuracy(self) -> float:
        """Top-1 share of the held-out images, 0 to 1."""
        evaluator = SupervisedEvaluator(
            device=self._device,
            val_data_loader=self._held_out,
            network=self.network,
            prepare_batch=_prepare,
            decollate=False,
            non_blocking=True,
        )
        right: list[torch.Tensor] = []

        @evaluator.on(Events.ITERATION_COMPLETED)
        def collect(engine: Engine) -> None:
            output = engine.state.output
            right.append(output["pred"].argmax(1) == output["label"])

        evaluator.run()
        return float(torch.cat(right).double().mean())

    def _seed_epoch(self, engine: Engine) -> None:
        self._loader.dataset.transform.set_random_state(seed=(self._options.seed + 7919 * engine.state.epoch) % 2**31)
        self._loss_sum.zero_()

    def _add_loss(self, engine: Engine) -> None:
        self._loss_sum += engine.state.output["loss"].detach()

    def _after_epoch(self, engine: Engine) -> None:
        loss = float(self._loss_sum) / engine.state.epoch_length
        if not math.isfinite(loss):
            raise InputError(f"The training diverged in epoch {engine.state.epoch}: lower the learning rate.")
        self.history.append({"epoch": engine.state.epoch, "loss": loss, "accuracy": self.accuracy()})
        self._report(self.history[-1])

    def _report(self, row: dict[str, float] | None) -> None:
        if self._on_progress is not None:
            start = {"epoch": 0, "loss": None, "accuracy": None}
            self._on_progress({**(row or start), "max_epochs": self._options.max_epochs})

    def card(self, data: str = "") -> SourceCard:
        """The card of the classifier's file; ``data`` is one sentence on the images."""
        size, share = self._options.input_size, 100 * self.history[-1]["accuracy"]
        learned, held_out = (len(loader.dataset) for loader in (self._loader, self._held_out))
        facts = (
            f"{learned} images of {len(self._classes)} classes, scaled into {size} x {size} pixels; "
            f"top-1 {share:.1f} % of {held_out} held-out images."
        )
        return SourceCard(
            architecture=self._options.architecture,
            normalization=NORMALIZATION,
            in_channels=3,
            num_classes=len(self._classes),
            class_names=self._classes,
            trained_on=f"{data} {facts}".strip(),
        )


def _prepare(batch: dict[str, Any], device: torch.device, non_blocking: bool, **_: Any) -> tuple[Any, Any]:
    """MONAI's ``prepare_batch``."""
    image = batch["image"].to(device, non_blocking=non_blocking, memory_format=torch.channels_last)
    return image, batch["label"].to(device, non_blocking=non_blocking)
