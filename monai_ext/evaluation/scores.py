"""The result of an evaluation as plain numbers, to and from JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationError,
    field_serializer,
    model_validator,
)

from monai_ext.landmarks import InputError, Unit


def finite(value: float | None) -> float | None:
    """The value; None if it is NaN or infinite, which JSON does not have."""
    return value if value is not None and math.isfinite(value) else None


#: A number that is NaN where it is not known, and null in JSON.
Number = Annotated[
    float,
    BeforeValidator(lambda value: math.nan if value is None else value),
    PlainSerializer(finite, when_used="json"),
]


class Result(BaseModel):
    """Numbers that were measured; keys of a document that belong to something else are skipped."""

    model_config = ConfigDict(frozen=True)

    def to_dict(self) -> dict[str, Any]:
        """Finite JSON; None if not measurable."""
        return self.model_dump(mode="json")


class Scores(Result):
    """The scores of one landmark over all images, or of all landmarks together.

    Lengths are in the evaluation's unit, those ending in ``_px`` in pixels; rates are shares from 0 to 1; NaN where
    nothing was measurable. Distances exist only where truth and prediction are both defined. The last four counts are
    None where it is not known what the prediction called missing.
    """

    name: str  #: the landmark; "all" for all together
    count: int  #: how many distances were measured
    mre: Number  #: mean radial error
    mre_px: Number  #: mean radial error in pixels
    sd: Number  #: sample standard deviation of the radial errors
    median: Number  #: median radial error
    sdr: dict[float, Number]  #: success detection rate by threshold (error <= threshold)
    misses: int | None  #: true landmarks that were predicted missing
    false_alarms: int | None  #: missing landmarks that were predicted defined
    correct_absences: int | None  #: missing landmarks that were predicted missing
    unanswered: int | None  #: known landmarks about which the prediction says nothing

    @field_serializer("sdr", when_used="json")
    def _rates(self, sdr: dict[float, float]) -> list[float | None]:
        return [finite(rate) for rate in sdr.values()]


class ImageScores(Result):
    """The errors of one image, in landmark order; NaN where not measurable."""

    image: str  #: image ID
    error: Number  #: mean radial error over the image's landmarks, in the evaluation's unit
    error_px: Number  #: the same in pixels
    errors: tuple[Number, ...]  #: (K,) in the evaluation's unit
    errors_px: tuple[Number, ...]  #: (K,) in pixels


class Evaluation(Result):
    """Predictions compared with the truth over a set of images. Every length is in ``unit``, unless it says px."""

    unit: Unit
    thresholds: tuple[float, ...]  #: of the success detection rates
    failure_threshold: float  #: an image fails when its mean error lies above it
    auc_limit: float  #: upper end of the area under the cumulative error distribution
    overall: Scores
    me: Number  #: mean over images of the image's mean error
    me_sd: Number  #: sample standard deviation of the same over images
    failure_rate: Number  #: share of measured images that fail
    auc: Number  #: (1/t) * integral of the cumulative error distribution from 0 to t = ``auc_limit``
    landmarks: tuple[Scores, ...]
    images: tuple[ImageScores, ...]
    warnings: tuple[str, ...]
    subjects: tuple[int, ...] = ()  #: a number per image, the same for images of one subject; empty if none is stated

    @property
    def names(self) -> tuple[str, ...]:
        """The K landmark names in order."""
        return tuple(row.name for row in self.landmarks)

    @property
    def images_measured(self) -> int:
        """Number of images with at least one measurable landmark."""
        return sum(not math.isnan(row.error) for row in self.images)

    def of_subjects(self, subjects: Mapping[str, str]) -> Evaluation:
        """The same with the subjects of its images, by image ID; one that is not listed is a subject of its own."""
        keys = [(subjects.get(row.image), "" if row.image in subjects else row.image) for row in self.images]
        number = {key: n for n, key in enumerate(dict.fromkeys(keys))}
        stated = any(row.image in subjects for row in self.images)
        return self.model_copy(update={"subjects": tuple(number[key] for key in keys) if stated else ()})

    def to_dict(self) -> dict[str, Any]:
        """As :meth:`Result.to_dict`; ``subjects`` only where they are stated."""
        document = super().to_dict()
        return document if self.subjects else {key: value for key, value in document.items() if key != "subjects"}

    @model_validator(mode="before")
    @classmethod
    def _name_rates(cls, document: Any) -> Any:
        """Says which threshold each success rate is for: JSON holds the rates alone, in the thresholds' order."""
        if not {"thresholds", "overall", "landmarks"} <= document.keys():
            return document

        def named(row: Any) -> Any:
            if not isinstance(row, Mapping) or not isinstance(row.get("sdr"), list):
                return row
            return {**row, "sdr": dict(zip(document["thresholds"], row["sdr"], strict=True))}

        return {
            **document,
            "overall": named(document["overall"]),
            "landmarks": [named(row) for row in document["landmarks"]],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Evaluation:
        """The inverse of :meth:`to_dict`.

        Raises:
            InputError: a key is missing or a value is not of its kind.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            if first["type"] == "missing":
                raise InputError(
                    f"The evaluation lacks the key {first['loc'][-1]!r}; write it again with evaluate."
                ) from None
            where = ".".join(map(str, first["loc"]))
            raise InputError(
                f"The evaluation holds a value of the wrong kind: {where} {first['input']!r:.80}: {first['msg']}."
            ) from None
        except TypeError as error:
            raise InputError(f"The evaluation holds a value of the wrong kind: {error}.") from None


class GroupErrors(Result):
    """Errors of some landmarks, lengths in the evaluation's unit.

    Args:
        images: that have one of them.
        count: measured distances.
        mean, low, high: mean error and its 95 % bootstrap interval over images, or their subjects where stated.
        median: of the errors.
        failed: share with an error above the failure threshold, or missed.
    """

    images: int
    count: int
    mean: Number
    low: Number
    high: Number
    median: Number
    failed: Number


class Cause(Result):
    """Landmarks that have something in common and larger errors than the rest.

    Args:
        name: in words.
        factor: its key among those of an image or a landmark; ``landmark`` for a landmark compared with the others.
        landmark: the one whose errors differ most.
        group: errors of these landmarks.
        rest: errors of all others.
        ratio: geometric mean of the errors divided by that of the rest, each landmark compared with itself.
        low, high: its 95 % bootstrap interval, likewise.
        p: adjusted for all that were tested.
    """

    name: str
    factor: str
    landmark: str
    group: GroupErrors
    rest: GroupErrors
    ratio: Number
    low: Number
    high: Number
    p: Number
