"""The points of an evaluation as JSON, so that its pictures can be drawn again without the model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import Field, ValidationError

from monai_ext.landmarks import Frame, InputError, Landmarks, Positive, Protocol, Status, Strict

from .evaluate import Pair

StrictT = TypeVar("StrictT", bound=Strict)

Number = Annotated[float, Field(allow_inf_nan=False)]
Word = Literal["defined", "missing", "undefined"]


class RecordedLandmark(Strict):
    """One landmark of one image, in pixels of the original image.

    Args:
        status: what is known of it.
        point: (x, y); None unless defined.
        confidence: None if not stated.
    """

    status: Word
    point: tuple[Number, Number] | None = None
    confidence: Number | None = None


class RecordedImage(Strict):
    """One image with its truth and its prediction, in landmark order.

    Args:
        image: ID.
        file: name of the file in the studies folder.
        size: (width, height) in pixels.
        spacing: millimetres per pixel along (x, y); None if not known.
        truth, prediction: (K) landmarks.
    """

    image: str
    file: str
    size: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
    spacing: tuple[Positive, Positive] | None = None
    truth: tuple[RecordedLandmark, ...]
    prediction: tuple[RecordedLandmark, ...]


class RecordedPoints(Strict):
    """All points of an evaluation.

    Args:
        landmarks: K names.
        colors: (K) colours.
        channels: as the protocol reads images.
        images: in the order of the evaluation.
    """

    landmarks: tuple[str, ...]
    colors: tuple[Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")], ...]
    channels: Literal["grey", "rgb"]
    images: tuple[RecordedImage, ...]

    def pair(self, image: RecordedImage) -> Pair:
        """ID, truth and prediction of one of the images.

        Raises:
            InputError: points, statuses and names do not fit each other; names the image.
        """
        frame = Frame(*image.size, spacing=image.spacing, spacing_source="evaluation" if image.spacing else "none")
        try:
            truth = _landmarks(self.landmarks, image.truth, frame)
            return image.image, truth, _landmarks(self.landmarks, image.prediction, frame)
        except InputError as error:
            raise InputError(f"The points of the image {image.image!r} do not fit: {error}") from None


def record_points(pairs: Sequence[Pair], files: Mapping[str, Path], protocol: Protocol) -> RecordedPoints:
    """Points that an evaluation keeps.

    Args:
        pairs: image ID, truth and prediction, landmarks in the protocol's order.
        files: image files by ID.
        protocol: names, colours and channels.
    """
    return RecordedPoints(
        landmarks=protocol.landmark_names,
        colors=tuple(item.color for item in protocol.landmarks),
        channels=protocol.channels,
        images=tuple(
            RecordedImage(
                image=image,
                file=files[image].name,
                size=truth.frame.size,
                spacing=truth.frame.spacing,
                truth=_recorded(truth),
                prediction=_recorded(prediction),
            )
            for image, truth, prediction in pairs
        ),
    )


def read_points(document: Mapping[str, Any]) -> RecordedPoints | None:
    """The points in what ``evaluate`` wrote; None if it was written without.

    Raises:
        InputError: they are damaged.
    """
    return read_part(document, "points", RecordedPoints, "points")


def read_part(document: Mapping[str, Any], key: str, kind: type[StrictT], title: str) -> StrictT | None:
    """A part of what ``evaluate`` wrote; None if it was written without.

    Args:
        document: of the evaluation.
        key: of the part in it.
        kind: what the part is.
        title: what a person calls it.

    Raises:
        InputError: the part is damaged.
    """
    if key not in document:
        return None
    try:
        return kind.model_validate(document[key])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"The {title} of the evaluation are damaged ({where}: {first['msg']}); write it again with evaluate."
        ) from None


def _recorded(landmarks: Landmarks) -> tuple[RecordedLandmark, ...]:
    return tuple(
        RecordedLandmark(
            status=Status(int(status)).word,
            point=(float(point[0]), float(point[1])) if status == Status.DEFINED else None,
            confidence=None if math.isnan(confidence) else float(confidence),
        )
        for status, point, confidence in zip(landmarks.status, landmarks.points, landmarks.confidence, strict=True)
    )


def _landmarks(names: Sequence[str], side: Sequence[RecordedLandmark], frame: Frame) -> Landmarks:
    nowhere = (np.nan, np.nan)
    return Landmarks(
        names,
        [item.point or nowhere for item in side],
        frame,
        [Status.from_word(item.status) for item in side],
        [np.nan if item.confidence is None else item.confidence for item in side],
    )
