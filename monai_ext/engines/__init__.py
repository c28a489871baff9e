"""Training and validation on MONAI's engines."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .dataset import (
        SEEN_LABELS,
        LabelledImage,
        add_seen_labels,
        labelled_images,
        read_labels,
        read_seen_labels,
        read_settled_sides,
        split_images,
    )
    from .familiar import learn_familiarity
    from .initialisation import SOURCES, distilled, find_source
    from .job import is_resumable, run_signature
    from .learned_images import LearnedImages, learned_images
    from .optimisation import build_optimizer
    from .options import OnProgress, SourceOptions, TrainOptions, TrainResult
    from .source_images import ClassImage, read_class_folders, read_class_table
    from .source_training import SourceResult, train_source
    from .stop import ResourceError, StoppedError, StopSwitch, is_out_of_memory, stopped_by_signals
    from .train import train_model
    from .validation import RadialErrorSummary, validate_model

__all__ = [
    "SEEN_LABELS",
    "SOURCES",
    "ClassImage",
    "LabelledImage",
    "LearnedImages",
    "OnProgress",
    "RadialErrorSummary",
    "ResourceError",
    "SourceOptions",
    "SourceResult",
    "StopSwitch",
    "StoppedError",
    "TrainOptions",
    "TrainResult",
    "add_seen_labels",
    "build_optimizer",
    "distilled",
    "find_source",
    "is_out_of_memory",
    "is_resumable",
    "labelled_images",
    "learn_familiarity",
    "learned_images",
    "read_class_folders",
    "read_class_table",
    "read_labels",
    "read_seen_labels",
    "read_settled_sides",
    "run_signature",
    "split_images",
    "stopped_by_signals",
    "train_model",
    "train_source",
    "validate_model",
]

lazy_face(__name__)
