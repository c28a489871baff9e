"""Answers of a model for labelled images, which calibrations are fitted to."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monai_ext.landmarks import FloatArray, InputError, Status

from .conformal import RadiusUnit
from .presence_threshold import PRESENCE_THRESHOLD, PresenceThreshold


class Observed(NamedTuple):
    """N images of K landmarks.

    Attributes:
        ids: N image IDs.
        landmarks: K names.
        unit: of distances and map radii.
        distances: (N, K) of the likeliest place from the true point, whatever the model calls the landmark; NaN where
            it is not truly defined.
        map_radius: (N, K) uncertainties.
        true_status: (N, K) codes of Status of the labels.
        presence: (N, K) probabilities of presence, or None if the network does not predict it.
    """

    ids: tuple[str, ...]
    landmarks: tuple[str, ...]
    unit: RadiusUnit
    distances: FloatArray
    map_radius: FloatArray
    true_status: NDArray[np.int8]
    presence: FloatArray | None

    def part(self, rows: NDArray[np.bool_]) -> Observed:
        """The same of those images whose (N,) row is true."""
        return self._replace(
            ids=tuple(id for id, kept in zip(self.ids, rows, strict=True) if kept),
            distances=self.distances[rows],
            map_radius=self.map_radius[rows],
            true_status=self.true_status[rows],
            presence=None if self.presence is None else self.presence[rows],
        )

    def errors(self, threshold: PresenceThreshold | None) -> FloatArray:
        """(N, K) distances of the landmarks that are truly there and are called so; NaN elsewhere.

        Args:
            threshold: from which probability on a landmark is called present; None for one half.
        """
        known = self.true_status == Status.DEFINED
        if self.presence is not None:
            probable = self.presence
            known &= probable >= PRESENCE_THRESHOLD if threshold is None else threshold.defined(probable)
        return np.where(known, self.distances, np.nan)


def joined(parts: Sequence[Observed]) -> Observed:
    """The images of all parts, which are of one model and one unit, in their order.

    Raises:
        InputError: there is no part.
    """
    if not parts:
        raise InputError("There is no labelled image to evaluate the model on; label some.")
    presence = [part.presence for part in parts if part.presence is not None]
    return parts[0]._replace(
        ids=tuple(id for part in parts for id in part.ids),
        distances=np.concatenate([part.distances for part in parts]),
        map_radius=np.concatenate([part.map_radius for part in parts]),
        true_status=np.concatenate([part.true_status for part in parts]),
        presence=np.concatenate(presence) if presence else None,
    )


def folds_of(names: Sequence[str], folds: int) -> NDArray[np.intp]:
    """(N,) which of so many parts each image is in, by a hash of its ID, or of its subject.

    Args:
        names: IDs of N images, or their subjects: images of one name are in one part.
        folds: parts, with nearly the same number of names.

    Raises:
        InputError: fewer than two parts.
    """
    if folds < 2:
        raise InputError(
            f"Radii are evaluated on images that they were not fitted on: use at least 2 parts, not {folds}."
        )
    ordered = sorted(set(names), key=lambda name: hashlib.sha256(f"fold of {name}".encode()).digest())
    part = {name: number % folds for number, name in enumerate(ordered)}
    return np.array([part[name] for name in names], dtype=np.intp)
