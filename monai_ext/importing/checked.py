"""An import that was checked as a whole: what it will write, and then writing it, all of its files together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np

from monai_ext.images import (
    CALIBRATION_FILE,
    StatedSize,
    read_exif_orientation,
    read_image,
    read_stated_sizes,
    stated_size,
    with_stated_sizes,
)
from monai_ext.landmarks import (
    InputError,
    Landmarks,
    Split,
    StagedFile,
    json_text,
    markups_document,
    new_protocol_text,
    sync_folder,
)
from monai_ext.studies import (
    LOCK_FILE,
    SPLITS_FILE,
    SUBJECTS_FILE,
    NewReading,
    Studies,
    new_reading,
    read_index,
    splits_document,
    studies_lock,
    subjects_document,
    with_subjects,
)

from .placing import ExifReading, Placed, place
from .plan import PlannedImage


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
        self._placed = 0

    def __enter__(self) -> StudiesChange:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        for staged in self._staged[self._placed :]:
            staged.discard()
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

    def add_image(self, copy: Path, content: bytes) -> None:
        """Prepares an image file."""
        self._stage(copy, content)

    def add_label(self, image: str, landmarks: Landmarks) -> None:
        """Prepares the final label of an image."""
        path = self.studies.label_path(image)
        self._stage(path, json_text(path, markups_document(landmarks)))

    def add_reading(self, image: str, reading: NewReading) -> None:
        """Prepares the files of a reader's label."""
        for tag, content in reading.files.items():
            self._stage(self.studies.label_path(image, tag), content)
        if reading.drop_final:
            self._dropped.append(self.studies.label_path(image))

    def add_splits(self, splits: Mapping[str, str]) -> None:
        """Prepares ``splits.json`` with these splits and, for other images, those that it has."""
        path = self.studies.root / SPLITS_FILE
        self._stage(path, json_text(path, splits_document({**self.studies.stated_splits(), **splits})))

    def add_subjects(self, subjects: Mapping[str, str]) -> None:
        """Prepares ``subjects.json`` with these subjects and, for other images, those that it has."""
        path = self.studies.root / SUBJECTS_FILE
        self._stage(path, json_text(path, subjects_document({**self.studies.subjects(), **subjects})))

    def add_pixel_sizes(self, sizes: Mapping[str, StatedSize]) -> None:
        """Prepares ``calibration.json`` with these pixel sizes and, for other images, those that it has."""
        path = self.studies.root / CALIBRATION_FILE
        self._stage(path, json_text(path, with_stated_sizes(self.studies.root, sizes)))

    def add_file(self, path: Path, text: str) -> None:
        """Prepares any other file."""
        self._stage(path, text)

    def commit(self) -> None:
        """Puts the prepared files in place, in the order in which they were prepared."""
        for staged in self._staged:
            staged.commit()
            self._placed += 1
        for path in self._dropped:
            path.unlink(missing_ok=True)
        for folder in {staged.path.parent for staged in self._staged}:
            sync_folder(folder)

    def _stage(self, path: Path, data: str | bytes) -> None:
        missing = [folder for folder in path.parents if not folder.exists()]
        self._made += reversed(missing)
        self._staged.append(StagedFile(path, data))


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:  # never made, or in use by another process meanwhile
        return


