"""What is known of the answers of one version of a model, in a file beside its weights.

The models that come with the program have none: they were validated on synthetic images, and a radius that holds for
those would promise what nobody measured of a patient's. Training on labelled images makes one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from monai_ext.landmarks import InputError, Strict, write_atomically

from .conformal import ConformalRadius
from .presence_threshold import PresenceThreshold


class Calibration(Strict):
    """Radii and thresholds of one version of a model.

    Args:
        protocol: name of the protocol.
        version: of the model.
        images: how many images it was fitted on.
        radius: the same radius for all images, or None.
        scaled_radius: a radius by the model's uncertainty, or None.
        answers_with: which of the two the model's answers hold.
        presence: thresholds of presence, or None where the network does not tell.
    """

    format: Literal[1] = 1
    protocol: str
    version: str
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
    """Where the calibration of a version lies in a folder, e.g. that of the model."""
    return Path(folder) / f"{version}.calibration.json"


def write_calibration(folder: Path, calibration: Calibration) -> Path:
    """Writes the calibration into a folder, e.g. that of the model, whole or not at all; its path."""
    path = calibration_path(folder, calibration.version)
    write_atomically(path, calibration.model_dump_json(indent=2) + "\n")
    return path


def read_calibration(folder: Path, version: str, landmarks: Sequence[str] | None = None) -> Calibration | None:
    """The calibration of a version in a model folder; None where there is none.

    Args:
        folder: of the model.
        version: of the model.
        landmarks: those that it has to be of, in their order; None for any.

    Raises:
        InputError: the file is damaged, or it is of another version or of other landmarks.
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
        raise InputError(f"The calibration {path} is of version {found.version!r}; remove it and calibrate again.")
    for part in (found.radius, found.scaled_radius, found.presence):
        if part is not None and landmarks is not None and part.landmarks != tuple(landmarks):
            raise InputError(
                f"The calibration {path} is of the landmarks {', '.join(part.landmarks)}, not of "
                f"{', '.join(landmarks)}; remove it and calibrate again."
            )
    return found
