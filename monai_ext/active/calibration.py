"""What validation images say of a model beside its error, stored next to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from monai_ext.landmarks import InputError
from monai_ext.landmarks.document import Strict
from monai_ext.landmarks.files import write_atomically

from .conformal import ConformalRadius
from .presence_threshold import PresenceThreshold

CALIBRATION = "calibration.json"


class Calibration(Strict):
    """Radii and thresholds of one version of a model.

    Args:
        protocol: name of the protocol.
        version: of the model.
        images: how many images it was fitted on.
        radius: the same radius for all images, or None.
        scaled_radius: a radius by the model's uncertainty, or None.
        presence: thresholds of presence, or None where the network does not tell.
    """

    format: Literal[1] = 1
    protocol: str
    version: str
    images: Annotated[int, Field(ge=0)]
    radius: ConformalRadius | None = None
    scaled_radius: ConformalRadius | None = None
    presence: PresenceThreshold | None = None


def write_calibration(folder: Path, calibration: Calibration) -> Path:
    """Writes the calibration into a folder, e.g. that of the model, whole or not at all; its path."""
    path = Path(folder) / CALIBRATION
    write_atomically(path, calibration.model_dump_json(indent=2) + "\n")
    return path


def read_calibration(folder: Path, version: str) -> Calibration | None:
    """The calibration in a model folder; None where there is none, or it is of another version of the model.

    Raises:
        InputError: the file is damaged.
    """
    path = Path(folder) / CALIBRATION
    try:
        found = Calibration.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValidationError, UnicodeDecodeError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise InputError(f"The calibration {path} is damaged ({reason}); remove it and calibrate again.") from None
    return found if found.version == version else None
