"""Files of a studies folder that are written together: all are complete on the disk before the first is in place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from monai_ext.images import CALIBRATION_FILE, StatedSize, with_stated_sizes
from monai_ext.landmarks import InputError, Landmarks, StagedFile, json_text, markups_document, read_json, sync_folder
from monai_ext.studies import (
    HISTORY_FOLDER,
    SPLITS_FILE,
    SUBJECTS_FILE,
    ChangeSet,
    LabelHistory,
    NewReading,
    Studies,
    label_notes,
    read_index,
    splits_document,
    stated_sources,
    subjects_document,
)


class StudiesChange:
    """Files that an import adds to a studies folder.

    Each file is prepared, hidden beside its place; :meth:`commit` puts all in place. Used as a context: where it is
    left by an error before that, nothing remains, and a full or read-only disk is one sentence.

    Args:
        studies: the studies folder; need not exist.
    """

    def __init__(self, studies: Studies) -> None:
        self.studies = studies
        self._staged: list[StagedFile] = []
        self._made: list[Path] = []
        self._dropped: list[Path] = []
        self._former = ChangeSet({})
        self._placed = 0

    def __enter__(self) -> StudiesChange:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        for staged in self._staged[self._placed :]:
            staged.discard()
        self._former.discard()
        if not self._placed:
            for folder in reversed(self._made):
                _remove_if_empty(folder)
        if isinstance(error, OSError):
            total = len(self._staged)
            left = (
                f"{self._placed} of {total} files are in place: run the same command with --overwrite to go on"
                if self._placed
                else "nothing was written"
            )
            raise InputError(f"{self.studies.root} cannot be written ({error}); {left}.") from error

    def add_file(self, path: Path, content: str | bytes) -> None:
        """Prepares a file."""
        self._note_folders(path)
        self._staged.append(StagedFile(path, content))

    def add_label(self, image: str, landmarks: Landmarks, descriptions: Mapping[str, str]) -> None:
        """Prepares the final label of an image, with what a person wrote of its points."""
        path = self.studies.label_path(image)
        self._keep(image, "final")
        self.add_file(path, json_text(path, markups_document(landmarks, descriptions=descriptions)))

    def add_reading(self, image: str, reading: NewReading) -> None:
        """Prepares the files of a reader's label."""
        for tag, content in reading.files.items():
            self._keep(image, tag)
            self.add_file(self.studies.label_path(image, tag), content)
        if reading.drop_final:
            self._keep(image, "final")
            self._dropped.append(self.studies.label_path(image))

    def add_splits(self, splits: Mapping[str, str]) -> None:
        """Prepares ``splits.json`` with these splits and, for other images, those that it has."""
        path = self.studies.root / SPLITS_FILE
        self.add_file(path, json_text(path, splits_document({**self.studies.stated_splits(), **splits})))

    def add_subjects(self, subjects: Mapping[str, str]) -> None:
        """Prepares ``subjects.json`` with these subjects and, for other images, those that it has."""
        path = self.studies.root / SUBJECTS_FILE
        self.add_file(path, json_text(path, subjects_document({**self.studies.subjects(), **subjects})))

    def add_pixel_sizes(self, sizes: Mapping[str, StatedSize]) -> None:
        """Prepares ``calibration.json`` with these pixel sizes and, for other images, those that it has."""
        path = self.studies.root / CALIBRATION_FILE
        self.add_file(path, json_text(path, with_stated_sizes(self.studies.root, sizes)))

    def commit(self) -> None:
        """Puts the prepared files in place, in the order in which they were prepared."""
        self._former.apply()
        for staged in self._staged:
            staged.commit()
            self._placed += 1
        for path in self._dropped:
            path.unlink(missing_ok=True)
        for folder in {staged.path.parent for staged in self._staged}:
            sync_folder(folder)

    def _keep(self, image: str, tag: str) -> None:
        """Prepares that the present label becomes an earlier version, unless it is made of readings, which are kept."""
        path = self.studies.label_path(image, tag)
        if not path.is_file() or (tag == "final" and _is_made_of_readings(path)):
            return
        labels = self.studies.root / "labels"
        self._note_folders(labels / HISTORY_FOLDER / tag / image / path.name)
        notes = dict(label_notes(read_index(self.studies.root), image, tag, path))
        LabelHistory(labels).keep(self._former, image, tag, path, notes, "replaced")

    def _note_folders(self, path: Path) -> None:
        """Notes the folders that a file will be the first in."""
        missing = [folder for folder in path.parents if not folder.exists()]
        self._made += reversed(missing)


def _is_made_of_readings(label: Path) -> bool:
    try:
        return stated_sources(read_json(label)) is not None
    except InputError:  # a damaged one is replaced too
        return False


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:  # never made, or in use by another process meanwhile
        return
