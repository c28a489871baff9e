"""One training run: trainer, schedule, validation, best weights, early stop and resumption wired together."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines import SupervisedTrainer
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from monai_ext.landmarks import Protocol
from monai_ext.losses import build_training_loss
from monai_ext.losses.cross_task_loss import CrossTaskLoss, build_cross_task_loss
from monai_ext.networks.cross_task import Distiller

from .dataset import LabelledImage, make_loader
from .distributed import process_rank, replicated, share_from_first
from .optimisation import attach_average, attach_gradient_clip, attach_schedule, build_optimizer
from .options import OnProgress, TrainOptions, TrainResult
from .resume import RunState
from .validation import ValidationError, Validator, training_batch

#: Seconds between two progress reports within an epoch.
REPORT_INTERVAL = 1.0


class Run:
    """Trains one network once; call it, then read ``best_state``.

    Args:
        protocol: the task with the recipe of this run.
        train_images, val_images: the two sides of the split.
        network: on its device; trained in place.
        distiller: the same network beside its source classifier, where the recipe has one.
        device: of the network.
        options: seed, workers, mixed precision.
        warm: whether the network starts from trained weights.
        state: where the run is saved and taken up again.
        log_dir: TensorBoard events.
        on_progress: receives progress dicts; None on all processes but the first.
    """

    def __init__(
        self,
        protocol: Protocol,
        train_images: Sequence[LabelledImage],
        val_images: Sequence[LabelledImage],
        network: nn.Module,
        device: torch.device,
        options: TrainOptions,
        *,
        distiller: Distiller | None = None,
        warm: bool,
        state: RunState,
        log_dir: Path,
        on_progress: OnProgress | None,
    ) -> None:
        self._options, self._recipe, self._device = options, protocol.recipe, device
        self._state, self._on_progress, self._log_dir = state, on_progress, log_dir
        self._first = process_rank()[0] == 0
        workers = options.num_workers
        if workers is None:
            workers = 0 if device.type == "cpu" else min(8, (torch.get_num_threads() + 1) // 2)
        self._loader = make_loader(
            train_images,
            protocol,
            training=True,
            batch_size=protocol.recipe.batch_size,
            num_workers=workers,
            seed=options.seed,
            epoch_steps=options.epoch_steps,
        )
        self._validate = Validator(protocol, val_images, device, workers)
        self._network = network.to(memory_format=torch.channels_last)
        self._distiller = distiller
        self._trained = network if distiller is None else distiller.to(device)
        self._trainer = self._build_trainer(protocol, warm)
        self.labels_used = len(train_images) + len(val_images)
        self.history: list[dict[str, float]] = []
        self.best_state: dict[str, torch.Tensor] = {}
        self._best = ValidationError(math.inf, "px")
        self._last_error: float | None = None
        self._stale = 0
        self._loss = math.nan
        self._loss_sum = torch.zeros((), device=device)
        self._saved_at = self._reported_at = time.monotonic()

    def _build_trainer(self, protocol: Protocol, warm: bool) -> SupervisedTrainer:
        recipe, options = protocol.recipe, self._options
        steps = max(1, len(self._loader) * recipe.max_epochs)
        self._optimizer = build_optimizer(self._trained, recipe, warm=warm)
        self._loss_function: nn.Module = build_training_loss(protocol)
        if recipe.cross_task is not None:
            self._loss_function = build_cross_task_loss(recipe.cross_task, self._loss_function)
        loss = self._loss_function.to(self._device)
        trainer = SupervisedTrainer(
            device=self._device,
            max_epochs=recipe.max_epochs,
            train_data_loader=self._loader,
            network=replicated(self._trained, self._device),
            optimizer=self._optimizer,
            loss_function=lambda output, label: loss(output, label["points"], label["status"]),
            prepare_batch=training_batch(self._trained),
            decollate=False,
            non_blocking=True,
            optim_set_to_none=True,
            amp=options.amp and self._device.type == "cuda",
        )
        attach_schedule(trainer, self._optimizer, recipe, steps)
        if recipe.gradient_clip is not None:
            attach_gradient_clip(trainer, self._trained, recipe.gradient_clip)
        self._average = attach_average(trainer, self._network, recipe.ema_decay)
        trainer.add_event_handler(Events.EPOCH_STARTED, self._seed_epoch)
        trainer.add_event_handler(Events.ITERATION_COMPLETED, self._after_step)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, self._after_epoch)
        return trainer

    @property
    def epochs(self) -> int:
        """Epochs that ran, those before an interruption included."""
        return int(self._trainer.state.epoch)

    def __call__(self) -> ValidationError:
        """Trains to the end; returns the error of the best weights."""
        self._writer = SummaryWriter(str(self._log_dir)) if self._first else None
        if self._options.resume:
            self._take_up(self._state.load(self._device))
        self._report("running")
        if self.epochs < self._recipe.max_epochs:
            self._trainer.run()
        if self._writer:
            self._writer.close()
        return self._best

    def finish(self, result: TrainResult) -> None:
        """Reports the end and removes the saved state."""
        if self._first:
            self._state.clear()
        self._report("done", model_version=result.card.version if result.card else None, message=result.reason)

    def _seed_epoch(self, engine: Engine) -> None:
        """Makes every epoch a function of (seed, epoch), so that a resumed run repeats an unbroken one."""
        seed = (self._options.seed * 100_003 + engine.state.epoch) % 2**31
        torch.manual_seed(seed)
        self._loader.dataset.transform.set_random_state(seed=(seed * 7919 + process_rank()[0]) % 2**31)
        self._loss_sum.zero_()
        if self._is_validated(engine.state.epoch) and self._distiller is not None:
            self._measure_gradients(self._distiller)

    def _is_validated(self, epoch: int) -> bool:
        return epoch == self._recipe.max_epochs or epoch % self._recipe.val_interval == 0

    def _measure_gradients(self, distiller: Distiller) -> None:
        """Asks the loss of the next step how strongly its parts pull at the encoder."""
        loss, learning = self._loss_function, distiller.encoder_parameters()
        if isinstance(loss, CrossTaskLoss) and distiller.source is not None and learning:
            scaler = self._trainer.scaler
            loss.measure_next(learning, 1.0 if scaler is None else scaler.get_scale())

    def _after_step(self, engine: Engine) -> None:
        self._loss_sum += engine.state.output["loss"].detach()
        if time.monotonic() - self._reported_at >= REPORT_INTERVAL:
            self._report("running")

    def _after_epoch(self, engine: Engine) -> None:
        epoch = engine.state.epoch
        self._loss = float(self._loss_sum) / engine.state.epoch_length
        if self._writer:
            self._writer.add_scalar("loss/train", self._loss, epoch)
            self._writer.add_scalar("learning_rate", self._optimizer.param_groups[0]["lr"], epoch)
        if self._is_validated(epoch):
            share_from_first(self._average)
            self._after_validation(engine, epoch, self._validate(self._average))
            due = time.monotonic() - self._saved_at >= self._options.checkpoint_seconds
            if self._first and (due or epoch == self._recipe.max_epochs):
                self._save(epoch)
        self._report("running")

    def _after_validation(self, engine: Engine, epoch: int, error: ValidationError) -> None:
        self._last_error = error.value
        entry = {"epoch": epoch, "loss": self._loss, "val_error": error.value}
        if error.coarse is not None:
            entry["val_error_coarse"] = error.coarse
        if isinstance(self._loss_function, CrossTaskLoss) and self._loss_function.gradients is not None:
            entry["gradient_ratio"] = float(self._loss_function.gradients.ratio)
        self.history.append(entry)
        if self._writer:
            for name, value in entry.items():
                if name not in ("epoch", "loss"):
                    self._writer.add_scalar(_tag(name, error.unit), value, epoch)
        if error.value < self._best.value or not self.best_state or self._options.keep == "last":
            self._best, self._stale = error, 0
            self.best_state = {name: t.detach().cpu().clone() for name, t in self._average.state_dict().items()}
        else:
            self._stale += 1
            if self._recipe.patience and self._stale >= self._recipe.patience:
                engine.terminate()

    def _save(self, epoch: int) -> None:
        scaler = self._trainer.scaler
        self._state.save(
            {
                "epoch": epoch,
                "network": self._learned(),
                "average": self._average.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "scaler": scaler.state_dict() if scaler is not None else None,
                "best_state": self.best_state,
                "best": tuple(self._best),
                "history": self.history,
                "stale": self._stale,
            }
        )
        self._saved_at = time.monotonic()

    def _learned(self) -> dict[str, torch.Tensor]:
        """The state of what is trained, without a source, which never changes."""
        frozen = "source." if self._distiller is not None else None
        state = self._trained.state_dict()
        return {name: value for name, value in state.items() if frozen is None or not name.startswith(frozen)}

    def _take_up(self, saved: dict[str, Any] | None) -> None:
        if saved is None:
            return
        self._trained.load_state_dict({**self._trained.state_dict(), **saved["network"]})
        self._average.load_state_dict(saved["average"])
        self._optimizer.load_state_dict(saved["optimizer"])
        self.best_state = {name: tensor.cpu() for name, tensor in saved["best_state"].items()}
        self._best = ValidationError(*saved["best"])
        self.history, self._stale = saved["history"], saved["stale"]
        self._last_error = self.history[-1]["val_error"]
        self._loss = self.history[-1]["loss"]
        self._trainer.state.epoch = saved["epoch"]
        self._trainer.state.iteration = saved["epoch"] * len(self._loader)

    def _report(self, status: str, **extra: Any) -> None:
        self._reported_at = time.monotonic()
        if self._on_progress is None:
            return
        finite = {"loss": self._loss, "val_error": self._last_error, "best": self._best.value}
        if self.history and "val_error_coarse" in self.history[-1]:
            finite["val_error_coarse"] = self.history[-1]["val_error_coarse"]
        self._on_progress(
            {
                "status": status,
                "epoch": self.epochs,
                "max_epochs": self._recipe.max_epochs,
                **{k: v if v is not None and math.isfinite(v) else None for k, v in finite.items()},
                "unit": self._best.unit,
                "model_version": None,
                "labels_used": self.labels_used,
                **extra,
            }
        )


def _tag(name: str, unit: str) -> str:
    """The name of a history entry in TensorBoard, where errors carry their unit."""
    if name.startswith("val_error"):
        return f"val/{name.replace('val_error', 'mean_radial_error')}_{unit}"
    return f"val/{name}"
