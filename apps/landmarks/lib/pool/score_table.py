"""Scores and features that models gave images of the studies: in memory, in the notes on images, and in a file."""

from __future__ import annotations

import io
import logging
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from monai_ext.landmarks import FloatArray, write_atomically

logger = logging.getLogger(__name__)

#: Below the studies folder; a name with a dot in front is no image and no label.
FOLDER = ".pool"


class Origin(NamedTuple):
    """Origin of scores; those of different origins are not compared.

    Attributes:
        model_version: of the model.
        weights: identifies its weights.
        measure: of uncertainty.
    """

    model_version: str
    weights: str
    measure: str


class ImageScore(NamedTuple):
    """Score of one image by a model.

    Attributes:
        file: the state of the image file that it looked at.
        score: how unsure it is.
        features: (F,) of its encoder; None if they were lost.
    """

    file: str
    score: float
    features: FloatArray | None = None


@dataclass(frozen=True)
class ScoreTable:
    """Scores of one origin by image ID."""

    origin: Origin
    images: dict[str, ImageScore] = field(default_factory=dict)

    def covers(self, images: Collection[str], features: bool = False) -> int:
        """Returns how many of some images it has a score, or features, for."""
        known = (self.images[image] for image in images if image in self.images)
        return sum(not features or score.features is not None for score in known)

    def spread(self, images: Collection[str]) -> dict[str, float] | None:
        """The median and the highest score of some images; None if none of them has one."""
        scores = [known.score for image, known in self.images.items() if image in images]
        return {"median": median(scores), "highest": max(scores)} if scores else None

    def is_up_to_date(self, image: str, file: str) -> bool:
        """Returns whether nothing of an image is left to be found out."""
        known = self.images.get(image)
        return known is not None and known.file == file and known.features is not None


@dataclass
class ScoreTables:
    """The table of the current model, and the fullest one of those before it. Its user keeps it from other threads."""

    current: ScoreTable | None = None
    former: ScoreTable | None = None

    def turn_to(self, origin: Origin) -> None:
        """Begins the table of another model, unless it is the current one already."""
        if self.current is not None and self.current.origin == origin:
            return
        known = [table for table in (self.current, self.former) if table is not None and table.images]
        self.former = max(known, key=lambda table: len(table.images), default=None)
        self.current = ScoreTable(origin)

    def keep_only(self, files: Mapping[str, str]) -> None:
        """Forgets what is said of files that were replaced, and of images that no longer exist.

        Args:
            files: the present state of each image file.
        """
        for table in (self.current, self.former):
            if table is not None:
                for image in [i for i, known in table.images.items() if files.get(i) != known.file]:
                    del table.images[image]

    def best_for(self, images: Collection[str], features: bool = False) -> ScoreTable | None:
        """A copy of the table that knows most of some images; the current one of two that know as many.

        After a new network was published that is the former one, until the new one has looked at as many images.

        Args:
            images: the images.
            features: whether those count only whose features are known; a restart leaves those of the newest network.
        """
        tables = [table for table in (self.current, self.former) if table is not None]
        tables = [table for table in tables if table.covers(images, features)]
        best = max(tables, key=lambda table: table.covers(images, features), default=None)
        return None if best is None else replace(best, images=dict(best.images))


def note_of(origin: Origin, known: ImageScore) -> dict[str, Any]:
    """Returns what the info of an image records."""
    return {**origin._asdict(), "score": known.score, "file": known.file}


def read_note(note: object) -> tuple[Origin, ImageScore] | None:
    """Returns what :func:`note_of` recorded; None if there is none, or it was changed to something else."""
    if not isinstance(note, dict):
        return None
    words = [word for name in (*Origin._fields, "file") if isinstance(word := note.get(name), str)]
    score = note.get("score")
    if len(words) <= len(Origin._fields) or not isinstance(score, int | float):
        return None
    return Origin(*words[:-1]), ImageScore(words[-1], float(score))


class FeatureFile:
    """The features of images in ``.pool/<protocol>.npz``, beside the index, which they would make slow to write.

    What is lost is found out again.
    """

    def __init__(self, studies: Path, protocol: str) -> None:
        self.path = studies / FOLDER / f"{protocol}.npz"

    def write(self, weights: str, images: Mapping[str, ImageScore]) -> None:
        """Replaces the file by the features of images that one model gave.

        Raises:
            OSError: it cannot be written; the old one stays.
        """
        known = {image: score for image, score in images.items() if score.features is not None}
        content = io.BytesIO()
        np.savez(
            content,
            weights=np.array(weights),
            images=np.array(list(known), dtype=np.str_),
            files=np.array([score.file for score in known.values()], dtype=np.str_),
            features=np.array([score.features for score in known.values()], dtype=np.float32),
        )
        write_atomically(self.path, content.getvalue())

    def read(self, weights: str) -> dict[tuple[str, str], FloatArray]:
        """The features (F,) that a model gave, by image and state of its file; none where the file is lost."""
        try:
            with np.load(self.path, allow_pickle=False) as content:
                if str(content["weights"]) != weights:
                    return {}
                images, files, features = (content[name] for name in ("images", "files", "features"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            logger.warning("%s cannot be read (%s): the features of its images are computed again.", self.path, error)
            return {}
        return {(str(image), str(file)): row for image, file, row in zip(images, files, features, strict=True)}
