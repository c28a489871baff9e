"""Images of a study that a model has learned from, as far as its folder and the splits say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monai_ext.models import ModelCard
from monai_ext.studies import Studies

from .dataset import read_seen_labels, read_settled_sides


@dataclass(frozen=True)
class LearnedImages:
    """Those of some images that a model, or a version that it began with, was trained on.

    Attributes:
        ids: the images.
        recorded: whether the model's folder says so. Otherwise they are those of the split "train" in the study that
            the model was validated in.
        by_subject: whether some are none of these themselves, but of a subject whose other images are.
        images: how many were asked about.
        model: what the model is called.
    """

    ids: tuple[str, ...]
    recorded: bool
    by_subject: bool
    images: int
    model: str

    @property
    def count(self) -> int | None:
        """How many they are; None where the model's folder does not say."""
        return len(self.ids) if self.recorded else None

    @property
    def sentence(self) -> str | None:
        """A warning of errors that are too small; None where there is no reason for one."""
        if not self.ids:
            return None
        share, others = f"{len(self.ids)} of the {self.images} images", "others of their subjects"
        larger = "its errors on images that training has not seen are larger."
        if self.recorded:
            learned = f"{share}{f', or {others},' if self.by_subject else ''} trained {self.model} (by their IDs)"
            return f"{learned}: {larger}"
        return (
            f"{share} are of the split train, and the folder of {self.model} does not say which images trained it: if "
            f"these did, {larger}"
        )


def learned_images(studies: Studies, images: Sequence[str], folder: Path, card: ModelCard) -> LearnedImages:
    """Which of some images trained a model or one before it.

    Args:
        studies: holds the images; its splits and subjects count.
        images: IDs.
        folder: of the model; its trainings list there the images that they have seen.
        card: of the model.

    Raises:
        InputError: a list in the folder, ``splits.json`` or ``subjects.json`` is damaged.
    """
    seen, sides = read_seen_labels(folder), read_settled_sides(folder)
    splits, subjects, present = studies.splits(), studies.subjects(), studies.images()
    recorded, validated_here = bool(seen or sides), any(id in present for id in card.val_images)

    def learned(id: str) -> bool:
        if id in card.val_images:  # a version before may have learned from it, where the splits changed since
            return card.parent is not None and sides.get(id) == "train"
        if sides.get(id) == "train":
            return True
        if "val" in (sides.get(id), splits.get(id)) or splits.get(id) == "test":
            return False
        return id in seen if recorded else validated_here and splits.get(id) == "train"

    known = {id for id in {*seen, *sides, *present} if learned(id)}
    of_subjects = {subjects[id] for id in known if id in subjects}
    found = tuple(id for id in images if id in known or subjects.get(id) in of_subjects)
    return LearnedImages(
        ids=found,
        recorded=recorded,
        by_subject=any(id not in known for id in found),
        images=len(images),
        model=f"{card.protocol.name} {card.version}",
    )
