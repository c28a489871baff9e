"""Where to cut a training crop so that it holds the landmarks."""

from __future__ import annotations

import numpy as np

from monai_ext.landmarks.geometry import FloatArray


def random_window(
    points: FloatArray, size_wh: tuple[int, int], crop_wh: tuple[int, int], random: FloatArray
) -> tuple[int, int]:
    """The left and top pixel of a window that holds all points or, where they do not fit, a random one of them.

    Args:
        points: (N, 2) pixels (x, y); those off the image are not looked for.
        size_wh: (width, height) of the image.
        crop_wh: (width, height) of the window, not larger than the image.
        random: three numbers in [0, 1) that choose among the windows: x, y, and the point.

    Returns:
        Whole pixels, uniform over the windows that will do; over all windows where no point is on the image.
    """
    size, crop = np.array(size_wh), np.array(crop_wh)
    points = points[((points >= -0.5) & (points < size - 0.5)).all(axis=1)]
    low, high = np.zeros(2, dtype=int), size - crop
    if len(points):
        pixels = np.floor(points + 0.5).astype(int)
        if np.any(pixels.max(axis=0) - pixels.min(axis=0) >= crop):
            pixels = pixels[[int(random[2] * len(pixels))]]
        low = np.maximum(low, pixels.max(axis=0) - crop + 1)
        high = np.minimum(high, pixels.min(axis=0))
    left, top = low + np.floor(random[:2] * (high - low + 1)).astype(int)
    return int(left), int(top)
