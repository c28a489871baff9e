"""The time that the parts of a training take, measured on a few batches of each."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from ignite.engine import Engine, Events

from monai_ext.networks import LandmarkNetwork
from monai_ext.networks.cross_task import Distiller

from .assembly import Assembly
from .calibrate import BATCH_SIZE, observe_images
from .dataset import LabelledImage, make_loader
from .distributed import process_rank
from .job import Job
from .resumable_loader import ResumableLoader
from .stop import StoppedError
from .validation import Validator

#: Batches of a timed pass, and more for each process that loads images: it has some ready when a pass begins.
BATCHES, BATCHES_PER_WORKER = 6, 4
#: Batches of training images that the timed steps go over again and again, so that caches are full.
CACHED_BATCHES = 3


class PassCost(NamedTuple):
    """Seconds that a pass over batches takes to begin, and seconds of each batch."""

    begin: float
    batch: float

    @classmethod
    def from_marks(cls, marks: Sequence[float]) -> PassCost:
        """From the clock before a pass and after each of its batches; the second half says what a batch takes."""
        batches = len(marks) - 1
        half = batches // 2
        batch = (marks[-1] - marks[half]) / (batches - half)
        return cls(max(0.0, marks[half] - marks[0] - half * batch), batch)

    def seconds(self, batches: int) -> float:
        """Of a whole pass."""
        return self.begin + batches * self.batch


class Costs(NamedTuple):
    """What a training takes: passes of training steps, and seconds of a validation and of the calibration."""

    training: PassCost
    validation: float
    calibration: float

    def seconds(self, epochs: int, epoch_steps: int, val_interval: int) -> float:
        """Of a whole training; the last epoch is validated too."""
        validations = -(-epochs // val_interval)
        return epochs * self.training.seconds(epoch_steps) + validations * self.validation + self.calibration


def training_loader(job: Job, images: Sequence[LabelledImage], epoch_steps: int | None) -> ResumableLoader:
    """A loader of training images as a run of the job has it."""
    return make_loader(
        images,
        job.protocol,
        training=True,
        batch_size=job.batch_size,
        num_workers=job.num_workers,
        seed=job.options.seed,
        epoch_steps=epoch_steps,
    )


class Timing:
    """Times a job's steps, validations and calibration; nothing of it stays in the network.

    Args:
        job: whose clock is read.
        pass_seconds: a pass that took longer ends after two batches; under ``torchrun`` all passes are whole.
    """

    def __init__(self, job: Job, pass_seconds: float) -> None:
        self._job = job
        self._processes = process_rank()[1]
        self._pass_seconds = pass_seconds if self._processes == 1 else math.inf
        self._batches = BATCHES + BATCHES_PER_WORKER * job.num_workers
        self._marks: list[float] = []
        self._stopped = False

    def costs(self, network: LandmarkNetwork, distiller: Distiller | None, *, warm: bool) -> Costs:
        """What the parts take, with copies of the network and its distiller.

        Raises:
            StoppedError: a stop was asked for meanwhile.
        """
        network, distiller = copy.deepcopy((network, distiller))
        training = self._training(network, distiller, warm=warm)
        network.eval()
        return Costs(training, self._validation(network), self._calibration(network))

    def _begin(self) -> None:
        self._marks = [self._job.clock()]

    def _mark(self) -> bool:
        """Notes the time when the device has finished a batch; returns whether the pass is to end."""
        if self._job.device.type == "cuda":
            torch.cuda.synchronize(self._job.device)
        self._marks.append(self._job.clock())
        self._stopped = self._stopped or (self._processes == 1 and self._job.stop())
        long = len(self._marks) > 2 and self._marks[-1] - self._marks[0] > self._pass_seconds
        return self._stopped or long

    def _cost(self) -> PassCost:
        if self._stopped:
            raise StoppedError
        return PassCost.from_marks(self._marks)

    def _training(self, network: LandmarkNetwork, distiller: Distiller | None, *, warm: bool) -> PassCost:
        """Of the second of two passes over the same few images; the first one fills caches."""
        job = self._job.with_length(2, self._batches)
        images = _spread(job.train_images, CACHED_BATCHES * job.batch_size * self._processes)
        loader = training_loader(job, images, self._batches)
        trainer = Assembly(job.protocol, network, distiller, loader, job.device, job.options, warm=warm).trainer
        trainer.add_event_handler(Events.EPOCH_STARTED, self._begin)

        @trainer.on(Events.ITERATION_COMPLETED)
        def note(engine: Engine) -> None:
            if not self._mark():
                return
            if self._stopped:
                engine.terminate()
            elif len(self._marks) <= self._batches:
                engine.terminate_epoch()

        trainer.run()
        return self._cost()

    def _validation(self, network: LandmarkNetwork) -> float:
        """Seconds of a whole validation, by the second of two passes over a part of the images."""
        job = self._job
        whole, images = self._part(job.batch_size)
        validate = Validator(job.protocol, images, job.device, job.num_workers, stop=self._mark)
        for _ in range(2):
            self._begin()
            with contextlib.suppress(StoppedError):  # of this pass
                validate(network)
            self._marks.pop()  # it asks once more at its end
        return self._cost().seconds(whole)

    def _calibration(self, network: LandmarkNetwork) -> float:
        """Seconds of the calibration, by a pass over a part of the images."""
        whole, images = self._part(min(BATCH_SIZE, self._job.batch_size))
        self._begin()
        for _ in observe_images(self._job, images, network, "px"):
            if self._mark():
                break
        return self._cost().seconds(whole)

    def _part(self, batch_size: int) -> tuple[int, list[LabelledImage]]:
        """Batches of this process's share of all validation images, and the images of a timed pass."""
        images = self._job.val_images
        whole = -(-len(images) // (batch_size * self._processes))
        return whole, _spread(images, min(self._batches, whole) * batch_size * self._processes)


def _spread(images: Sequence[LabelledImage], count: int) -> list[LabelledImage]:
    """So many of the images, or all, from all over the row."""
    step = max(1, len(images) // count)
    return list(images[::step][:count])
