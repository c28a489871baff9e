"""A studies folder: images with their labels, and its changes without a server, which the server's store takes in."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .folder import SPLITS_FILE, Studies, check_studies_folder, splits_document
    from .lock import LOCK_FILE, studies_lock
    from .passed_over import passed_over, why_no_image
    from .readers import (
        ANNOTATOR,
        CONSENSUS_OF,
        DRAFTS,
        LONGEST_NAME,
        READINGS,
        Consensus,
        checked_name,
        consensus,
        consensus_content,
        reader_key,
        sources,
        stated_annotator,
        stated_sources,
    )
    from .readings import NewReading, ReadImage, new_reading, read_readings
    from .remapping import Remapping, find_remappings, remap
    from .replaced_labels import LabelReplacement, replace_labels
    from .submission import FIRST_SUBMISSION, first_submission, with_first_submission

__all__ = [
    "ANNOTATOR",
    "CONSENSUS_OF",
    "DRAFTS",
    "FIRST_SUBMISSION",
    "LOCK_FILE",
    "LONGEST_NAME",
    "READINGS",
    "SPLITS_FILE",
    "Consensus",
    "LabelReplacement",
    "NewReading",
    "ReadImage",
    "Remapping",
    "Studies",
    "check_studies_folder",
    "checked_name",
    "consensus",
    "consensus_content",
    "find_remappings",
    "first_submission",
    "new_reading",
    "passed_over",
    "read_readings",
    "reader_key",
    "remap",
    "replace_labels",
    "sources",
    "splits_document",
    "stated_annotator",
    "stated_sources",
    "studies_lock",
    "why_no_image",
    "with_first_submission",
]

lazy_face(__name__)
