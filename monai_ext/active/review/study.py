"""All final labels of a studies folder, reviewed: which to look at first."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from monai_ext.images import read_frame
from monai_ext.landmarks import FloatArray, InputError, Landmarks, Protocol, read_label
from monai_ext.studies import Studies, label_notes, read_index

from .orders import Orders
from .rules import FACTOR, Flag, implausible, severity

#: In a label's info: a person looked at its flags and stands by the label.
REVIEWED = "reviewed"


@dataclass(frozen=True)
class FinalLabels:
    """The final labels of one protocol in a studies folder.

    Attributes:
        labels: by image ID.
        confirmed: images whose label a person has confirmed.
        others: how many labels belong to other protocols.
    """

    labels: Mapping[str, Landmarks]
    confirmed: frozenset[str]
    others: int


@dataclass(frozen=True)
class Evidence:
    """Answer of a model for one image.

    Attributes:
        landmarks: that it found.
        radius: (K,) in the unit of the image's frame; NaN where not known.
    """

    landmarks: Landmarks
    radius: FloatArray


@dataclass(frozen=True)
class ReviewedLabel:
    """One label with its flags, the clearest first."""

    image: str
    flags: tuple[Flag, ...]

    @property
    def severity(self) -> float:
        """The size of the clearest flag; 0 without flags."""
        return severity(list(self.flags))

    def to_dict(self) -> dict[str, Any]:
        """Finite JSON."""
        flags = [flag.to_dict() for flag in self.flags]
        return {"image": self.image, "severity": round(self.severity, 4), "flags": flags}


def read_final_labels(studies: Studies, protocol: Protocol) -> FinalLabels:
    """The final labels of a protocol: those that the server noted it for, and those without a note that fit it.

    A label that may not be used is warned of.

    Raises:
        InputError: the folder does not exist, or its index is damaged.
    """
    images, index = studies.images(), read_index(studies.root)
    labels: dict[str, Landmarks] = {}
    confirmed, others = set(), 0
    for image in studies.labelled():
        notes = label_notes(index, image, "final", studies.label_path(image))
        if notes.get("protocol") not in (None, protocol.name):
            others += 1
            continue
        try:
            labels[image] = read_label(studies.label_path(image), read_frame(images[image]), protocol)
        except InputError as error:
            warnings.warn(f"The label of {image} is left out: {error}", stacklevel=2)
            continue
        if notes.get(REVIEWED) is True:
            confirmed.add(image)
    return FinalLabels(labels, frozenset(confirmed), others)


def review_labels(
    labels: Mapping[str, Landmarks],
    protocol: Protocol,
    look: Callable[[str], Evidence | None] | None,
    *,
    factor: float = FACTOR,
    on_image: Callable[[], None] = lambda: None,
) -> list[ReviewedLabel]:
    """Every label with its flags, those that need a look first.

    Args:
        labels: by image ID; each is set against all others.
        protocol: the landmark task.
        look: what a model says of an image, None of one that cannot be read; None without a model.
        factor: how many radii a label may lie from the model's point.
        on_image: called after each image.
    """
    orders = Orders.fit(list(labels.values()), protocol.landmark_names)
    reviewed = []
    for image, label in labels.items():
        seen = None if look is None else look(image)
        found, radius = (None, None) if seen is None else (seen.landmarks, seen.radius)
        flags = implausible(label, found, radius, protocol, orders.without(label), factor=factor)
        reviewed.append(ReviewedLabel(image, tuple(flags)))
        on_image()
    return sorted(reviewed, key=lambda row: (-row.severity, row.image))


def never_judged(evidence: Mapping[str, Evidence], names: tuple[str, ...]) -> tuple[str, ...]:
    """The landmarks for which no image has a radius."""
    known = np.zeros(len(names), dtype=np.bool_)
    for seen in evidence.values():
        known |= np.isfinite(seen.radius)
    return tuple(name for name, is_known in zip(names, known.tolist(), strict=True) if not is_known)
