"""Training from labelled images to a published model, on MONAI's trainer.

The same code runs in one process and, under ``torchrun``, in several.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.utils import set_determinism

from monai_ext.landmarks import InputError, Protocol, Split, input_errors_unwrapped
from monai_ext.models import find_model, load_network, read_card, record_path, training_lock, write_training_record
from monai_ext.networks import LandmarkNetwork, SourceClassifier, build_network, find_device

from .dataset import (
    LabelledImage,
    add_seen_labels,
    against_hash,
    check_labels,
    check_sides,
    digests,
    read_settled_sides,
    split_images,
    write_settled_sides,
)
from .distributed import local_rank, process_group, process_rank
from .initialisation import distilled, find_source, initialise
from .job import Job, RunState, Start, further_signature, run_signature
from .options import OnProgress, TrainOptions, TrainResult
from .progress import Clock
from .publication import publish_unless_worse, published_before
from .run import Run
from .stop import Stop, StoppedError, full_disk_explained, is_out_of_memory, never
from .time_bound import within_minutes
from .validation import RadialErrorSummary, validate_model

logger = logging.getLogger(__name__)


def train_model(
    protocol: Protocol,
    images: Sequence[LabelledImage],
    folder: Path,
    options: TrainOptions | None = None,
    *,
    pretrained: Path | None = None,
    on_progress: OnProgress | None = None,
    stop: Stop = never,
    data: str = "",
    clock: Clock = time.monotonic,
) -> TrainResult:
    """Trains the protocol's network and publishes the best weights unless the current model is better.

    Where the memory is not enough, the batches are halved once and the run goes on from the last saved state.

    Args:
        protocol: the landmark task, its network and recipe.
        images: labelled images; those of split "test" are not touched.
        folder: the model folder that is published to.
        options: choices for this run.
        pretrained: a shipped model folder that is current while ``folder`` has none.
        on_progress: called with a progress dict when the run starts, about every second, and when it ends.
        stop: asked after every step; where it says so, the run is saved and ends, and the same call goes on with it.
        data: one sentence for the card that says what the images are.
        clock: of all reported times, and of the length of a run with ``minutes``.

    Raises:
        InputError: a patience for the last weights, too few labels, a label that does not fit, validation images
            without a point, an image that cannot be read, a GPU that is not there.
        FolderBusyError: another process trains in the folder.
        ResourceError: there is not enough memory or disk space; the published model is unchanged.
    """
    begun = clock()
    options = options or TrainOptions()
    if options.keep == "last" and options.patience:
        raise InputError(
            f"A training whose last weights are published (--keep-last) does not stop early: leave out the patience of "
            f"{options.patience}, or publish the best weights."
        )
    protocol = options.applied_to(protocol)
    fraction = protocol.recipe.val_fraction
    train_images, val_images = split_images(images, fraction, read_settled_sides(folder))
    used = check_labels(train_images + val_images, protocol)
    train_images, val_images = used[: len(train_images)], used[len(train_images) :]
    check_sides(train_images, val_images, protocol)
    device = find_device(options.device, local_rank())
    signature = run_signature(protocol, used, options.seed, options.epoch_steps, options.minutes)
    job = Job(
        protocol,
        train_images,
        val_images,
        folder,
        RunState(folder, signature, further_signature(used, options)),
        options,
        device,
        pretrained,
        on_progress if process_rank()[0] == 0 else None,
        stop,
        data,
        clock=clock,
        begun=begun,
    )
    with full_disk_explained(folder), training_lock(folder), process_group(device), input_errors_unwrapped():
        if process_rank()[0] == 0:
            job.state.tidy()
            trained: dict[str, Split] = {image.id: "train" for image in train_images}
            write_settled_sides(folder, trained | against_hash(images, used, fraction))
            add_seen_labels(folder, digests(images))
        return _within_memory(job)


def _within_memory(job: Job) -> TrainResult:
    while True:
        try:
            with _deterministic(job.options.seed):
                return _trained(job)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            logger.warning("The memory is not enough for batches of %d: %s", job.batch_size, str(error).split("\n")[0])
        finally:  # the handler is left, whose error would keep the network alive
            _free(job.device)
        job = job.halved()


def _free(device: torch.device) -> None:
    """Frees the networks and engines of a run, which hold one another and would stay for an unknown time."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


@contextlib.contextmanager
def _deterministic(seed: int) -> Iterator[None]:
    set_determinism(seed)
    try:
        yield
    finally:
        set_determinism(None)


