"""Errors as a share of a length of the same image, such as the distance between the outer eye corners.

Symbols: N images, K landmarks.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from monai_ext.landmarks import InputError

from .radial_error import radial_errors


def pair_distances(
    points: Tensor,
    pair: tuple[int, int],
    status: Tensor | None = None,
    spacing: Sequence[float] | Tensor | None = None,
) -> Tensor:
    """The distance between two landmarks of each image.

    Args:
        points: (N, K, 2) points (x, y) in pixels.
        pair: indices of the two landmarks.
        status: (N, K) status codes; None if every landmark is defined.
        spacing: (2,) or (N, 2) millimetres per pixel along (x, y); None gives distances in pixels.

    Returns:
        (N,) distances; NaN where one of the two is not defined or both are at one place.

    Raises:
        InputError: the two are one landmark or not among K; otherwise as :func:`radial_errors`.
    """
    count = points.shape[1]
    if pair[0] == pair[1] or not all(0 <= index < count for index in pair):
        raise InputError(f"A pair must be two different landmarks out of {count}, not {pair}.")
    first, second = (points[:, index : index + 1] for index in pair)
    known = (None, None) if status is None else tuple(status[:, index : index + 1] for index in pair)
    distances = radial_errors(first, second, known[0], known[1], spacing)[:, 0]
    return torch.where(distances > 0, distances, torch.nan)


def normalized_errors(errors: Tensor, lengths: Tensor) -> Tensor:
    """(N, K) errors as shares of (N,) lengths in the same unit; NaN where the error or the length is.

    Raises:
        InputError: the shapes do not go together.
    """
    if errors.ndim != 2 or lengths.shape != errors.shape[:1]:
        raise InputError(
            f"Errors (N, K) need lengths (N,) to be divided by, not {tuple(errors.shape)} by {tuple(lengths.shape)}."
        )
    return errors / lengths[:, None]
