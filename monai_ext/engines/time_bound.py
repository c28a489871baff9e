"""A training that ends within a number of minutes: its first steps are timed, and its length follows from them."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from ignite.engine import Engine, Events
from torch import nn

from monai_ext.landmarks import InputError
from monai_ext.networks.cross_task import Distiller

from .assembly import Assembly
from .calibrate import BATCH_SIZE, observe_images
from .dataset import LabelledImage, make_loader
from .distributed import gathered, process_rank
from .job import Job, Length
from .stop import StoppedError
from .validation import Validator

#: Share of the minutes that is kept for what is not timed: the first look at each image, saves, the model's file.
RESERVE = 0.05
#: Batches that are timed, and more for each process that loads images: it has some ready when a pass begins.
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


def fit_length(costs: Costs, seconds: float, length: Length, val_interval: int) -> Length | None:
    """The longest training that ends in time and is no longer than was asked for.

    Epochs are whole; where one more would fit in part, all become shorter by as much, down to one step.

    Args:
        costs: as they were timed.
        seconds: that it may take.
        length: that was asked for.
        val_interval: epochs between validations.

    Returns:
        None where not even one step fits.
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
    job: Job, saved: dict[str, Any] | None, network: nn.Module, distiller: Distiller | None, *, warm: bool
) -> Job:
    """The job with the length that its minutes allow; the same job where it has no minutes.

    The steps that are timed are made with copies and thrown away: the run that follows is the one that a person would
    get who asked for its length. Under ``torchrun`` all processes call this together and take the times of the first.

    Args:
        job: as it was asked for.
        saved: the state of an interrupted run, whose length is kept.
        network: on its device.
        distiller: as of :class:`~monai_ext.engines.run.Run`.
        warm: whether the network starts from trained weights.

    Raises:
        InputError: the minutes do not allow a single step.
        StoppedError: a stop was asked for meanwhile.
    """
    minutes, recipe = job.options.minutes, job.protocol.recipe
    if minutes is None:
        return job
    if saved is not None:
        return job.with_length(*saved["length"])
    (costs, spent), *_ = gathered([(_timed(job, network, distiller, warm=warm), job.clock() - job.begun)])
    steps = len(_loader(job, job.train_images, job.options.epoch_steps))
    fitted = fit_length(
        costs, 60 * minutes * (1 - RESERVE) - spent, Length(recipe.max_epochs, steps), recipe.val_interval
    )
    if fitted is None:
        least = (spent + costs.seconds(1, 1, recipe.val_interval)) / (1 - RESERVE) / 60
        raise InputError(
            f"{minutes:g} minutes are too short: a single step with one validation and the calibration takes "
            f"{least:.1f} minutes here; give more minutes, or fewer validation images."
        )
    return job.with_length(
        fitted.epochs, job.options.epoch_steps if fitted.epoch_steps == steps else fitted.epoch_steps
    )


def _loader(job: Job, images: Sequence[LabelledImage], epoch_steps: int | None) -> torch.utils.data.DataLoader:
    return make_loader(
        images,
        job.protocol,
        training=True,
        batch_size=job.batch_size,
        num_workers=job.num_workers,
        epoch_steps=epoch_steps,
    )


def _timed(job: Job, network: nn.Module, distiller: Distiller | None, *, warm: bool) -> Costs:
    """Trains, validates and calibrates copies for a few batches each."""
    processes = process_rank()[1]
    batches = BATCHES + BATCHES_PER_WORKER * job.num_workers
    network, distiller = copy.deepcopy((network, distiller))
    marks: list[float] = []

    def mark() -> bool:
        """Notes the time when the device has come to its end; says whether to stop, which only one process may."""
        if job.device.type == "cuda":
            torch.cuda.synchronize(job.device)
        marks.append(job.clock())
        return processes == 1 and job.stop()

    training = _time_training(job, network, distiller, marks, mark, batches, warm=warm)

    share = -(-len(job.val_images) // processes)
    whole = -(-share // job.batch_size)
    some = _spread(job.val_images, min(batches, whole) * job.batch_size * processes)
    network.eval()
    validate = Validator(job.protocol, some, job.device, job.num_workers, stop=mark)
    for _ in range(2):  # the first time fills caches
        marks[:] = [job.clock()]
        validate(network)
    validation = PassCost.from_marks(marks[:-1]).seconds(whole)  # it looks once more at the end

    size = min(BATCH_SIZE, job.batch_size)
    whole = -(-share // size)
    some = _spread(job.val_images, min(batches, whole) * size * processes)
    marks[:] = [job.clock()]
    for _ in observe_images(job, some, network, "px"):
        if mark():
            raise StoppedError
    return Costs(training, validation, PassCost.from_marks(marks).seconds(whole))


def _time_training(
    job: Job,
    network: nn.Module,
    distiller: Distiller | None,
    marks: list[float],
    mark: Callable[[], bool],
    batches: int,
    *,
    warm: bool,
) -> PassCost:
    """Trains for two passes over the same few images and times the second."""
    some = _spread(job.train_images, CACHED_BATCHES * job.batch_size * process_rank()[1])
    twice = job.with_length(2, batches)
    parts = Assembly(
        twice.protocol, network, distiller, _loader(job, some, batches), job.device, job.options, warm=warm
    )

    @parts.trainer.on(Events.EPOCH_STARTED)
    def begin(engine: Engine) -> None:
        marks[:] = [job.clock()]

    @parts.trainer.on(Events.ITERATION_COMPLETED)
    def note(engine: Engine) -> None:
        if mark():
            engine.terminate()

    parts.trainer.run()
    if len(marks) <= batches:
        raise StoppedError
    return PassCost.from_marks(marks)


def _spread(images: Sequence[LabelledImage], count: int) -> list[LabelledImage]:
    """So many of the images, or all, from all over the row."""
    step = max(1, len(images) // count)
    return list(images[::step][:count])
