"""An import that was checked as a whole: what it will write, and then writing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np

from monai_ext.images import (
    CALIBRATION_FILE,
    LABEL_EXTENSION,
    StatedSize,
    read_exif_orientation,
    read_image,
    read_stated_sizes,
    stated_size,
)
from monai_ext.landmarks import InputError, Landmarks, Split, new_protocol_text
from monai_ext.studies import (
    LOCK_FILE,
    READINGS,
    NewReading,
    Studies,
    new_reading,
    read_index,
    studies_lock,
    with_subjects,
)

from .placing import ExifReading, Placed, place
from .plan import PlannedImage
from .writing import StudiesChange

#: Modification time, inode and size of a label file; None if there is none.
LabelState = tuple[int, int, int] | None


@dataclass(frozen=True)
class CheckedImport:
    """Images with their landmarks that may be written to a studies folder.

    Args:
        studies: the studies folder; need not exist.
        names: the landmarks.
        images: what is planned for each image, and where its landmarks lie.
        table: the file name of the table.
        readings: with a reader's name, the files that the reader's labels change, by image ID.
        labels_before: the state of each label file of the images when the check began.
    """

    studies: Studies
    names: tuple[str, ...]
    images: tuple[tuple[PlannedImage, Placed], ...]
    table: str
    readings: Mapping[str, NewReading] | None = None
    labels_before: Mapping[Path, LabelState] = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, Landmarks]:
        """The labels to write by image ID; an image of which the table states nothing has none."""
        return {image.id: found.landmarks for image, found in self.images if found.says_something}

    @property
    def descriptions(self) -> dict[str, dict[str, str]]:
        """What a person wrote of points in the table, by image ID and landmark."""
        return {image.id: {name: p.description for name, p in image.entry.points.items()} for image, _ in self.images}

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
            InputError: the disk is full or cannot be written, there can be no such protocol file, or a label was saved
                meanwhile.
        """
        with StudiesChange(self.studies) as change:
            if new_protocol:
                sizes = [found.landmarks.frame.size for _, found in self.images]
                text = new_protocol_text(new_protocol, self.names, _channels(self.images[0][0].source.path), sizes)
                change.add_file(new_protocol, text)
            for image, _ in self.images:
                if image.is_new:
                    change.add_file(image.copy, image.source.content())
            for image_id, landmarks in self.labels.items():
                if self.readings is None:
                    change.add_label(image_id, landmarks, self.descriptions[image_id])
                else:
                    change.add_reading(image_id, self.readings[image_id])
            # A server that works in the folder must not change what is added to meanwhile.
            with studies_lock(self.studies.root) if _is_served(self.studies.root) else nullcontext():
                _refuse_changed(self.labels_before)
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
    folders = [studies.root / "labels" / tag for tag in ("final", *READINGS)]
    paths = [folder / f"{image.id}{LABEL_EXTENSION}" for image in planned for folder in folders]
    before = {path: _label_state(path) for path in paths}
    images = []
    for image in planned:
        # decodes it all: a damaged image is refused here, not in training
        _, frame = read_image(image.source.path, "grey", stated=False)
        orientation = read_exif_orientation(image.source.path)
        images.append((image, place(image.name, image.entry, frame, orientation, names, exif)))
        progress()
    checked = CheckedImport(studies, tuple(names), tuple(images), table, labels_before=before)
    splits, subjects = studies.stated_splits() | checked.splits, studies.subjects() | checked.subjects
    with_subjects(splits, subjects, f"{table}, with what {studies.root} has,")
    if annotator is not None:
        index = read_index(studies.root)
        readings = {
            image: new_reading(
                studies, index, image, landmarks, annotator, checked.descriptions[image], overwrite=overwrite
            )
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


def _label_state(path: Path) -> LabelState:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def _refuse_changed(before: Mapping[Path, LabelState]) -> None:
    """Refuses to replace, or to build upon, labels that a person saved while the import was checked."""
    for path, state in before.items():
        if _label_state(path) != state:
            raise InputError(
                f"The label {path} was changed while the import was checked: nothing was written; run the same command "
                "again."
            )


def _is_served(folder: Path) -> bool:
    """True if a server has worked in a studies folder."""
    return (folder / LOCK_FILE).exists()


def _channels(path: Path) -> str:
    red, green, blue = read_image(path, "rgb")[0]
    return "grey" if np.array_equal(red, green) and np.array_equal(red, blue) else "rgb"
