"""Models on disk: weights and cards, their versions, what is fitted to them, training records, a training's lock."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .calibration import (
        COVERAGE,
        SMOOTHING,
        Calibration,
        calibration_path,
        fit_calibration,
        read_calibration,
        write_calibration,
    )
    from .conformal import (
        ConformalRadius,
        RadiusUnit,
        answer_radii,
        check_coverage,
        conformal_quantiles,
        conformal_rank,
        conformal_scores,
        fewest_errors,
    )
    from .familiarity import (
        FALSE_ALARMS,
        MARGIN,
        Familiarity,
        Unfamiliar,
        familiarity_path,
        fit_familiarity,
        read_familiarity,
        write_familiarity,
    )
    from .lock import HOLDER, FolderBusyError, check_free, training_lock
    from .model_versions import (
        ROLLBACKS,
        SHIPPED,
        ModelVersion,
        newest_whole_version,
        roll_back,
        rollbacks,
        version_document,
        versions,
    )
    from .observed import Observed, folds_of, joined
    from .presence_threshold import PRESENCE_THRESHOLD, PresenceThreshold, best_threshold, not_fitted
    from .store import (
        CARD,
        KEPT_VERSIONS,
        ModelCard,
        check_weights,
        find_model,
        find_weights,
        load_network,
        publish,
        read_card,
        stored_weights,
        version_files,
        version_number,
        version_numbers,
    )
    from .training_record import finite, read_training_record, record_path, write_training_record

__all__ = [
    "CARD",
    "COVERAGE",
    "FALSE_ALARMS",
    "HOLDER",
    "KEPT_VERSIONS",
    "MARGIN",
    "PRESENCE_THRESHOLD",
    "ROLLBACKS",
    "SHIPPED",
    "SMOOTHING",
    "Calibration",
    "ConformalRadius",
    "Familiarity",
    "FolderBusyError",
    "ModelCard",
    "ModelVersion",
    "Observed",
    "PresenceThreshold",
    "RadiusUnit",
    "Unfamiliar",
    "answer_radii",
    "best_threshold",
    "calibration_path",
    "check_coverage",
    "check_free",
    "check_weights",
    "conformal_quantiles",
    "conformal_rank",
    "conformal_scores",
    "familiarity_path",
    "fewest_errors",
    "find_model",
    "find_weights",
    "finite",
    "fit_calibration",
    "fit_familiarity",
    "folds_of",
    "joined",
    "load_network",
    "newest_whole_version",
    "not_fitted",
    "publish",
    "read_calibration",
    "read_card",
    "read_familiarity",
    "read_training_record",
    "record_path",
    "roll_back",
    "rollbacks",
    "stored_weights",
    "training_lock",
    "version_document",
    "version_files",
    "version_number",
    "version_numbers",
    "versions",
    "write_calibration",
    "write_familiarity",
    "write_training_record",
]

lazy_face(__name__)
