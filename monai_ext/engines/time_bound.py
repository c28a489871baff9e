"""A training that ends within a number of minutes: its first steps are timed, and its length follows from them."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from ignite.engine import Engine, Events

from monai_ext.landmarks import InputError, Length
from monai_ext.networks import Distiller, LandmarkNetwork

from .assembly import Assembly
from .calibrate import BATCH_SIZE, observe_images
from .dataset import LabelledImage
from .distributed import gathered, process_rank
from .familiar import BATCH_SIZE as FAMILIAR_BATCH
from .familiar import feature_batches, views
from .job import Job
from .stop import StoppedError
from .validation import Validator

#: Share of the minutes that is kept for what is not timed: the first look at each image, saves, the model's file.
RESERVE = 0.05
#: Share of the minutes that each of the six timed passes may take; two batches of each are timed in any case.
PASS_SHARE = 0.02
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
        if batches == 0:
            return cls(0.0, 0.0)
        half = batches // 2
        batch = (marks[-1] - marks[half]) / (batches - half)
        return cls(max(0.0, marks[half] - marks[0] - half * batch), batch)

    def seconds(self, batches: int) -> float:
        """Of a whole pass."""
        return self.begin + batches * self.batch


class Costs(NamedTuple):
    """Costs of a training: passes of training steps, and seconds of a validation and of all that follows the last."""

    training: PassCost
    validation: float
    calibration: float

    def seconds(self, epochs: int, epoch_steps: int, val_interval: int) -> float:
        """Of a whole training; the last epoch is validated too."""
        validations = -(-epochs // val_interval)
        return epochs * self.training.seconds(epoch_steps) + validations * self.validation + self.calibration


def fit_length(costs: Costs, seconds: float, length: Length, val_interval: int) -> Length | None:
    """The longest training that ends in time and is no longer than requested.

    Epochs are whole; where one more would fit in part, all become shorter by as much, down to one step.

    Args:
        costs: as they were timed.
        seconds: that it may take.
        length: that was requested.
        val_interval: epochs between validations.

    Returns:
        None if not even one step fits.
    """
    whole = 0
    while whole < length.epochs and costs.seconds(whole + 1, length.epoch_steps, val_interval) <= seconds:
        whole += 1
    if whole == length.epochs:
        return length
    spare = seconds - costs.seconds(whole + 1, 0, val_interval)
    steps = math.floor(spare / (whole + 1) / max(costs.training.batch, 1e-9))
    if (whole + 1) * steps > whole * length.epoch_steps:
        return Length(whole + 1, steps)
    return Length(whole, length.epoch_steps) if whole else None


def within_minutes(
    job: Job, saved: dict[str, Any] | None, network: LandmarkNetwork, distiller: Distiller | None, *, warm: bool
) -> Job:
    """The job with the length that its minutes allow.

    The steps that are timed are made with copies and thrown away: the run that follows is the one that a person would
    get who asked for its length. Under ``torchrun`` all processes call this together and take the times of the first.

    Args:
        job: as it was requested, with minutes.
        saved: the state of an interrupted run, whose length is kept.
        network: on its device.
        distiller: as of :class:`~monai_ext.engines.run.Run`.
        warm: whether the network starts from trained weights.

    Raises:
        InputError: the minutes do not allow a single step.
        StoppedError: a stop was requested meanwhile.
    """
    minutes, recipe = job.options.minutes, job.protocol.recipe
    assert minutes is not None
    if saved is not None:
        return job.with_length(*saved["length"])
    costs = Timing(job, 60 * minutes * PASS_SHARE).costs(network, distiller, warm=warm)
    (costs, spent), *_ = gathered([(costs, job.clock() - job.begun)])
    steps = len(job.training_loader(job.train_images, job.options.epoch_steps))
    fitted = fit_length(
        costs, 60 * minutes * (1 - RESERVE) - spent, Length(recipe.max_epochs, steps), recipe.val_interval
    )
    if fitted is None:
        least = math.ceil(10 * (spent + costs.seconds(1, 1, recipe.val_interval)) / (1 - RESERVE) / 60) / 10
        raise InputError(
            f"{minutes:g} minutes are too few: a single step with one validation and the calibration takes "
            f"{least:g} minutes here; give more minutes, or fewer validation images."
        )
    return job.with_length(
        fitted.epochs, job.options.epoch_steps if fitted.epoch_steps == steps else fitted.epoch_steps
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
        """Times the parts, with copies of the network and its distiller.

        Raises:
            StoppedError: a stop was requested meanwhile.
        """
        network, distiller = copy.deepcopy((network, distiller))
        training = self._training(network, distiller, warm=warm)
        network.eval()
        return Costs(training, self._validation(network), self._calibration(network) + self._familiarity(network))

    def _begin(self) -> None:
        self._marks = [self._job.clock()]

    def _mark(self) -> bool:
        """Notes the time when the device has finished a batch; returns whether the pass is to end."""
        if self._job.device.type == "cuda":
            torch.cuda.synchronize(self._job.device)
        self._marks.append(self._job.clock())
        self._stopped = self._stopped or self._job.stop_in_share()
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
        loader = job.training_loader(images, self._batches)
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

    def _familiarity(self, network: LandmarkNetwork) -> float:
        """Seconds of the looks at training and validation images, by a pass over changed copies of some."""
        job = self._job
        passes = views(job.train_images, job.val_images)
        size = FAMILIAR_BATCH * self._processes
        whole = sum(-(-(len(images) * max(copies, 1)) // size) for _, images, copies in passes)
        images = _spread(job.train_images, self._batches * size)
        self._begin()
        for _ in feature_batches(network, job.protocol, images, 1, job.device, job.num_workers):
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
