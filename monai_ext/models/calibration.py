"""Calibration of one version of a model: radii and thresholds in a file beside its weights, and their fit.

Of the models that come with the program those have one that were calibrated on photographs which trained nothing;
theirs is in percent of what the network sees, as pixels of one camera say nothing of those of another. Training on
labelled images makes one in pixels or millimetres.

The promise of the radii holds for images like those that they are fitted to, if the model was not chosen by them. The
weights that training publishes are those of the least error on the validation images, which is smaller than on new
ones, and so are the radii. In a simulation (the best of 40 validations, log-normal errors, half of whose scatter
belongs to the image and half to the validation) radii of 95 % for two landmarks held 90.5 % of new points after 20
validation images, 93.4 % after 50 and 93.5 % after 200; for 19 landmarks 93.9 % to 95.3 %. Images that chose nothing
keep the promise: ``monai-landmarks uncertainty --split test --store``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationError

from monai_ext.landmarks import FloatArray, InputError, Strict, write_atomically

from .conformal import ConformalRadius
from .observed import Observed, folds_of
from .presence_threshold import PresenceThreshold


class Calibration(Strict):
    """Radii and thresholds of one version of a model.

    Args:
        protocol: name of the protocol.
        version: of the model.
        sha256: of its weights; empty where that was not recorded.
        images: how many images it was fitted on.
        radius: the same radius for all images, or None.
        scaled_radius: a radius by the model's uncertainty, or None.
        answers_with: which of the two the model's answers hold.
        presence: thresholds of presence, or None if the network does not predict it.
    """

    format: Literal[1] = 1
    protocol: str
    version: str
    sha256: str = ""
    images: Annotated[int, Field(ge=0)]
    radius: ConformalRadius | None = None
    scaled_radius: ConformalRadius | None = None
    answers_with: Literal["radius", "scaled_radius"] = "radius"
    presence: PresenceThreshold | None = None

    @property
    def answered(self) -> ConformalRadius | None:
        """The radius that the model's answers hold."""
        return self.radius if self.answers_with == "radius" else self.scaled_radius


def calibration_path(folder: Path, version: str) -> Path:
    """Path of the calibration of a version in a folder, e.g. that of the model."""
    return Path(folder) / f"{version}.calibration.json"


def write_calibration(folder: Path, calibration: Calibration) -> Path:
    """Writes the calibration into a folder, e.g. that of the model, whole or not at all; its path."""
    path = calibration_path(folder, calibration.version)
    write_atomically(path, calibration.model_dump_json(indent=2) + "\n")
    return path


def read_calibration(
    folder: Path, version: str, landmarks: Sequence[str] | None = None, sha256: str = ""
) -> Calibration | None:
    """The calibration of a version in a model folder; None if there is none.

    Args:
        folder: of the model.
        version: of the model.
        landmarks: those that it has to be of, in their order; None for any.
        sha256: of the weights that it has to be of, if it names any; empty for any.

    Raises:
        InputError: the file is damaged, or it is of another version, other weights or other landmarks.
    """
    path = calibration_path(folder, version)
    try:
        found = Calibration.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValidationError, UnicodeDecodeError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise InputError(f"The calibration {path} is damaged ({reason}); remove it and calibrate again.") from None
    if found.version != version:
        raise InputError(f"The calibration {path} belongs to version {found.version!r}; remove it and calibrate again.")
    if sha256 and found.sha256 and found.sha256 != sha256:
        raise InputError(
            f"The calibration {path} is of other weights (SHA-256 {found.sha256[:12]}...); remove it and calibrate "
            "again."
        )
    for part in (found.radius, found.scaled_radius, found.presence):
        if part is not None and landmarks is not None and part.landmarks != tuple(landmarks):
            raise InputError(
                f"The calibration {path} is of the landmarks {', '.join(part.landmarks)}, not of "
                f"{', '.join(landmarks)}; remove it and calibrate again."
            )
    return found


#: Probability with which a true point lies within the radius of an answer.
COVERAGE = 0.95

#: Radii by uncertainty are proportional to this measure.
SCALED_BY = "map_radius"

#: What is added to an uncertainty that scales a radius, in medians of all.
SMOOTHING = 0.1

#: Images that have a landmark, and images that lack it, that a threshold of presence takes: of fewer, one odd image
#: could make the model call a landmark missing in many that have it.
FEWEST_FOR_PRESENCE = 10

#: Answers hold the radius by uncertainty where it is at most this share of the plain one.
WORTHWHILE = 0.95


def fit_calibration(
    observed: Observed, *, protocol: str, version: str = "", sha256: str = "", coverage: float = COVERAGE
) -> Calibration:
    """The calibration of a model.

    Args:
        observed: images that the model has not learned from.
        protocol: name of the protocol.
        version: of the model; none yet where it is published later.
        sha256: of its weights, likewise.
        coverage: of the radii, between 0 and 1.

    Raises:
        InputError: a coverage that is not between 0 and 1.
    """
    presence = None
    if observed.presence is not None:
        presence = PresenceThreshold.fit(
            observed.presence, observed.true_status, observed.landmarks, "f1", fewest=FEWEST_FOR_PRESENCE
        )
    errors = observed.errors(presence)
    plain, scaled = fit_radii(errors, observed, coverage)
    return Calibration(
        protocol=protocol,
        version=version,
        sha256=sha256,
        images=len(observed.ids),
        radius=plain,
        scaled_radius=scaled,
        answers_with="scaled_radius" if _scaled_is_smaller(errors, observed, coverage) else "radius",
        presence=presence,
    )


def fit_radii(
    errors: FloatArray, observed: Observed, coverage: float
) -> tuple[ConformalRadius, ConformalRadius | None]:
    """The plain radius, and the one by uncertainty; None if no uncertainty is above 0.

    A share of the median uncertainty is added to each, so that a heatmap of one cell promises no point without error.

    Args:
        errors: (N, K), NaN where not known.
        observed: the same images.
        coverage: of both.
    """
    names, unit = observed.landmarks, observed.unit
    plain = ConformalRadius.fit(errors, names, coverage=coverage, unit=unit)
    middle = float(np.median(observed.map_radius)) if observed.map_radius.size else 0.0
    if not middle > 0:
        return plain, None
    scaled = ConformalRadius.fit(
        errors,
        names,
        coverage=coverage,
        unit=unit,
        scale=observed.map_radius,
        scaled_by=SCALED_BY,
        smoothing=SMOOTHING * middle,
    )
    return plain, scaled


def _scaled_is_smaller(errors: FloatArray, observed: Observed, coverage: float) -> bool:
    """True where radii by uncertainty are worthwhile: smaller on halves of the images that they were not fitted on.

    The rule looks at radii alone, never at whether they hold, and needs twice the images that a radius needs: with
    fewer the plain one answers.
    """
    half = folds_of(observed.ids, 2)
    sums = np.zeros((2, errors.shape[1]))
    for number in range(2):
        fitted, rest = half != number, observed.part(half == number)
        plain, scaled = fit_radii(errors[fitted], observed.part(fitted), coverage)
        if scaled is None:
            return False
        counted = ~np.isnan(errors[half == number])
        radii = np.broadcast_to(plain.radius(), counted.shape), scaled.radius(rest.map_radius)
        sums += [np.where(counted, radius, 0.0).sum(0) for radius in radii]
    known = np.isfinite(sums).all(0) & (sums > 0).all(0)
    if not known.any():
        return False
    return bool(np.exp(np.log(sums[1, known] / sums[0, known]).mean()) <= WORTHWHILE)
