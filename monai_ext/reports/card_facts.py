"""All facts of a model, stated and measured, as one JSON document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from monai_ext.evaluation import Cause, finite, mean_interval
from monai_ext.landmarks import InputError, Strict
from monai_ext.models import Calibration, ModelCard, RadiusUnit

from .card_about import About
from .card_cross_validated import CrossValidated
from .sources import EvaluatedModel

Length = Annotated[float, Field(ge=0, allow_inf_nan=False)] | None
Count = Annotated[int, Field(ge=0)]


class Landmark(Strict):
    """A landmark that the model finds."""

    name: str
    description: str


class LandmarkError(Strict):
    """The error of one landmark; None if nothing was measured."""

    name: str
    count: Count
    mean: Length
    median: Length


class WorstCase(Strict):
    """One of the images with the largest mean errors.

    Args:
        image: ID.
        error: mean over its landmarks.
        picture: file beside the card; None if the image was not at hand.
    """

    image: str
    error: Length
    picture: str | None = None


class MeasuredError(Strict):
    """The error on some images, lengths in ``unit``; None if nothing was measured.

    Args:
        file: of the evaluation.
        sha256: of that file.
        command: that wrote it.
        date: when.
        studies: folder of the images.
        split: of the studies.
        images: how many.
        unit: of all lengths.
        mean: over all landmarks.
        interval: 95 % bootstrap interval of the mean over images, or subjects; None with fewer than two.
        subjects: how many subjects the images are of; None if none is stated.
        median: of all errors.
        success: share of the landmarks at most that far from the truth, by threshold.
        failure_threshold: an image fails above this mean error.
        failure_rate: share of the images that fail.
        misses: landmarks that are there and were called missing; None where that is not known.
        false_alarms: missing landmarks that were called there; None where that is not known.
        landmarks: each on its own.
        worst: the worst images.
        tested: groups of landmarks whose errors were compared with the rest.
        causes: those with larger errors.
        warnings: of the evaluation, such as that images trained the model.
    """

    file: str
    sha256: str
    command: str | None
    date: str | None
    studies: str | None
    split: str | None
    images: Count
    unit: Literal["px", "mm"]
    mean: Length
    interval: tuple[float, float] | None
    subjects: Count | None = None
    median: Length
    success: dict[str, float | None]
    failure_threshold: float
    failure_rate: Length
    misses: Count | None
    false_alarms: Count | None
    landmarks: tuple[LandmarkError, ...]
    worst: tuple[WorstCase, ...] = ()
    tested: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    warnings: tuple[str, ...] = ()


class Training(Strict):
    """Training of the version; None is not stated.

    Args:
        chosen: whether the validation images chose the ``best`` weights, or the ``last`` ones were kept.
    """

    labels_used: Count
    validation_images: Count
    validation_error: Length
    unit: Literal["px", "mm"]
    epochs: Count
    seed: int
    date: str
    parent: str | None
    begun_with: str = ""
    command: str | None
    hardware: str | None
    duration: str | None
    data: str | None
    chosen: Literal["best", "last"] = "best"


class Calibrated(Strict):
    """Radii that hold the truth with a stated probability; None if a landmark could not be calibrated."""

    coverage: float
    unit: RadiusUnit
    images: Count
    radii: dict[str, float | None]
    scaled: bool


class ModelFacts(Strict):
    """The card of one version of a model.

    Args:
        format: of this document.
        protocol: name of the landmark task.
        title: of the task.
        description: of the task.
        landmarks: that the model finds.
        version: of the model.
        weights_sha256: of the weights.
        network: name of the network.
        input_size: (width, height) in pixels.
        medical_device: it is none.
        about: what a person said.
        training: what is known of it.
        calibration: of the radii; None if there is none.
        evaluations: on which images the model was how wrong.
        cross_validation: what models of the same recipe answered on images that they had not seen.
    """

    format: Literal[1] = 1
    protocol: str
    title: str
    description: str
    landmarks: tuple[Landmark, ...]
    version: str
    weights_sha256: str
    network: str
    input_size: tuple[int, int]
    medical_device: Literal[False] = False
    about: About
    training: Training
    calibration: Calibrated | None
    evaluations: tuple[MeasuredError, ...]
    cross_validation: CrossValidated | None = None


def model_facts(
    card: ModelCard,
    about: About,
    evaluations: Sequence[MeasuredError],
    calibration: Calibration | None = None,
    record: Mapping[str, Any] | None = None,
    cross_validation: CrossValidated | None = None,
) -> ModelFacts:
    """Puts together what is known.

    Args:
        card: of the model folder.
        about: what a person said; what it says of training stands where there is no record.
        evaluations: as :func:`measured_error` makes them.
        calibration: of this version.
        record: of its training, as ``vN.training.json`` holds it.
        cross_validation: of its recipe.
    """
    protocol, network = card.protocol, card.protocol.network
    record = record or {}
    machine = record.get("machine") or {}
    return ModelFacts(
        protocol=protocol.name,
        title=protocol.title,
        description=protocol.description,
        landmarks=tuple(Landmark(name=item.name, description=item.description) for item in protocol.landmarks),
        version=card.version,
        weights_sha256=card.sha256,
        network=network.name,
        input_size=network.input_size.wh,
        about=about,
        training=Training(
            labels_used=card.labels_used,
            validation_images=len(card.val_images),
            validation_error=finite(card.val_error),
            unit=card.unit,
            epochs=card.epochs,
            seed=card.seed,
            date=card.date,
            parent=card.parent,
            begun_with=card.begun_with,
            command=record.get("command") or about.training.command,
            hardware=machine.get("device") or about.training.hardware,
            duration=_duration(record) or about.training.duration,
            data=card.data or None,
            chosen=record.get("keep", "best"),
        ),
        calibration=None if calibration is None else _calibrated(calibration),
        evaluations=tuple(evaluations),
        cross_validation=cross_validation,
    )


def measured_error(model: EvaluatedModel, card: ModelCard, worst: Sequence[WorstCase] = ()) -> MeasuredError:
    """The error that an evaluation measured of the card's own version.

    Raises:
        InputError: the evaluation is of another model.
    """
    document, evaluation = model.source.document, model.evaluation
    own = (card.protocol.name, card.version)
    found = (document.get("protocol"), document.get("model_version"))
    if found != own or document.get("model_sha256", card.sha256) != card.sha256:
        raise InputError(
            f"{model.source.path} is an evaluation of {' '.join(map(str, found))}, and not of these weights of "
            f"{' '.join(own)}: evaluate this model."
        )
    interval, scores = mean_interval(model.errors, evaluation.subjects), evaluation.overall
    return MeasuredError(
        file=model.source.path.name,
        sha256=model.source.sha256,
        command=document.get("command"),
        date=document.get("date"),
        studies=document.get("studies"),
        split=document.get("split"),
        images=len(evaluation.images),
        unit=evaluation.unit,
        mean=finite(scores.mre),
        interval=(interval.low, interval.high) if interval.known else None,
        subjects=len(set(evaluation.subjects)) or None,
        median=finite(scores.median),
        success={f"{threshold:g}": finite(rate) for threshold, rate in scores.sdr.items()},
        failure_threshold=evaluation.failure_threshold,
        failure_rate=finite(evaluation.failure_rate),
        misses=scores.misses,
        false_alarms=scores.false_alarms,
        landmarks=tuple(
            LandmarkError(name=row.name, count=row.count, mean=finite(row.mre), median=finite(row.median))
            for row in evaluation.landmarks
        ),
        worst=tuple(worst),
        tested=model.failures.tested if model.failures else (),
        causes=model.failures.causes if model.failures else (),
        warnings=evaluation.warnings,
    )


def _duration(record: Mapping[str, Any]) -> str | None:
    seconds = record.get("seconds")
    if seconds is None:
        return None
    resumed = record.get("resumed_at_epoch")
    part = "" if resumed is None else f" (from epoch {resumed} on; the time before an interruption is not in it)"
    return f"{seconds:.0f} s{part}"


def _calibrated(calibration: Calibration) -> Calibrated | None:
    radius = calibration.answered
    if radius is None:
        return None
    return Calibrated(
        coverage=radius.coverage,
        unit=radius.unit,
        images=calibration.images,
        radii=dict(zip(radius.landmarks, radius.quantiles, strict=True)),
        scaled=calibration.answers_with == "scaled_radius",
    )