def _trained(job: Job) -> TrainResult:
    begun, saved = job.clock(), job.saved()
    if saved is not None and saved["batch_size"] < job.batch_size:
        job = job.with_batches_of(saved["batch_size"])
    job = _of_recipes_length(job, saved)
    models, protocol = job.folder.parent, job.protocol
    current = find_model(job.folder.name, models, *([job.pretrained.parent] if job.pretrained else []))
    card = None if current is None else read_card(current)
    run: Run | None = None
    try:
        previous = None if current is None else _previous(current, job)
        warm = current is not None and job.options.warm_start and previous is not None
        source = find_source(protocol, models)
        network, start = _start(job, current if warm else None, source, saved)
        network = network.to(job.device)
        distiller = distilled(network, protocol, source)
        if job.options.minutes is not None:
            job = within_minutes(job, saved, network, distiller, warm=start.warm)
        run = Run(job, network, distiller, start)
        if not job.options.resume and saved is None and process_rank()[0] == 0:
            job.state.clear()  # of an older run, which would be gone on with later
        best = run(saved)
        if run.stopped:
            raise StoppedError
        previous_error = previous.value if previous else None
        result = TrainResult(
            None, job.folder, "", best.value, best.unit, previous_error, run.epochs, run.selection.history
        )
        again = published_before(result, job, run, card) if saved is not None and current == job.folder else None
        result = again or publish_unless_worse(
            result, job, run, parent=start.parent, begun_with=start.begun_with, previous=previous,
            replaced=card.version if card else None,
        )  # fmt: skip
    except StoppedError:
        return _stopped(job, saved, run)
    if process_rank()[0] == 0:
        seconds = job.clock() - begun
        resumed_at = saved["epoch"] if saved else None
        if result.card is not None and not (again and record_path(result.folder, result.card.version).exists()):
            write_training_record(
                result.folder, result.card, device=job.device, keep=job.options.keep, seconds=seconds,
                previous_error=result.previous_error, history=result.history, resumed_at=resumed_at,
            )  # fmt: skip
        job.state.clear()
    run.report("done", model_version=result.card.version if result.card else None, message=result.reason)
    return result


def _of_recipes_length(job: Job, saved: dict[str, Any] | None) -> Job:
    """The job with as many epochs and steps as its recipe's ``max_steps`` asks for, unless its options say how many.

    A run that was interrupted keeps its epochs, and their steps where other batches would make other epochs.
    """
    recipe, options = job.protocol.recipe, job.options
    if recipe.max_steps is None or options.max_epochs is not None or options.epoch_steps is not None:
        return job
    length = recipe.length(len(job.train_images) // process_rank()[1])
    kept = None if saved is None else saved.get("length")
    if kept is not None and kept[0] != length.epochs:
        return job.with_length(*kept)
    return job.with_length(length.epochs, length.epoch_steps)


def _stopped(job: Job, saved: dict[str, Any] | None, run: Run | None) -> TrainResult:
    epoch = run.epochs if run is not None else saved["epoch"] if saved is not None else 0
    reason = "Training was stopped before its first step."
    if saved is not None or (run is not None and run.steps > 0):
        reason = (
            f"Training was stopped in epoch {epoch} of {job.protocol.recipe.max_epochs}: training again with the same "
            "labels and options goes on from there."
        )
    if run is not None:
        run.report("stopped", message=reason)
        best, history = run.selection.best, run.selection.history
    else:
        best, history = RadialErrorSummary(math.inf, "px"), []
        if job.on_progress is not None:
            job.on_progress(
                {"status": "stopped", "epoch": epoch, "max_epochs": job.protocol.recipe.max_epochs, "message": reason}
            )
    return TrainResult(None, job.folder, reason, best.value, best.unit, None, epoch, history, stopped=True)


def _previous(current: Path, job: Job) -> RadialErrorSummary | None:
    """The current model's error on the validation images; None if it answers another set of landmarks."""
    card = read_card(current)
    if card.protocol.landmark_names != job.protocol.landmark_names:
        logger.warning("The current model %s has other landmarks than the protocol; it is replaced.", current)
        return None
    size = card.protocol.recipe.batch_size
    if job.refused is not None:
        size = min(size, job.batch_size)
    return validate_model(current, job.val_images, job.device, batch_size=size, stop=job.stop_in_share)


def _start(
    job: Job, current: Path | None, source: SourceClassifier | None, saved: dict[str, Any] | None
) -> tuple[LandmarkNetwork, Start]:
    """The network to train and what the run begins with, or began with before it was interrupted.

    Args:
        job: what is trained.
        current: the model whose weights a new run takes where they fit; None for another start.
        source: the classifier that the encoder becomes a copy of, or None.
        saved: the state of an interrupted run, which has all weights.
    """
    protocol = job.protocol
    begun = None if saved is None or "begun_with" not in saved else Start(saved["parent"], saved["begun_with"])
    if begun is not None and begun.warm:
        return build_network(protocol), begun
    if begun is None and current is not None:
        network, card = load_network(current)
        if card.protocol.network == protocol.network and card.protocol.channels == protocol.channels:
            return network, Start(card.version, f"Version {card.version}")
        logger.warning("The current model %s has another network than the protocol; training starts again.", current)
    network = build_network(protocol)
    begun_with = initialise(network, protocol, job.folder.parent, source)
    return network, begun or Start(None, begun_with)
