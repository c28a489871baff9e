"""One training run: epochs, validation, best weights, early stop, pauses and resumption wired together."""

from __future__ import annotations

import copy
import math
import time
from typing import Any

import torch
from ignite.engine import Engine, Events
from torch import nn

from monai_ext.models import stored_weights
from monai_ext.networks import Distiller, LandmarkNetwork

from .assembly import Assembly
from .distributed import any_process, process_rank, share_from_first
from .job import Job, Start, random_state, set_random_state
from .progress import Pace, Reports
from .stop import StoppedError
from .validation import RadialErrorSummary, Selection, Validator

#: Steps between two questions of several processes whether one of them should stop; they wait for one another then.
STEPS_TOGETHER = 8


class Run:
    """Trains one network once; call it, then read what was selected.

    Args:
        job: what is trained, on what, with which options.
        network: on the job's device; trained in place.
        distiller: the same network beside its source classifier, where the recipe has one.
        start: what the network begins with.

    Attributes:
        stopped: whether a stop was requested before the run was complete; it is saved then.
        labels_used: images of both sides of the split.
        selection: the validations so far, and the weights to publish.
    """

    def __init__(self, job: Job, network: LandmarkNetwork, distiller: Distiller | None, start: Start) -> None:
        options, recipe, device = job.options, job.protocol.recipe, job.device
        self._job, self._recipe, self._device, self._start = job, recipe, device, start
        self._first = process_rank()[0] == 0
        self._loader = job.training_loader(job.train_images, options.epoch_steps)
        self._validate = Validator(job.protocol, job.val_images, device, job.num_workers, stop=job.stop_in_share)
        self._parts = Assembly(job.protocol, network, distiller, self._loader, device, options, warm=start.warm)
        self._trainer = self._parts.trainer
        self._trainer.add_event_handler(Events.EPOCH_STARTED, self._seed_epoch)
        self._trainer.add_event_handler(Events.ITERATION_COMPLETED, self._after_step)
        self._trainer.add_event_handler(Events.EPOCH_COMPLETED, self._after_epoch)
        self.selection = Selection(recipe.patience, options.keep)
        self.labels_used = len(job.train_images) + len(job.val_images)
        self._pace = Pace(job.clock, job.begun)
        self._complete = 0
        constant: dict[str, Any] = {
            "max_epochs": recipe.max_epochs,
            "max_steps": len(self._loader) * recipe.max_epochs,
            "labels_used": self.labels_used,
            "train_images": len(job.train_images),
            "val_images": len(job.val_images),
            "batch_size": recipe.batch_size,
            "device": str(device),
        }
        constant |= {"warning": job.warning} if job.warning else {}
        self._reports = Reports(job.on_progress, job.folder / "runs" if self._first else None, constant)
        self.stopped = False
        self._loss = math.nan
        self._loss_sum = torch.zeros((), device=device)
        self._saved_at = time.monotonic()

    @property
    def epochs(self) -> int:
        """Epochs that ran, those before an interruption and the one that runs included."""
        return int(self._trainer.state.epoch)

    @property
    def steps(self) -> int:
        """Steps that ran."""
        return int(self._trainer.state.iteration)

    def __call__(self, saved: dict[str, Any] | None = None) -> RadialErrorSummary:
        """Trains to the end or until a stop; returns the error of the best weights.

        Args:
            saved: the state of an interrupted run, to go on from.
        """
        self._reports.open()
        if saved is not None:
            self._resume(saved)
        if self._job.stop():
            self.stopped = True  # what was saved stays
        self.report("running")
        if not (self.stopped or self.selection.exhausted or self.epochs >= self._recipe.max_epochs):
            self._trainer.run()
        self._reports.close()
        return self.selection.best

    def report(self, status: str, **extra: Any) -> None:
        """Reports the state of the run: a progress dict as of :data:`~monai_ext.engines.options.OnProgress`.

        It has ``step`` of ``max_steps``, ``complete_epochs`` (validated where that is due), ``val_epoch`` (that of
        ``val_error``), ``seconds`` since the training was requested, ``seconds_left`` (None until the first steps are
        timed), and what the run is made of: ``train_images``, ``val_images``, ``batch_size`` and ``device``.
        """
        place = {
            "step": self.steps,
            "complete_epochs": self._complete,
            "val_epoch": self.selection.history[-1]["epoch"] if self.selection.history else None,
            "seconds": round(self._pace.seconds, 1),
            "seconds_left": 0.0 if status == "done" else self._seconds_left(),
        }
        self._reports.send(status, self.epochs, self._loss, self.selection, **place, **extra)

    def _seconds_left(self) -> float | None:
        """Of steps, validations and the calibration, which looks at the validation images once more."""
        last, interval, done = self._recipe.max_epochs, self._recipe.val_interval, self._complete
        validations = 0 if done == last else -(-last // interval) - done // interval
        steps = len(self._loader) * last - self.steps
        left = self._pace.seconds_left(steps, validations + 1, self._validate.batches)
        return None if left is None else round(left, 1)

    def report_calibration(self, images: int) -> None:
        """Reports the number of images that the calibration has seen, if a report is due."""
        if self._reports.due:
            self.report("running", message=f"Calibrating the answers: {images} images so far.")

    def _seed_epoch(self, engine: Engine) -> None:
        """Makes every epoch a function of (seed, epoch), so that a resumed run repeats an unbroken one."""
        seed = (self._job.options.seed * 100_003 + engine.state.epoch) % 2**31
        torch.manual_seed(seed)
        self._loader.dataset.transform.set_random_state(seed=(seed * 7919 + process_rank()[0]) % 2**31)
        if engine.state.iteration % len(self._loader) == 0:  # else an epoch is taken up in its middle
            self._loss_sum.zero_()
            if self._is_validated(engine.state.epoch):
                self._parts.measure_gradients()

    def _is_validated(self, epoch: int) -> bool:
        return epoch == self._recipe.max_epochs or epoch % self._recipe.val_interval == 0

    def _after_step(self, engine: Engine) -> None:
        self._pace.add_step()
        self._loss_sum += engine.state.output["loss"].detach()
        if self._reports.due:
            self.report("running")
        alone = process_rank()[1] == 1
        if (alone or engine.state.iteration % STEPS_TOGETHER == 0) and any_process(self._job.stop(), self._device):
            self._pause()

    def _pause(self) -> None:
        """Saves the run where it is, and ends it."""
        self.stopped = True
        self._trainer.terminate()
        if self._first:
            done = self.epochs - 1
            self._save(done, self._trainer.state.iteration - done * len(self._loader))

    def _after_epoch(self, engine: Engine) -> None:
        try:
            self._complete_epoch(engine.state.epoch)
        except StoppedError:
            self._pause()

    def _complete_epoch(self, epoch: int) -> None:
        """Validates, reports and saves after the last step of an epoch."""
        self._loss = float(self._loss_sum) / len(self._loader)
        if self._is_validated(epoch):
            share_from_first(self._parts.average)
            with self._pace.validating():
                error = self._validate(self._as_published())
            self._add_validation(epoch, error)
        self._complete = epoch
        self._reports.log_epoch(epoch, self._loss, self._parts.learning_rate)
        ended = epoch == self._recipe.max_epochs or self.selection.exhausted
        due = time.monotonic() - self._saved_at >= self._job.options.checkpoint_seconds
        if self._first and (due or ended):
            self._save(epoch)
        self.report("running")
        if self.selection.exhausted:
            self._trainer.terminate()

    def _as_published(self) -> nn.Module:
        """The network to validate, with its weights rounded where they are to be stored in half precision."""
        if not self._job.options.half_precision:
            return self._parts.average
        network = copy.deepcopy(self._parts.average)
        network.load_state_dict(stored_weights(network.state_dict(), half_precision=True))
        return network

    def _add_validation(self, epoch: int, error: RadialErrorSummary) -> None:
        entry = {"epoch": epoch, "loss": self._loss, "val_error": error.value}
        if error.coarse is not None:
            entry["val_error_coarse"] = error.coarse
        if self._parts.gradient_ratio is not None:
            entry["gradient_ratio"] = self._parts.gradient_ratio
        if self._job.warning:
            entry["batch_size"] = self._recipe.batch_size
        self.selection.add(entry, error, self._parts.average)
        self._reports.log_validation(entry, error.unit)

    def _save(self, epoch: int, steps: int = 0) -> None:
        """Saves the run after so many complete epochs and so many steps of the next one."""
        place: dict[str, Any] = {"epoch": epoch, "steps": steps, "batch_size": self._recipe.batch_size}
        place |= {"length": (self._recipe.max_epochs, self._job.options.epoch_steps), "of_steps": len(self._loader)}
        place |= self._start._asdict()
        sums = {"loss": self._loss, "loss_sum": self._loss_sum, "random": random_state(self._device)}
        self._job.state.save({**place, **sums, **self._parts.state_dict(), **self.selection.state_dict()})
        self._saved_at = time.monotonic()

    def _resume(self, saved: dict[str, Any]) -> None:
        """Resumes from a saved state, also one of larger batches.

        Where an epoch is a pass, the images that were used are not used again; epochs of so many steps keep them.
        """
        self._parts.load_state_dict(saved)
        self.selection.load_state_dict(saved)
        self._loss, self._complete = saved["loss"], saved["epoch"]
        length, at = len(self._loader), self._trainer.state
        now, before = saved["batch_size"], self._recipe.batch_size
        if "of_steps" in saved:
            now, before = length, saved["of_steps"]
        self._loss_sum.copy_(saved["loss_sum"] * (now / before))
        steps = min(length, saved["steps"] * now // before)
        at.epoch, at.iteration = saved["epoch"], saved["epoch"] * length + steps
        if steps == length:  # it stopped before its validation was complete
            at.epoch += 1
            self._after_epoch(self._trainer)
        elif steps:
            state = saved["random"]
            self._loader.skip(steps, lambda: set_random_state(state, self._device))
