"""The studies folder as a store: journalled changes of images and labels that survive crashes, and readers of them.

A server keeps its studies by these parts; commands read and change the same folder without one.
"""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .change_set import ChangeSet
    from .errors import ConflictError, LockedError, NotFoundError, StorageError, TooLargeError
    from .folder_readings import NewReading, ReadImage, new_reading, read_readings
    from .index_file import INDEX_FILE, Repairs, read_index
    from .journal import JOURNAL_FILE, JournalState, read_journal
    from .label_changes import (
        HISTORY_FOLDER,
        LABEL_MEGABYTES,
        MEGABYTE,
        LabelChanges,
        LabelHistory,
        LabelVersion,
        is_readable,
    )
    from .measurements import label_rows, study_rows
    from .reader_labels import About, Readings
    from .reader_places import (
        CONSENSUS_OF,
        drafts,
        finished_by,
        has,
        is_consensus,
        is_same,
        own_tag,
        reader_of,
        readings,
    )
    from .reconcile import reconcile_images, reconcile_labels, restore_labels, sweep_temporary
    from .records import (
        FileEntry,
        ImageEntry,
        LabelEntry,
        Objects,
        StudiesIndex,
        check_info,
        digest,
        image_entry,
        known_image,
        known_label,
    )
    from .remapping import Remapping, find_remappings, remap
    from .size_changes import SizeChanges
    from .state import StudiesState
    from .store_lock import LOCK_SECONDS
    from .study_files import LABEL_TAGS, StudyFiles, check_tag, no_such_image, split_image_file
    from .watcher import watch_studies

__all__ = [
    "CONSENSUS_OF",
    "HISTORY_FOLDER",
    "INDEX_FILE",
    "JOURNAL_FILE",
    "LABEL_MEGABYTES",
    "LABEL_TAGS",
    "LOCK_SECONDS",
    "MEGABYTE",
    "About",
    "ChangeSet",
    "ConflictError",
    "FileEntry",
    "ImageEntry",
    "JournalState",
    "LabelChanges",
    "LabelEntry",
    "LabelHistory",
    "LabelVersion",
    "LockedError",
    "NewReading",
    "NotFoundError",
    "Objects",
    "ReadImage",
    "Readings",
    "Remapping",
    "Repairs",
    "SizeChanges",
    "StorageError",
    "StudiesIndex",
    "StudiesState",
    "StudyFiles",
    "TooLargeError",
    "check_info",
    "check_tag",
    "digest",
    "drafts",
    "find_remappings",
    "finished_by",
    "has",
    "image_entry",
    "is_consensus",
    "is_readable",
    "is_same",
    "known_image",
    "known_label",
    "label_rows",
    "new_reading",
    "no_such_image",
    "own_tag",
    "read_index",
    "read_journal",
    "read_readings",
    "reader_of",
    "readings",
    "reconcile_images",
    "reconcile_labels",
    "remap",
    "restore_labels",
    "split_image_file",
    "study_rows",
    "sweep_temporary",
    "watch_studies",
]

lazy_face(__name__)