@dataclass(frozen=True)
class CheckedImport:
    """Images with their landmarks that may be written to a studies folder.

    Args:
        studies: the studies folder; need not exist.
        names: the landmarks.
        images: what is planned for each image, and where its landmarks lie.
        table: the file name of the table.
        readings: with a reader's name, the files that the reader's labels change, by image ID.
    """

    studies: Studies
    names: tuple[str, ...]
    images: tuple[tuple[PlannedImage, Placed], ...]
    table: str
    readings: Mapping[str, NewReading] | None = None

    @property
    def labels(self) -> dict[str, Landmarks]:
        """The labels to write by image ID; an image of which the table states nothing has none."""
        return {image.id: found.landmarks for image, found in self.images if found.says_something}

    @property
    def splits(self) -> dict[str, Split]:
        """The split by image ID, where the table states one."""
        return {image.id: cast(Split, image.entry.split) for image, _ in self.images if image.entry.split}

    @property
    def subjects(self) -> dict[str, str]:
        """The subject by image ID, where the table states one."""
        return {image.id: image.entry.subject for image, _ in self.images if image.entry.subject}

    @property
    def pixel_sizes(self) -> dict[str, StatedSize]:
        """The pixel sizes that the table, or ``calibration.json`` beside the image, states, by image ID."""
        sizes = {}
        for image, found in self.images:
            if found.mm_per_px:
                sizes[image.id] = StatedSize(found.mm_per_px, "table", table=self.table)
            elif image.is_new and (known := stated_size(image.source.path)):
                sizes[image.id] = known
        return sizes

    def write(self, new_protocol: Path | None = None) -> None:
        """Writes images, labels, splits, subjects and, where it is named, a first protocol file: all of them or none.

        Raises:
            InputError: the disk is full or cannot be written, or there can be no such protocol file.
        """
        with StudiesChange(self.studies) as change:
            if new_protocol:
                sizes = [found.landmarks.frame.size for _, found in self.images]
                text = new_protocol_text(new_protocol, self.names, _channels(self.images[0][0].source.path), sizes)
                change.add_file(new_protocol, text)
            for image, _ in self.images:
                if image.is_new:
                    change.add_image(image.copy, image.source.content())
            for image_id, landmarks in self.labels.items():
                if self.readings is None:
                    change.add_label(image_id, landmarks)
                else:
                    change.add_reading(image_id, self.readings[image_id])
            # A server that works in the folder must not change what is added to meanwhile.
            with studies_lock(self.studies.root) if _is_served(self.studies.root) else nullcontext():
                if self.splits:
                    change.add_splits(self.splits)
                if self.subjects:
                    change.add_subjects(self.subjects)
                if self.pixel_sizes:
                    change.add_pixel_sizes(self.pixel_sizes)
                change.commit()


def check_import(
    planned: Sequence[PlannedImage],
    studies: Studies,
    names: Sequence[str],
    table: str,
    *,
    exif: ExifReading | None = None,
    annotator: str | None = None,
    overwrite: bool = False,
    progress: Callable[[], object] = lambda: None,
) -> CheckedImport:
    """Reads every image and places its landmarks on it; nothing is written.

    Args:
        planned: the images.
        studies: where they shall go.
        names: the landmarks, in the order of the labels.
        table: the file name of the table: where stated pixel sizes came from.
        exif: which picture of an image with an EXIF orientation the table means; None takes it from declared sizes.
        annotator: the reader whose labels these are, beside those of another; None: they are the study's labels.
        overwrite: labels may replace those that exist.
        progress: called after each image.

    Raises:
        InputError: an image is damaged, its points do not fit it (see :func:`.placing.place`), or it has a label or
            another stated pixel size already.
    """
    images = []
    for image in planned:
        # decodes it all: a damaged image is refused here, not in training
        _, frame = read_image(image.source.path, "grey", stated=False)
        orientation = read_exif_orientation(image.source.path)
        images.append((image, place(image.name, image.entry, frame, orientation, names, exif)))
        progress()
    checked = CheckedImport(studies, tuple(names), tuple(images), table)
    splits, subjects = studies.stated_splits() | checked.splits, studies.subjects() | checked.subjects
    with_subjects(splits, subjects, f"{table}, with what {studies.root} has,")
    if annotator is not None:
        index = read_index(studies.root)
        readings = {
            image: new_reading(studies, index, image, landmarks, annotator, overwrite=overwrite)
            for image, landmarks in checked.labels.items()
        }
        checked = replace(checked, readings=readings)
    for label in map(studies.label_path, checked.labels) if annotator is None else ():
        if label.exists() and not overwrite:
            raise InputError(f"The label {label} exists: use --overwrite to replace it.")
    present = read_stated_sizes(studies.root)
    for image_id, size in checked.pixel_sizes.items():
        if not overwrite and image_id in present and present[image_id].mm_per_px != size.mm_per_px:
            raise InputError(
                f"{studies.root / CALIBRATION_FILE} states another pixel size of {image_id!r} "
                f"({present[image_id].mm_per_px} mm, {present[image_id].source()}): use --overwrite to replace it."
            )
    return checked


def _is_served(folder: Path) -> bool:
    """True if a server has worked in a studies folder."""
    return (folder / LOCK_FILE).exists()


def _channels(path: Path) -> str:
    red, green, blue = read_image(path, "rgb")[0]
    return "grey" if np.array_equal(red, green) and np.array_equal(red, blue) else "rgb"
