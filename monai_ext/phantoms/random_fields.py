"""Random textures and noise: smooth fields, cloudy fields, speckle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

Float32 = NDArray[np.float32]


def smooth_field(rng: np.random.Generator, height: int, width: int, cell: float) -> Float32:
    """A smooth random field: Gaussian values on a coarse grid, bicubic between them.

    Args:
        rng: source of randomness.
        height: rows.
        width: columns.
        cell: grid step in pixels, the size of the smallest features.

    Returns:
        (height, width), mean about 0, standard deviation about 1 on the grid points.
    """
    rows, columns = max(2, int(np.ceil(height / cell)) + 1), max(2, int(np.ceil(width / cell)) + 1)
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    resized = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(resized, dtype=np.float32)


def cloud_field(rng: np.random.Generator, height: int, width: int, cell: float, octaves: int = 4) -> Float32:
    """Smooth fields added over octaves, each half as coarse and half as strong as the one before.

    Args:
        rng: source of randomness.
        height: rows.
        width: columns.
        cell: grid step of the coarsest field in pixels.
        octaves: number of fields.

    Returns:
        (height, width), about unit standard deviation.
    """
    total = np.zeros((height, width), dtype=np.float32)
    for octave in range(octaves):
        total += smooth_field(rng, height, width, cell / 2**octave) * np.float32(0.5**octave)
    return total / np.float32(0.9)


def white_noise(rng: np.random.Generator, shape: tuple[int, ...], sigma: float, grain: float = 0.0) -> Float32:
    """Gaussian noise of a standard deviation, its grain widened to ``grain`` pixels along the image axes."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    if grain > 0:
        noise = gaussian_filter(noise, (grain, grain, 0)[: len(shape)], truncate=2.5)
        noise /= noise.std()
    return noise * np.float32(sigma)


def speckle(rng: np.random.Generator, height: int, width: int, grain: tuple[float, float], looks: float) -> Float32:
    """Multiplicative speckle: the intensity of a random complex field (fully developed speckle), partly averaged.

    Args:
        rng: source of randomness.
        height: rows.
        width: columns.
        grain: Gaussian sigma of the grain along (rows, columns) in pixels.
        looks: number of independent looks that are averaged; the contrast falls with its square root.

    Returns:
        (height, width) factors, positive, mean 1.
    """
    parts = rng.standard_normal((2, height, width), dtype=np.float32)
    real, imaginary = (gaussian_filter(part, grain, truncate=2.5) for part in parts)
    intensity = real**2 + imaginary**2
    intensity /= intensity.mean()
    return np.maximum(1.0 + (intensity - 1.0) / np.float32(np.sqrt(looks)), 0.02).astype(np.float32)
