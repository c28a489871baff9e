"""The validation error of a network: mean radial error in original pixels or millimetres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from ignite.engine import Engine, Events
from monai.engines import SupervisedEvaluator
from torch import nn

from monai_ext.inferers.decode_output import decode_output
from monai_ext.landmarks import Protocol
from monai_ext.networks.model_store import load_network
from monai_ext.transforms.affine import to_original

from .dataset import LabelledImage, make_loader
from .distributed import gathered


class ValidationError(NamedTuple):
    """A mean radial error with its unit; infinite where no landmark of the images is defined."""

    value: float
    unit: Literal["px", "mm"]


def move_batch(batch: dict[str, Any], device: torch.device, non_blocking: bool, **_: Any) -> tuple[Any, Any]:
    """MONAI's ``prepare_batch``: the image, and the rest of the batch as its label."""
    moved = {
        name: value.to(device, non_blocking=non_blocking) if isinstance(value, torch.Tensor) else value
        for name, value in batch.items()
    }
    image = moved.pop("image")
    return image.contiguous(memory_format=torch.channels_last), moved


class Validator:
    """Runs a network over fixed validation images.

    The error counts the likeliest place of every landmark that is truly defined, also where the network calls it
    missing, so that a network cannot lower its error by calling things missing.

    Args:
        protocol: says how images are prepared and outputs decoded.
        images: the validation images; under ``torchrun`` each process takes its share.
        device: where the network runs.
        num_workers: processes that load images.
    """

    def __init__(
        self, protocol: Protocol, images: Sequence[LabelledImage], device: torch.device, num_workers: int = 0
    ) -> None:
        self._protocol = protocol
        self._device = device
        self._loader = make_loader(
            images, protocol, training=False, batch_size=protocol.recipe.batch_size, num_workers=num_workers
        )

    def __call__(self, network: nn.Module) -> ValidationError:
        """The mean radial error of all defined landmarks of all images; one number on every process."""
        evaluator = SupervisedEvaluator(
            device=self._device,
            val_data_loader=self._loader,
            network=network,
            prepare_batch=move_batch,
            decollate=False,
            non_blocking=True,
        )
        errors: list[tuple[float, float, int, bool]] = []

        @evaluator.on(Events.ITERATION_COMPLETED)
        def collect(engine: Engine) -> None:
            label = engine.state.output["label"]
            output = engine.state.output["pred"]
            predicted = decode_output(output, label["matrix"], label["size"], self._protocol).points
            true = to_original(label["points"].double(), label["matrix"].double())
            defined = label["status"] > 0
            difference = predicted - true
            in_pixels = torch.linalg.vector_norm(difference, dim=-1)
            in_units = torch.linalg.vector_norm(difference * label["pixel_length"][:, None], dim=-1)
            errors.append(
                (
                    float(in_pixels[defined].sum()),
                    float(in_units[defined].sum()),
                    int(defined.sum()),
                    bool(label["calibrated"].all()),
                )
            )

        if len(self._loader):
            evaluator.run()
        batches = gathered(errors)
        count = sum(batch[2] for batch in batches)
        unit: Literal["px", "mm"] = "mm" if all(batch[3] for batch in batches) else "px"
        total = sum(batch[1 if unit == "mm" else 0] for batch in batches)
        return ValidationError(total / count if count else math.inf, unit)


def validate_model(folder: Path, images: Sequence[LabelledImage], device: torch.device) -> ValidationError:
    """The validation error of a published model, prepared and decoded by its own protocol.

    Raises:
        InputError: the model is damaged.
    """
    network, card = load_network(folder)
    return Validator(card.protocol, images, device)(network.to(device))
