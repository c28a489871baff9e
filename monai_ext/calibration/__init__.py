"""What validation images say of a model beside its error: radii that hold the truth, thresholds of presence."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .answer_radii import answer_radii
    from .calibration import Calibration, calibration_path, read_calibration, write_calibration
    from .conformal import ConformalRadius
    from .fit import fit_calibration
    from .observed import Observed
    from .presence_threshold import PresenceThreshold

__all__ = [
    "Calibration",
    "ConformalRadius",
    "Observed",
    "PresenceThreshold",
    "answer_radii",
    "calibration_path",
    "fit_calibration",
    "read_calibration",
    "write_calibration",
]

lazy_face(__name__)
