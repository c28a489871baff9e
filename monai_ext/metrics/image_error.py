"""Errors per image: the mean over an image's landmarks, the failure rate, and the cumulative error distribution.

These are the readings under which the published tables of face alignment are whole numbers of images: the unit of
counting is the image, not the landmark (Fu et al. 2020, section 3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from monai_ext.landmarks import InputError

from .radial_error import within


def image_errors(errors: Tensor) -> Tensor:
    """(N,) mean over the measurable landmarks of each image of (N, K) distances; NaN where there is none."""
    return errors.nanmean(dim=1)


def _measured(per_image: Tensor) -> Tensor:
    return per_image[~per_image.isnan()]


def failure_rate(per_image: Tensor, threshold: float) -> Tensor:
    """The share, 0 to 1, of measurable images whose mean error lies above the threshold; NaN without any.

    Args:
        per_image: (N,) mean errors.
        threshold: in the unit of the errors; an image exactly at it does not fail.

    Raises:
        InputError: the threshold is not a positive number.
    """
    measured = _measured(per_image)
    return 1 - within(measured, [threshold])[0].to(measured.dtype).mean()


def cumulative_error(per_image: Tensor, limits: Sequence[float]) -> Tensor:
    """(T,) the cumulative error distribution CED(t): the share of measurable images with a mean error <= t.

    Raises:
        InputError: a limit is not a positive number.
    """
    return within(_measured(per_image), limits).to(per_image.dtype).mean(dim=-1)


def cumulative_error_steps(per_image: Tensor) -> tuple[Tensor, Tensor]:
    """The whole distribution as steps: M sorted errors and the share of images reached AT each, both (M,)."""
    ordered = _measured(per_image).sort().values
    shares = torch.arange(1, len(ordered) + 1, dtype=ordered.dtype, device=ordered.device) / max(len(ordered), 1)
    return ordered, shares


def cumulative_error_area(per_image: Tensor, limit: float) -> Tensor:
    """The area under the cumulative error distribution, AUC = (1/t) * integral of CED from 0 to t; NaN without images.

    CED is a step function and is integrated as one, exactly: an image with mean error e raises it by 1/M from e on,
    which adds max(0, t - e) / M to the integral, so that AUC = mean(max(0, 1 - e / t)). A trapezoid on a grid would
    depend on the grid.

    Args:
        per_image: (N,) mean errors.
        limit: t, in the unit of the errors.

    Raises:
        InputError: the limit is not a positive number.
    """
    if not (math.isfinite(limit) and limit > 0):
        raise InputError(
            f"The limit of the area under the error distribution must be a positive distance, not {limit}."
        )
    return (1 - _measured(per_image) / limit).clamp(min=0).mean()
