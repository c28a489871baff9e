"""The validation error of a network, and the weights of a run that are kept by it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from ignite.engine import Engine, Events
from monai.engines import SupervisedEvaluator
from torch import nn

from monai_ext.inferers import ImageBatch, read_output
from monai_ext.landmarks import Protocol
from monai_ext.models import load_network
from monai_ext.networks import LandmarkNetwork, is_finite
from monai_ext.transforms import to_original

from .dataset import LabelledImage
from .distributed import gathered
from .loader import make_loader
from .stop import Stop, StoppedError, never


class RadialErrorSummary(NamedTuple):
    """A mean radial error with its unit; infinite where no landmark is defined, or the network's values are not finite.

    ``coarse`` is that of the coarse stage of the same network, None if it has one stage.
    """

    value: float
    unit: Literal["px", "mm"]
    coarse: float | None = None


def training_batch(network: LandmarkNetwork) -> Callable[..., Any]:
    """MONAI's ``prepare_batch`` for training: with what the network takes in training beside the image."""

    def prepare(batch: dict[str, Any], device: torch.device, non_blocking: bool, **options: Any) -> Any:
        image, label = move_batch(batch, device, non_blocking, **options)
        return image, label, (), network.training_arguments(image, label["points"], label["status"])

    return prepare


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
        images: under ``torchrun`` each process takes its share.
        batch_size: None takes the recipe's.
        stop: asked after every batch.
    """

    def __init__(
        self,
        protocol: Protocol,
        images: Sequence[LabelledImage],
        device: torch.device,
        num_workers: int = 0,
        *,
        batch_size: int | None = None,
        stop: Stop = never,
    ) -> None:
        self._protocol, self._device, self._stop = protocol, device, stop
        batch_size = batch_size or protocol.recipe.batch_size
        self._loader = make_loader(images, protocol, training=False, batch_size=batch_size, num_workers=num_workers)

    @property
    def batches(self) -> int:
        """Of this process."""
        return len(self._loader)

    def __call__(self, network: nn.Module) -> RadialErrorSummary:
        """The mean radial error of all defined landmarks of all images; one number on every process.

        Raises:
            StoppedError: a stop was requested meanwhile.
        """
        evaluator = SupervisedEvaluator(
            device=self._device,
            val_data_loader=self._loader,
            network=network,
            prepare_batch=move_batch,
            decollate=False,
            non_blocking=True,
        )
        sums: list[_Sums] = []

        @evaluator.on(Events.ITERATION_COMPLETED)
        def collect(engine: Engine) -> None:
            label, output = engine.state.output["label"], engine.state.output["pred"]
            batch = ImageBatch(engine.state.output["image"], label["matrix"], label["size"])
            found = read_output(output, batch, self._protocol)
            # decoding makes a point even of maps that are not finite: a network that diverged has no error to compare
            points = torch.where(is_finite(output), found.points, math.inf)
            sums.append(_sums(points, found.coarse, label))
            if self._stop():
                engine.terminate()

        if len(self._loader):
            evaluator.run()
        if self._stop():
            raise StoppedError
        batches = gathered(sums)
        count = sum(batch.landmarks for batch in batches)
        if not count:
            return RadialErrorSummary(math.inf, "px")
        unit: Literal["px", "mm"] = "mm" if all(batch.calibrated for batch in batches) else "px"
        fine, coarse = (
            sum(torch.tensor(batch.millimetres if unit == "mm" else batch.pixels) for batch in batches) / count
        ).tolist()
        return RadialErrorSummary(fine, unit, None if math.isnan(coarse) else coarse)


class _Sums(NamedTuple):
    """Of one batch: summed errors of the answer and of the coarse stage (NaN where there is none), and their count."""

    pixels: list[float]
    millimetres: list[float]
    landmarks: int
    calibrated: bool


def _sums(points: torch.Tensor, coarse: torch.Tensor | None, label: dict[str, torch.Tensor]) -> _Sums:
    true = to_original(label["points"].double(), label["matrix"].double())
    both = torch.stack([points, torch.full_like(points, math.nan) if coarse is None else coarse])
    difference = both - true
    defined = label["status"] > 0
    lengths = label["pixel_length"][:, None]
    return _Sums(
        torch.linalg.vector_norm(difference, dim=-1)[:, defined].sum(1).tolist(),
        torch.linalg.vector_norm(difference * lengths, dim=-1)[:, defined].sum(1).tolist(),
        int(defined.sum()),
        bool(label["calibrated"].all()),
    )


def validate_model(
    folder: Path,
    images: Sequence[LabelledImage],
    device: torch.device,
    *,
    batch_size: int | None = None,
    stop: Stop = never,
) -> RadialErrorSummary:
    """The validation error of a published model, prepared and decoded by its own protocol.

    Args:
        folder: of the model.
        images: with labels.
        device: where the network runs.
        batch_size: None takes that of the model's recipe.
        stop: asked after every batch.

    Raises:
        InputError: the model is damaged.
        StoppedError: a stop was requested meanwhile.
    """
    network, card = load_network(folder)
    return Validator(card.protocol, images, device, batch_size=batch_size, stop=stop)(network.to(device))


class Selection:
    """Keeps the weights with the least validation error, or the last ones, and says when to stop early.

    Args:
        patience: validations without a gain before the run ends; 0 never ends it.
        keep: which weights.

    Attributes:
        history: one dict per validation.
        best: the error of the kept weights.
        weights: the kept weights, on the CPU; empty before the first validation.
    """

    def __init__(self, patience: int, keep: Literal["best", "last"]) -> None:
        self._patience, self._keep = patience, keep
        self._stale = 0
        self.history: list[dict[str, float]] = []
        self.best = RadialErrorSummary(math.inf, "px")
        self.weights: dict[str, torch.Tensor] = {}

    @property
    def exhausted(self) -> bool:
        """True when the run has gone on for long enough without a gain."""
        return bool(self._patience) and self._stale >= self._patience

    def add(self, entry: dict[str, float], error: RadialErrorSummary, network: nn.Module) -> None:
        """Takes a validation and, where it is the best, the weights."""
        self.history.append(entry)
        if error.value < self.best.value or not self.weights or self._keep == "last":
            self.best, self._stale = error, 0
            self.weights = {name: t.detach().cpu().clone() for name, t in network.state_dict().items()}
        else:
            self._stale += 1

    def state_dict(self) -> dict[str, Any]:
        """The state for :meth:`load_state_dict`."""
        best = tuple(self.best)
        return {"best_state": self.weights, "best": best, "history": self.history, "stale": self._stale}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Goes on from a saved state."""
        self.weights = {name: tensor.cpu() for name, tensor in saved["best_state"].items()}
        self.best = RadialErrorSummary(*saved["best"])
        self.history, self._stale = saved["history"], saved["stale"]
