"""What a permutation test may exchange: images among images, and landmarks in an image, without dividing a subject."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monai_ext.landmarks import FloatArray


def image_orders(subjects: NDArray[np.intp], count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Orders of images under which errors that nothing explains are equally likely.

    Errors of one subject are alike, but those of its images may be exchanged, and so may whole subjects with the same
    number of images (exchangeability blocks: Winkler, Webster, Vidaurre, Nichols and Smith, NeuroImage 123, 2015). A
    factor that is the same in all images of a subject is judged by the exchanged subjects alone, any other by both. A
    subject that is the only one with so many images is exchanged with none.

    Args:
        subjects: (N,) numbers, the same for images of one subject.
        count: how many orders.
        rng: draws them.

    Returns:
        (count, N) image numbers.
    """
    orders = np.empty((count, len(subjects)), dtype=np.intp)
    _, number, sizes = np.unique(subjects, return_inverse=True, return_counts=True)
    for size in np.unique(sizes):
        members = np.stack([np.flatnonzero(number == subject) for subject in np.flatnonzero(sizes == size)])
        places = rng.permuted(np.tile(np.arange(len(members)), (count, 1)), axis=1)
        drawn = members[places]
        orders[:, members.ravel()] = (drawn if size == 1 else rng.permuted(drawn, axis=2)).reshape(count, -1)
    return orders


class Exchangeable(NamedTuple):
    """Landmarks of a subject that are measured in the same images of it.

    Attributes:
        columns: (M,) the landmarks.
        apart: (M,) how far each lies above the mean of the others in the same images, summed; the mean of them is 0.
    """

    columns: NDArray[np.intp]
    apart: FloatArray


def exchangeable_landmarks(values: FloatArray, subjects: NDArray[np.intp]) -> list[Exchangeable]:
    """Landmarks whose values may be exchanged, in all images of a subject at once.

    What makes a landmark hard in one image of a subject does so in the others: their labels change places together,
    which only those can that are measured in the same images. Others are left out.

    Args:
        values: (N, K), NaN where not measured.
        subjects: (N,) numbers, the same for images of one subject.
    """
    known = ~np.isnan(values)
    counts = known.sum(axis=1, keepdims=True)
    known &= counts > 1
    means = np.where(known, values, 0.0).sum(axis=1, keepdims=True) / np.maximum(counts, 1)
    apart = np.where(known, (values - means) * counts / np.maximum(counts - 1, 1), 0.0)  # from the mean of the others
    found = []
    for subject in np.unique(subjects):
        images = subjects == subject
        measured, sums = known[images].T, apart[images].sum(axis=0)
        for pattern in np.unique(measured[measured.any(axis=1)], axis=0):
            columns = np.flatnonzero((measured == pattern).all(axis=1))
            if len(columns) > 1:
                found.append(Exchangeable(columns, sums[columns] - sums[columns].mean()))
    return found
