"""A training that ends within a number of minutes: its first steps are timed, and its length follows from them."""

from __future__ import annotations

import math
from typing import Any

from monai_ext.landmarks import InputError
from monai_ext.landmarks.recipe import Length
from monai_ext.networks import LandmarkNetwork
from monai_ext.networks.cross_task import Distiller

from .distributed import gathered
from .job import Job
from .timing import Costs, Timing, training_loader

#: Share of the minutes that is kept for what is not timed: the first look at each image, saves, the model's file.
RESERVE = 0.05
#: Share of the minutes that each of the five timed passes may take; two batches of each are timed in any case.
PASS_SHARE = 0.02


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
    job: Job, saved: dict[str, Any] | None, network: LandmarkNetwork, distiller: Distiller | None, *, warm: bool
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
    costs = Timing(job, 60 * minutes * PASS_SHARE).costs(network, distiller, warm=warm)
    (costs, spent), *_ = gathered([(costs, job.clock() - job.begun)])
    steps = len(training_loader(job, job.train_images, job.options.epoch_steps))
    fitted = fit_length(
        costs, 60 * minutes * (1 - RESERVE) - spent, Length(recipe.max_epochs, steps), recipe.val_interval
    )
    if fitted is None:
        least = math.ceil(10 * (spent + costs.seconds(1, 1, recipe.val_interval)) / (1 - RESERVE) / 60) / 10
        raise InputError(
            f"{minutes:g} minutes are too short: a single step with one validation and the calibration takes "
            f"{least:g} minutes here; give more minutes, or fewer validation images."
        )
    return job.with_length(
        fitted.epochs, job.options.epoch_steps if fitted.epoch_steps == steps else fitted.epoch_steps
    )
