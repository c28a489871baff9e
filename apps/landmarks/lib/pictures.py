"""Images as 8-bit PNG for a browser: whole, in tiles or as thumbnails; what was decoded and made last is kept."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray
from PIL import Image

from monai_ext.images import file_states, read_frame, read_pixels
from monai_ext.landmarks import InputError
from monai_ext.studies import MEGABYTE

from .errors import ParameterError
from .pyramid import Pyramid, Window, shown

T = TypeVar("T")


class ByteCache(Generic[T]):
    """Makes each result once, also when many threads ask for it at the same time; keeps the latest ones.

    Args:
        capacity: bytes of all results that are kept. One that is larger is kept alone.
        size_of: bytes of a result.
    """

    def __init__(self, capacity: int, size_of: Callable[[T], int]) -> None:
        self._lock, self._size_of = threading.Lock(), size_of
        self._kept: LRUCache[Hashable, T] = LRUCache(capacity, lambda made: min(size_of(made), capacity))
        self._under_way: dict[Hashable, Future[T]] = {}

    @property
    def bytes(self) -> int:
        """Bytes of the results that are kept now."""
        with self._lock:
            return sum(map(self._size_of, self._kept.values()))

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Returns the kept result, or that of ``make``, whose exception all who wait for it get."""
        with self._lock:
            if key in self._kept:
                return self._kept[key]
            future = self._under_way.get(key)
            begins = future is None
            if future is None:
                future = self._under_way[key] = Future()
        if begins:
            self._make(key, make, future)
        return future.result()

    def _make(self, key: Hashable, make: Callable[[], T], future: Future[T]) -> None:
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                del self._under_way[key]
            future.set_exception(error)
            return
        with self._lock:
            del self._under_way[key]
            self._kept[key] = made
        future.set_result(made)


#: Side of a tile.
TILE = 512
#: Largest picture in one piece, in pixels; a larger image is asked for in tiles.
LARGEST_PICTURE = 32_000_000
LARGEST_REDUCTION = 1024
#: What is kept of decoded images, and of pictures.
DECODED_BYTES, PICTURE_BYTES = 768 * MEGABYTE, 96 * MEGABYTE
#: Images that are decoded at the same time.
DECODED_AT_ONCE = 2
#: Changes with what the same options show, so that no browser keeps the old pictures.
_VERSION = 1


class PictureOptions(NamedTuple):
    """Options of a picture: which part of an image is shown, and how.

    Attributes:
        window: the values that are shown; None is the image's own.
        reduce: K, where a pixel is the mean of K x K stored ones.
        tile: column and row of a tile of the reduced image; None for all of it.
        size: longest side of a thumbnail; None for a picture that is no thumbnail.
    """

    window: Window | None = None
    reduce: int = 1
    tile: tuple[int, int] | None = None
    size: int | None = None

    def checked(self) -> PictureOptions:
        """The options themselves.

        Raises:
            ParameterError: they mean nothing, or not together.
        """
        if self.reduce & (self.reduce - 1) or not 1 <= self.reduce <= LARGEST_REDUCTION:
            raise ParameterError(
                f"The option reduce must be a power of two up to {LARGEST_REDUCTION}, not {self.reduce}."
            )
        if self.size is not None and (self.tile is not None or self.reduce != 1):
            raise ParameterError("A thumbnail (size) has neither tiles nor a reduction: leave out tile and reduce.")
        if self.window is not None and not (self.window.width > 0 and np.isfinite(self.window).all()):
            width, level = self.window
            raise ParameterError(
                f"A window of {width:g} at level {level:g} shows nothing: window must be above 0, and both must be "
                "finite."
            )
        return self


class Pictures:
    """Pictures of images; safe to use from many threads, which hold each other up only while they decode."""

    def __init__(self) -> None:
        self._decoded: ByteCache[Pyramid] = ByteCache(DECODED_BYTES, lambda pyramid: pyramid.nbytes)
        self._made: ByteCache[bytes] = ByteCache(PICTURE_BYTES, len)
        self._turn = threading.Semaphore(DECODED_AT_ONCE)

    def info(self, path: Path) -> dict[str, Any]:
        """Size, values and pixel size of an image.

        Raises:
            InputError: the file cannot be read as an image.
        """
        pyramid, frame = self._pyramid(path), read_frame(path)
        exact = float if pyramid.dtype.startswith("float") else int
        return {
            "width": frame.width,
            "height": frame.height,
            "channels": pyramid.channels,
            "dtype": pyramid.dtype,
            "range": [exact(value) for value in pyramid.range],
            "window": None if pyramid.window is None else list(pyramid.window),
            "spacing": frame.scale.tolist(),
            "unit": frame.unit,
            "spacing_source": frame.spacing_source,
        }

    def tag(self, path: Path, options: PictureOptions) -> str:
        """A text that changes with the image file and with the options."""
        known = repr((_VERSION, file_states(path), options))
        return hashlib.sha256(known.encode()).hexdigest()[:32]

    def png(self, path: Path, options: PictureOptions) -> bytes:
        """The picture as PNG; pixel (x, y) of one reduced by K is at K * (x + 0.5) - 0.5 of the stored image.

        Raises:
            InputError: the file cannot be read as an image, or it is too large for a picture in one piece.
            ParameterError: there is no such tile.
        """
        return self._made.get((file_states(path), options), lambda: _png(self._cut(path, options)))

    def _pyramid(self, path: Path) -> Pyramid:
        def decode() -> Pyramid:
            with self._turn:
                return Pyramid(read_pixels(path))

        return self._decoded.get(file_states(path), decode)

    def _cut(self, path: Path, options: PictureOptions) -> NDArray[np.uint8]:
        pyramid = self._pyramid(path)
        window = options.window or pyramid.window
        if options.size is not None:
            return _thumbnail(pyramid, window, options.size)
        level = pyramid.level(options.reduce)
        if options.tile is None:
            _refuse_large(path, level)
            return shown(level, window)
        column, row = options.tile
        height, width = level.shape[:2]
        columns, rows = -(-width // TILE), -(-height // TILE)
        if column >= columns or row >= rows:
            raise ParameterError(
                f"There is no tile {column},{row}: the image has {columns} x {rows} tiles at reduce={options.reduce}."
            )
        return shown(level[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE], window)


def _thumbnail(pyramid: Pyramid, window: Window | None, size: int) -> NDArray[np.uint8]:
    longest = max(pyramid.size)
    if longest <= size:
        return shown(pyramid.level(1), window)
    reduce = 1
    while longest // (2 * reduce) >= size:
        reduce *= 2
    width, height = (max(1, round(side * size / longest)) for side in pyramid.size)
    picture = _picture(shown(pyramid.level(reduce), window))
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))


def _refuse_large(path: Path, level: NDArray[Any]) -> None:
    height, width = level.shape[:2]
    if width * height > LARGEST_PICTURE:
        raise InputError(
            f"A picture of {width} x {height} pixels is too large to send whole: request tiles (tile=0,0) or a "
            "reduced picture (reduce=4)."
        )


def _picture(pixels: NDArray[np.uint8]) -> Image.Image:
    pixels = pixels[..., 0] if pixels.shape[-1:] == (1,) and pixels.ndim == 3 else pixels
    return Image.fromarray(np.ascontiguousarray(pixels))


def _png(pixels: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    _picture(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()
