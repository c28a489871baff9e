"""A studies folder looked at once: which files there are, and what their headers say."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from monai_ext.images import LABEL_EXTENSION, image_id_of, read_frame
from monai_ext.landmarks import TEMPORARY_NAME, Frame, InputError
from monai_ext.studies import passed_over

#: A temporary file of a write that goes on is younger.
_LEFT_BEHIND_SECONDS = 60.0


@dataclass
class Survey:
    """Contents of a studies folder.

    Attributes:
        root: the folder.
        images: the image files of each ID; more than one where they share it.
        frames: the frame of each image whose header can be read.
        unreadable: for each other image, why not.
        passed_over: what looks like an image and is not used, with the reason, a sentence each.
        labels: for each tag, the label file of each image ID.
        other: files in a label folder that are no labels.
        aside: damaged files that the server set aside.
        damaged: labels that could not be read, which the server put aside.
        temporary: files of writes that never ended.
    """

    root: Path
    images: dict[str, list[Path]] = field(default_factory=dict)
    frames: dict[str, Frame] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    passed_over: list[str] = field(default_factory=list)
    labels: dict[str, dict[str, Path]] = field(default_factory=dict)
    other: list[Path] = field(default_factory=list)
    aside: list[Path] = field(default_factory=list)
    damaged: list[Path] = field(default_factory=list)
    temporary: list[Path] = field(default_factory=list)

    def labelled(self, tag: str) -> list[str]:
        """The IDs of the images that have a label with that tag."""
        return [image for image in self.images if image in self.labels.get(tag, {})]


def survey_studies(root: Path, on_image: Callable[[int, int], None] = lambda done, total: None) -> Survey:
    """Looks through a studies folder and reads the header of every image.

    Args:
        root: the folder.
        on_image: called with the images done and their number.

    Raises:
        OSError: a folder cannot be read.
    """
    survey = Survey(root)
    for path in sorted(root.iterdir()):
        id = image_id_of(path)
        if path.is_file() and id:
            survey.images.setdefault(id, []).append(path)
    survey.passed_over = passed_over(root)
    _survey_labels(survey)
    _survey_leftovers(survey)
    for number, (id, paths) in enumerate(survey.images.items(), start=1):
        try:
            survey.frames[id] = read_frame(paths[0])
        except (InputError, OSError) as error:
            survey.unreadable[id] = str(error)
        on_image(number, len(survey.images))
    return survey


def _survey_labels(survey: Survey) -> None:
    folder = survey.root / "labels"
    tags = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    for tag in tags:
        if tag.name.startswith("."):
            continue  # the server's own, e.g. earlier versions
        found = survey.labels.setdefault(tag.name, {})
        for path in sorted(tag.iterdir()):
            if path.name.startswith("."):
                continue
            id = path.name.removesuffix(LABEL_EXTENSION)
            if path.is_file() and id not in ("", path.name):
                found[id] = path
            else:
                survey.other.append(path)


def _survey_leftovers(survey: Survey) -> None:
    now, labels = time.time(), survey.root / "labels"
    for path in sorted([*survey.root.iterdir(), *labels.rglob("*")]):
        if ".corrupt-" in path.name:
            survey.aside.append(path)
        elif TEMPORARY_NAME.fullmatch(path.name) and _age(path, now) > _LEFT_BEHIND_SECONDS:
            survey.temporary.append(path)
        elif labels / ".damaged" in path.parents and path.is_file():
            survey.damaged.append(path)


def _age(path: Path, now: float) -> float:
    try:
        return now - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0  # gone meanwhile: the write has ended
