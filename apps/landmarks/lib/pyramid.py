"""One decoded image at full and reduced sizes, and the window in which its values are shown."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: Percentiles of the values between which an image of more than 8 bits is shown, as 3D Slicer does.
SHOWN_PERCENTILES = (0.1, 99.9)
#: Approximate number of pixels used for these percentiles.
_SAMPLE = 1_000_000
#: Stored pixels that are reduced at once, so that a large image is never held a second time.
_STRIP = 4_000_000
#: Types that are kept as stored; all others become 32-bit floats.
_KEPT_TYPES = ("uint8", "int8", "uint16", "int16")


class Window(NamedTuple):
    """The values that are shown: black up to ``level - width / 2``, white from ``level + width / 2``."""

    width: float
    level: float


class Pyramid:
    """The pixels of an image, and their means over blocks of K x K, each made on first access.

    Args:
        pixels: (H, W, 1) grey or (H, W, 3) RGB.

    Attributes:
        dtype: in which the pixels were stored.
        range: smallest and largest finite value; (0, 0) if there is none.
        window: shows the values of an image that has not 8 bits; None for one that has.
    """

    def __init__(self, pixels: NDArray[Any]) -> None:
        self.dtype = str(pixels.dtype)
        kept = pixels if self.dtype in _KEPT_TYPES else pixels.astype(np.float32)
        self._levels = {1: np.ascontiguousarray(kept)}
        self._lock = threading.Lock()
        self.range = _finite_range(kept)
        self.window = None if self.dtype == "uint8" else _default_window(kept, self.range)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in stored pixels."""
        height, width = self._levels[1].shape[:2]
        return width, height

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return int(self._levels[1].shape[2])

    @property
    def nbytes(self) -> int:
        """Bytes of all levels together, about: the reduced ones have a third of the pixels."""
        stored = self._levels[1]
        return stored.nbytes + stored.size * (1 if stored.dtype == np.uint8 else 4) // 3

    def level(self, reduce: int) -> NDArray[Any]:
        """(ceil(H / K), ceil(W / K), C) means over blocks of K x K pixels, partial ones at the right and lower edge."""
        with self._lock:
            if reduce not in self._levels:
                self._levels[reduce] = _block_means(self._levels[1], reduce)
            return self._levels[reduce]


def shown(values: NDArray[Any], window: Window | None) -> NDArray[np.uint8]:
    """8-bit grey values or colours of a part of an image; what is no number becomes black."""
    if window is None:
        return values.astype(np.uint8, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):  # a window may lie beyond what 32 bits hold
        low = np.float32(window.level - window.width / 2)
        scaled = (values.astype(np.float32) - low) * np.float32(255 / window.width)
        return (np.nan_to_num(np.clip(scaled, 0, 255), nan=0.0) + np.float32(0.5)).astype(np.uint8)


def _finite_range(pixels: NDArray[Any]) -> tuple[float, float]:
    if pixels.dtype.kind != "f":
        return float(pixels.min()), float(pixels.max())
    finite = np.isfinite(pixels)
    if not finite.any():
        return 0.0, 0.0
    low = float(np.min(pixels, where=finite, initial=np.inf))
    return low, float(np.max(pixels, where=finite, initial=-np.inf))


def _default_window(pixels: NDArray[Any], limits: tuple[float, float]) -> Window:
    height, width = pixels.shape[:2]
    step = max(1, round((height * width / _SAMPLE) ** 0.5))
    sample = pixels[::step, ::step]
    finite = sample[np.isfinite(sample)]
    low, high = np.percentile(finite, SHOWN_PERCENTILES).tolist() if finite.size else limits
    if low == high:
        low, high = limits
    return Window(high - low, (low + high) / 2) if high > low else Window(1.0, low)


def _block_means(pixels: NDArray[Any], reduce: int) -> NDArray[Any]:
    """Means over blocks, by Pillow, channel by channel where its colours have only 8 bits."""
    height, width, channels = pixels.shape
    eight_bits = pixels.dtype == np.uint8
    target = np.uint8 if eight_bits else np.float32
    means = np.empty((-(-height // reduce), -(-width // reduce), channels), target)
    rows = max(1, _STRIP // (width * reduce)) * reduce
    for top in range(0, height, rows):
        strip, place = pixels[top : top + rows], slice(top // reduce, -(-min(top + rows, height) // reduce))
        if eight_bits and channels == 3:
            means[place] = np.asarray(Image.fromarray(strip).reduce(reduce))
            continue
        for channel in range(channels):
            plane = np.ascontiguousarray(strip[..., channel], dtype=target)
            means[place, :, channel] = np.asarray(Image.fromarray(plane).reduce(reduce))
    return means
