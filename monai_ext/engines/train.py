"""Training from labelled images to a published model, on MONAI's trainer.

The same code runs in one process and, under ``torchrun``, in several.
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import torch
from monai.utils import set_determinism
from torch import nn

from monai_ext.landmarks import InputError, Protocol
from monai_ext.landmarks.errors import input_errors_unwrapped
from monai_ext.networks.device import find_device
from monai_ext.networks.model_store import ModelCard, find_model, load_network, publish, read_card
from monai_ext.networks.registry import build_network

from .dataset import LabelledImage, check_labels, split_images
from .distributed import local_rank, process_group, process_rank
from .initialisation import distilled, find_source, initialise
from .options import OnProgress, TrainOptions, TrainResult
from .resume import RunState, run_signature
from .run import Run
from .validation import ValidationError, validate_model

logger = logging.getLogger(__name__)


def train_model(
    protocol: Protocol,
    images: Sequence[LabelledImage],
    folder: Path,
    options: TrainOptions | None = None,
    *,
    pretrained: Path | None = None,
    on_progress: OnProgress | None = None,
    data: str = "",
) -> TrainResult:
    """Trains the protocol's network and publishes the best weights unless the current model is better.

    Args:
        protocol: the landmark task, its network and recipe.
        images: labelled images; those of split "test" are not touched.
        folder: the model folder that is published to.
        options: choices for this run.
        pretrained: a shipped model folder that is current while ``folder`` has none.
        on_progress: called with a progress dict when the run starts, about every second, and when it ends.
        data: one sentence for the card that says what the images are.

    Raises:
        InputError: too few labels, a label that does not fit, an image that cannot be read, a GPU that is not there.
    """
    options = options or TrainOptions()
    protocol = options.applied_to(protocol)
    train_images, val_images = split_images(images, protocol.recipe.val_fraction)
    check_labels(train_images + val_images, protocol)
    device = find_device(options.device, local_rank())
    with process_group(device), _deterministic(options.seed), input_errors_unwrapped():
        current = find_model(folder.name, folder.parent, *([pretrained.parent] if pretrained else []))
        replaced = None if current is None else read_card(current).version
        previous = None if current is None else _previous(current, protocol, val_images, device)
        warm = current is not None and options.warm_start and previous is not None
        source = find_source(protocol, folder.parent)
        network, parent = _start(protocol, current if warm else None)
        if parent is None:
            initialise(network, protocol, folder.parent, source)
        network = network.to(device)
        signature = run_signature(protocol, train_images + val_images, options.seed, options.epoch_steps)
        state = RunState(folder, signature)
        run = Run(
            protocol,
            train_images,
            val_images,
            network,
            device,
            options,
            distiller=distilled(network, protocol, source),
            warm=parent is not None,
            state=state,
            log_dir=folder / "runs",
            on_progress=on_progress if process_rank()[0] == 0 else None,
        )
        best = run()
        result = TrainResult(
            None, folder, "", best.value, best.unit, previous.value if previous else None, run.epochs, run.history
        )
        result = _publish(result, run, protocol, val_images, parent, previous, replaced, options, data)
        run.finish(result)
    return result


@contextlib.contextmanager
def _deterministic(seed: int) -> Iterator[None]:
    set_determinism(seed)
    try:
        yield
    finally:
        set_determinism(None)


def _previous(
    current: Path, protocol: Protocol, val_images: Sequence[LabelledImage], device: torch.device
) -> ValidationError | None:
    """The current model's error on the validation images; None where it answers another set of landmarks."""
    card = read_card(current)
    if card.protocol.landmark_names != protocol.landmark_names:
        logger.warning("The current model %s has other landmarks than the protocol; it is replaced.", current)
        return None
    return validate_model(current, val_images, device)


def _start(protocol: Protocol, current: Path | None) -> tuple[nn.Module, str | None]:
    """The network to train and the version that its weights come from."""
    if current is not None:
        network, card = load_network(current)
        if card.protocol.network == protocol.network and card.protocol.channels == protocol.channels:
            return network, card.version
        logger.warning("The current model %s has another network than the protocol; training starts anew.", current)
    return build_network(protocol), None


def _publish(
    result: TrainResult,
    run: Run,
    protocol: Protocol,
    val_images: Sequence[LabelledImage],
    parent: str | None,
    previous: ValidationError | None,
    replaced: str | None,
    options: TrainOptions,
    data: str,
) -> TrainResult:
    best = f"{result.val_error:.3f} {result.unit}"
    if not math.isfinite(result.val_error):
        raise InputError("The validation images have no defined landmark: label one of them completely.")
    if previous is not None and result.val_error > previous.value:
        reason = f"Not published: its validation error of {best} is above the current model's {previous.value:.3f}."
        return replace(result, reason=reason)
    card: ModelCard | None = None
    if process_rank()[0] == 0:
        card = publish(
            result.folder,
            run.best_state,
            {
                "protocol": protocol,
                "labels_used": run.labels_used,
                "val_images": tuple(image.id for image in val_images),
                "val_error": result.val_error,
                "unit": result.unit,
                "epochs": result.epochs,
                "seed": options.seed,
                "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
                "parent": parent,
                "data": data,
            },
            after=replaced,
            half_precision=options.half_precision,
        )
    if process_rank()[1] > 1:
        torch.distributed.barrier()
        card = card or read_card(result.folder)
    return replace(result, card=card, reason=f"Published with a validation error of {best}.")
