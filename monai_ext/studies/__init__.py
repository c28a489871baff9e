"""The studies folder as a store: journalled changes of images and labels that survive crashes, and readers of them.

A server keeps its studies by these parts; commands read and change the same folder without one.
"""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .change_set import ChangeSet, SizeChanges
    from .errors import ConflictError, LockedError, NotFoundError, StorageError, TooLargeError
    from .folder import (
        SPLITS_FILE,
        SUBJECTS_FILE,
        Studies,
        check_studies_folder,
        splits_document,
        subjects_document,
        with_subjects,
    )
    from .folder_readings import NewReading, ReadImage, new_reading, read_readings
    from .index_file import INDEX_FILE, Repairs, label_notes, read_index
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
    from .readers import (
        ANNOTATOR,
        CONSENSUS_OF,
        DRAFTS,
        LONGEST_NAME,
        READINGS,
        READINGS_NOTE,
        Consensus,
        checked_name,
        consensus,
        consensus_content,
        drafts,
        finished_by,
        has,
        is_consensus,
        is_same,
        own_tag,
        reader_key,
        reader_of,
        readings,
        sources,
        stated_annotator,
        stated_sources,
    )
    from .reconcile import reconcile_images, reconcile_labels, restore_labels, sweep_temporary
    from .records import (
        FIRST_SUBMISSION,
        FileEntry,
        ImageEntry,
        LabelEntry,
        Objects,
        StudiesIndex,
        check_info,
        digest,
        first_submission,
        image_entry,
        known_image,
        known_label,
        no_such_image,
        with_first_submission,
    )
    from .remapping import Remapping, find_remappings, remap
    from .state import LOCK_FILE, LOCK_SECONDS, StoreLock, StudiesState, studies_lock
    from .study_files import (
        LABEL_TAGS,
        StudyFiles,
        check_tag,
        passed_over,
        split_image_file,
        why_no_image,
    )
    from .watcher import watch_studies

__all__ = [
    "ANNOTATOR",
    "CONSENSUS_OF",
    "DRAFTS",
    "FIRST_SUBMISSION",
    "HISTORY_FOLDER",
    "INDEX_FILE",
    "JOURNAL_FILE",
    "LABEL_MEGABYTES",
    "LABEL_TAGS",
    "LOCK_FILE",
    "LOCK_SECONDS",
    "LONGEST_NAME",
    "MEGABYTE",
    "READINGS",
    "READINGS_NOTE",
    "SPLITS_FILE",
    "SUBJECTS_FILE",
    "About",
    "ChangeSet",
    "ConflictError",
    "Consensus",
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
    "StoreLock",
    "Studies",
    "StudiesIndex",
    "StudiesState",
    "StudyFiles",
    "TooLargeError",
    "check_info",
    "check_studies_folder",
    "check_tag",
    "checked_name",
    "consensus",
    "consensus_content",
    "digest",
    "drafts",
    "find_remappings",
    "finished_by",
    "first_submission",
    "has",
    "image_entry",
    "is_consensus",
    "is_readable",
    "is_same",
    "known_image",
    "known_label",
    "label_notes",
    "label_rows",
    "new_reading",
    "no_such_image",
    "own_tag",
    "passed_over",
    "read_index",
    "read_journal",
    "read_readings",
    "reader_key",
    "reader_of",
    "readings",
    "reconcile_images",
    "reconcile_labels",
    "remap",
    "restore_labels",
    "sources",
    "split_image_file",
    "splits_document",
    "stated_annotator",
    "stated_sources",
    "studies_lock",
    "study_rows",
    "subjects_document",
    "sweep_temporary",
    "watch_studies",
    "why_no_image",
    "with_first_submission",
    "with_subjects",
]

lazy_face(__name__)
