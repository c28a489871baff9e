"""The result of an evaluation as plain numbers, to and from JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from monai_ext.landmarks import InputError
from monai_ext.landmarks.geometry import Unit


def _json(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


@dataclass(frozen=True)
class Scores:
    """The scores of one landmark over all images, or of all landmarks together.

    Lengths are in the evaluation's unit, those ending in ``_px`` in pixels; rates are shares from 0 to 1; NaN where
    nothing was measurable. Distances exist only where truth and prediction are both defined.
    """

    name: str  #: the landmark; "all" for all together
    count: int  #: how many distances were measured
    mre: float  #: mean radial error
    mre_px: float  #: mean radial error in pixels
    sd: float  #: sample standard deviation of the radial errors
    median: float  #: median radial error
    sdr: dict[float, float]  #: success detection rate by threshold (error <= threshold)
    misses: int  #: true landmarks that were predicted missing
    false_alarms: int  #: missing landmarks that were predicted defined
    correct_absences: int  #: missing landmarks that were predicted missing
    unanswered: int  #: known landmarks about which the prediction says nothing

    def to_dict(self) -> dict[str, Any]:
        """Finite JSON; None where not measurable; ``sdr`` in the order of the thresholds."""
        document: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        document |= {key: _json(document[key]) for key in ("mre", "mre_px", "sd", "median")}
        return document | {"sdr": [_json(rate) for rate in self.sdr.values()]}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], thresholds: tuple[float, ...]) -> Scores:
        """The inverse of :meth:`to_dict`."""
        values = {f.name: document[f.name] for f in fields(cls)}
        values |= {key: _number(values[key]) for key in ("mre", "mre_px", "sd", "median")}
        values["sdr"] = dict(zip(thresholds, map(_number, values["sdr"]), strict=True))
        return cls(**values)


@dataclass(frozen=True)
class ImageScores:
    """The errors of one image, in landmark order; NaN where not measurable."""

    image: str  #: image ID
    error: float  #: mean radial error over the image's landmarks, in the evaluation's unit
    error_px: float  #: the same in pixels
    errors: tuple[float, ...]  #: (K,) in the evaluation's unit
    errors_px: tuple[float, ...]  #: (K,) in pixels

    def to_dict(self) -> dict[str, Any]:
        """Finite JSON; None where not measurable."""
        return {
            "image": self.image,
            "error": _json(self.error),
            "error_px": _json(self.error_px),
            "errors": [_json(e) for e in self.errors],
            "errors_px": [_json(e) for e in self.errors_px],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> ImageScores:
        """The inverse of :meth:`to_dict`."""
        lists = (tuple(map(_number, document[key])) for key in ("errors", "errors_px"))
        return cls(document["image"], _number(document["error"]), _number(document["error_px"]), *lists)


@dataclass(frozen=True)
class Evaluation:
    """Predictions compared with the truth over a set of images. Every length is in ``unit``, unless it says px."""

    unit: Unit
    thresholds: tuple[float, ...]  #: of the success detection rates
    failure_threshold: float  #: an image fails when its mean error lies above it
    auc_limit: float  #: upper end of the area under the cumulative error distribution
    overall: Scores
    me: float  #: mean over images of the image's mean error
    me_sd: float  #: sample standard deviation of the same over images
    failure_rate: float  #: share of measured images that fail
    auc: float  #: (1/t) * integral of the cumulative error distribution from 0 to t = ``auc_limit``
    landmarks: tuple[Scores, ...]
    images: tuple[ImageScores, ...]
    warnings: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The K landmark names in order."""
        return tuple(row.name for row in self.landmarks)

    @property
    def images_measured(self) -> int:
        """How many images have at least one measurable landmark."""
        return sum(not math.isnan(row.error) for row in self.images)

    def to_dict(self) -> dict[str, Any]:
        """Finite JSON of everything; None where not measurable."""
        return {
            "unit": self.unit,
            "thresholds": list(self.thresholds),
            "failure_threshold": self.failure_threshold,
            "auc_limit": self.auc_limit,
            "overall": self.overall.to_dict(),
            **{key: _json(getattr(self, key)) for key in ("me", "me_sd", "failure_rate", "auc")},
            "landmarks": [row.to_dict() for row in self.landmarks],
            "images": [row.to_dict() for row in self.images],
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Evaluation:
        """The inverse of :meth:`to_dict`.

        Raises:
            InputError: a key is missing or a value is not of its kind.
        """
        try:
            thresholds = tuple(float(t) for t in document["thresholds"])
            return cls(
                unit=document["unit"],
                thresholds=thresholds,
                failure_threshold=float(document["failure_threshold"]),
                auc_limit=float(document["auc_limit"]),
                overall=Scores.from_dict(document["overall"], thresholds),
                **{key: _number(document[key]) for key in ("me", "me_sd", "failure_rate", "auc")},
                landmarks=tuple(Scores.from_dict(row, thresholds) for row in document["landmarks"]),
                images=tuple(ImageScores.from_dict(row) for row in document["images"]),
                warnings=tuple(document["warnings"]),
            )
        except KeyError as error:
            raise InputError(f"The evaluation lacks the key {error}; write it again with evaluate.") from None
        except (TypeError, ValueError) as error:
            raise InputError(f"The evaluation holds a value of the wrong kind: {error}.") from None
