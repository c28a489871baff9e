"""Publication of a trained network as the current model of its folder, unless that is better."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from datetime import datetime, timezone

import torch

from monai_ext.landmarks import InputError
from monai_ext.models import ModelCard, publish, read_card, stored_weights

from .calibrate import calibrate
from .distributed import process_rank
from .familiar import familiarity_of
from .job import Job
from .options import TrainResult
from .run import Run
from .validation import RadialErrorSummary


def published_before(result: TrainResult, job: Job, run: Run, current: ModelCard | None) -> TrainResult | None:
    """The result where the current model has a run's best weights already: it ended before its state was removed.

    Args:
        result: of the run.
        job: what was requested.
        run: it was gone on with and has ended.
        current: the card of the current model.

    Returns:
        The result with that card and the reason; None where the weights are to be published.
    """
    from safetensors.torch import save

    if current is None or not run.selection.weights:
        return None
    data = save(stored_weights(run.selection.weights, job.options.half_precision))
    if hashlib.sha256(data).hexdigest() != current.sha256:
        return None
    reason = f"Published with a validation error of {result.val_error:.3f} {result.unit} before it was interrupted."
    return replace(result, card=current, reason=reason, previous_error=None)


def publish_unless_worse(
    result: TrainResult,
    job: Job,
    run: Run,
    *,
    parent: str | None,
    begun_with: str,
    previous: RadialErrorSummary | None,
    replaced: str | None,
) -> TrainResult:
    """Publishes a run's best weights with what is fitted to them; not below the current model's, unless options say so.

    Both are judged on the same validation images, which the calibration is fitted to as well.

    Args:
        result: of the run.
        job: what was requested.
        run: it has ended.
        parent: the version that the run began with.
        begun_with: the weights that it began with, in words.
        previous: the error of the current model; None if it cannot be compared.
        replaced: the version of the current model.

    Returns:
        The result with the card of the published model and the reason.

    Raises:
        InputError: nothing was validated, or training diverged.
        StoppedError: a stop was requested before it was published.
    """
    best = f"{result.val_error:.3f} {result.unit}"
    if not math.isfinite(result.val_error):
        raise InputError(
            "No validation error could be computed: label at least one validation image completely; or, where the loss "
            f"diverged, set a learning rate below {job.protocol.recipe.learning_rate:g}."
        )
    above = ""
    if previous is not None and result.val_error > previous.value:
        above = f"above the current model's {previous.value:.3f}, measured on the same images"
        if not job.options.publish_worse:
            return replace(result, reason=f"Not published: its validation error of {best} is {above}.")
    weights = stored_weights(run.selection.weights, job.options.half_precision)
    calibrated = calibrate(job, weights, result.unit, run.report_calibration)
    known = familiarity_of(job, weights, run.report_calibration)
    card: ModelCard | None = None
    if process_rank()[0] == 0:
        card = publish(
            result.folder,
            run.selection.weights,
            {
                "protocol": job.protocol,
                "labels_used": run.labels_used,
                "val_images": tuple(image.id for image in job.val_images),
                "val_error": result.val_error,
                "unit": result.unit,
                "epochs": result.epochs,
                "seed": job.options.seed,
                "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
                "parent": parent,
                "begun_with": begun_with,
                "data": job.data,
            },
            after=replaced,
            half_precision=job.options.half_precision,
            calibration=calibrated.calibration,
            familiarity=known.familiarity,
        )
    if process_rank()[1] > 1:
        torch.distributed.barrier()
        card = card or read_card(result.folder)
    error = f"{best}, {above}" if above else best
    sentences = (f"Published with a validation error of {error}.", known.sentence, calibrated.sentence)
    reason = " ".join(sentence for sentence in sentences if sentence)
    return replace(result, card=card, reason=reason)
