"""MONAI's trainer with optimiser, schedule, loss and moving average, and the state of all that changes in it."""

from __future__ import annotations

from typing import Any

import torch
from monai.engines import SupervisedTrainer

from monai_ext.landmarks import Protocol
from monai_ext.losses import GradientRatio, build_training_loss
from monai_ext.networks import Distiller, LandmarkNetwork

from .distributed import replicated
from .loader import ResumableLoader
from .optimisation import attach_average, attach_gradient_clip, attach_schedule, build_optimizer
from .options import TrainOptions
from .validation import training_batch


class Assembly:
    """MONAI's trainer of a run with all that it works on.

    Args:
        network: on its device.
        distiller: the same network beside its source classifier, where the recipe has one.
        warm: whether the network starts from trained weights.

    Attributes:
        trainer: MONAI's; its state says where the run is.
        average: the network to validate and publish.
    """

    def __init__(
        self,
        protocol: Protocol,
        network: LandmarkNetwork,
        distiller: Distiller | None,
        loader: ResumableLoader,
        device: torch.device,
        options: TrainOptions,
        *,
        warm: bool,
    ) -> None:
        recipe = protocol.recipe
        network = network.to(memory_format=torch.channels_last)
        self._distiller = distiller
        self._trained: LandmarkNetwork = network if distiller is None else distiller.to(device)
        self._optimizer = build_optimizer(self._trained, recipe, warm=warm, pretrained=protocol.has_pretrained_encoder)
        self._loss = loss = build_training_loss(protocol).to(device)
        self.trainer = SupervisedTrainer(
            device=device,
            max_epochs=recipe.max_epochs,
            train_data_loader=loader,
            network=replicated(self._trained, device),
            optimizer=self._optimizer,
            loss_function=lambda output, label: loss(output, label["points"], label["status"]),
            prepare_batch=training_batch(self._trained),
            decollate=False,
            non_blocking=True,
            optim_set_to_none=True,
            amp=options.amp and device.type == "cuda",
        )
        attach_schedule(self.trainer, self._optimizer, recipe, max(1, len(loader) * recipe.max_epochs))
        if recipe.gradient_clip is not None:
            attach_gradient_clip(self.trainer, self._trained, recipe.gradient_clip)
        self.average = attach_average(self.trainer, network, recipe.ema_decay)

    @property
    def learning_rate(self) -> float:
        """Of the last step."""
        return float(self._optimizer.param_groups[0]["lr"])

    @property
    def gradient_ratio(self) -> float | None:
        """The gradient ratio of the source's loss at the encoder when it was last measured; None without a source."""
        gradients = self._loss.gradients
        return None if gradients is None else float(gradients.ratio)

    def measure_gradients(self) -> None:
        """Asks the loss of the next step how strongly its parts pull at the encoder, where there is a source."""
        if self._distiller is None or self._distiller.source is None:
            return
        learning = self._distiller.encoder_parameters()
        if learning:
            scaler = self.trainer.scaler
            self._loss.measure_next(learning, 1.0 if scaler is None else scaler.get_scale())

    def state_dict(self) -> dict[str, Any]:
        """The state for :meth:`load_state_dict`: all that changes, without a source, which never does."""
        scaler, gradients = self.trainer.scaler, self._loss.gradients
        frozen = "source." if self._distiller is not None else None
        network = self._trained.state_dict()
        return {
            "network": {n: value for n, value in network.items() if frozen is None or not n.startswith(frozen)},
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": scaler.state_dict() if scaler is not None else None,
            "gradients": None if gradients is None else tuple(gradients),
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Goes on from a saved state."""
        self._trained.load_state_dict({**self._trained.state_dict(), **saved["network"]})
        self.average.load_state_dict(saved["average"])
        self._optimizer.load_state_dict(saved["optimizer"])
        if self.trainer.scaler is not None and saved["scaler"] is not None:
            self.trainer.scaler.load_state_dict(saved["scaler"])
        if saved.get("gradients") is not None:
            self._loss.gradients = GradientRatio(*saved["gradients"])
