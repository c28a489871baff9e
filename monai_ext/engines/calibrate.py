"""The calibration of a network that is about to be published, on the validation images of its training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn

from monai_ext.inferers import ImageBatch, observed, read_output
from monai_ext.landmarks import Protocol, Unit
from monai_ext.models import Calibration, Observed, fewest_errors, fit_calibration, joined
from monai_ext.transforms import to_original

from .dataset import LabelledImage
from .distributed import gathered_or_problem
from .job import Job
from .loader import make_loader
from .stop import StoppedError

#: Images at a time, at most: more is kept of each than in training.
BATCH_SIZE = 4


class Calibrated(NamedTuple):
    """Result of a calibration.

    Attributes:
        calibration: of the network; None if there is none.
        sentence: says what is not calibrated and why; empty if everything is.
    """

    calibration: Calibration | None
    sentence: str


def calibrate(
    job: Job, weights: Mapping[str, torch.Tensor], unit: Unit, on_images: Callable[[int], None] = lambda count: None
) -> Calibrated:
    """Fits the calibration of a network to a job's validation images, in one pass over them.

    Whatever goes wrong is logged and said in a sentence: a training is never lost by it. Under ``torchrun`` each
    process, all of which call this together, looks at its share of the images.

    Args:
        job: that trained the network.
        weights: of the network as they are published.
        unit: of the validation error.
        on_images: called with the number of images that this process has looked at.

    Raises:
        StoppedError: a stop was requested meanwhile.
    """
    look = partial(_observe, job, weights, unit, on_images)
    parts, problem = gathered_or_problem(look, "The network could not be calibrated.")
    if problem:
        return Calibrated(None, f"It answers without radii, as it could not be calibrated ({problem}).")
    calibration = fit_calibration(joined(parts), protocol=job.protocol.name)
    return Calibrated(calibration, _lacking(calibration))


def _observe(
    job: Job, weights: Mapping[str, torch.Tensor], unit: Unit, on_images: Callable[[int], None]
) -> list[Observed]:
    found: list[Observed] = []
    for part in observe_images(job, job.val_images, job.network_with(weights), unit):
        found.append(part)
        on_images(sum(len(part.ids) for part in found))
        if job.stop_in_share():
            raise StoppedError
    return found


def observe_images(job: Job, images: Sequence[LabelledImage], network: nn.Module, unit: Unit) -> Iterator[Observed]:
    """Observations that a calibration is fitted to, batch by batch.

    Args:
        job: says how images are prepared and loaded.
        images: with labels; each process under ``torchrun`` takes its share.
        network: in evaluation mode, on the job's device.
        unit: of the errors.
    """
    size = min(BATCH_SIZE, job.batch_size)
    loader = make_loader(images, job.protocol, training=False, batch_size=size, num_workers=job.num_workers)
    for batch in loader:
        yield _observed(network, batch, job.protocol, unit, job.device)


@torch.inference_mode()
def _observed(
    network: nn.Module, batch: dict[str, Any], protocol: Protocol, unit: Unit, device: torch.device
) -> Observed:
    matrix = batch["matrix"].double()
    images = ImageBatch(
        image=batch["image"].to(device),
        matrix=matrix.to(device),
        size=batch["size"].to(device),
        pixel_length=batch["pixel_length"].to(device),
        calibrated=batch["calibrated"].to(device),
    )
    found = read_output(network(images.image), images, protocol)
    true = to_original(batch["points"].double(), matrix)
    return observed(found, true, batch["status"], batch["id"], protocol.landmark_names, unit)


def _lacking(calibration: Calibration) -> str:
    radius = calibration.radius
    assert radius is not None
    few = [name for name, quantile in zip(radius.landmarks, radius.quantiles, strict=True) if quantile is None]
    if not few:
        return ""
    names = "" if len(few) == len(radius.landmarks) else f" for {', '.join(few)}"
    return (
        f"Its answers have no radius{names}: that takes {fewest_errors(radius.coverage)} validation images with the "
        "landmark."
    )
