"""The example picture of a landmark: a small PNG beside the protocol file, shown while a person places the point."""

from __future__ import annotations

import io
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image, ImageColor
from pydantic import PrivateAttr, ValidationInfo, model_validator

from .document import Strict

#: Largest file: it is sent to every client that opens a protocol.
MOST_BYTES = 1_000_000
#: Longest side in pixels.
MOST_PIXELS = 1024
#: Colours of the mark and of the line around it, so that it shows on light and dark pictures.
MARK_COLOR, EDGE_COLOR = "#FFD400", "#101010"
#: The mark of a picture with this longest side has a ring of 9 pixels' radius; others are drawn in proportion.
_DRAWN_AT = 160


class Picture(Strict):
    """A picture of one landmark.

    Args:
        file: path of a PNG, relative to the protocol file and below its folder.
        point: (x, y) in pixels of the picture, (0, 0) the centre of its top-left one: where the landmark lies, if the
            picture does not show that itself.
    """

    file: str
    point: tuple[float, float] | None = None
    _path: Path | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_usable(self, info: ValidationInfo) -> Picture:
        folder = (info.context or {}).get("folder")
        if folder is not None:
            path = Path(folder) / self.file
            self._check(path)
            self._path = path
        return self

    def __eq__(self, other: object) -> bool:
        """Compares the file and the point; the place of the protocol folder does not matter."""
        return isinstance(other, Picture) and (self.file, self.point) == (other.file, other.point)

    def __hash__(self) -> int:
        return hash((self.file, self.point))

    def _check(self, path: Path) -> None:
        """Refuses a file that cannot be shown.

        Raises:
            ValueError: it leads out of the folder, is missing, too large or no PNG, or the point lies beside it.
        """
        parts = PurePosixPath(self.file)
        if parts.is_absolute() or ".." in parts.parts or "\\" in self.file:
            raise ValueError(f"{self.file!r} must be a PNG in or below the folder of the protocol file")
        if not path.is_file():
            raise ValueError(f"there is no file {path}; copy the picture there, or remove the key")
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"{self.file} has more than {MOST_BYTES // 1000} kB; crop it around the landmark")
        try:
            with Image.open(path, formats=("PNG",)) as picture:
                size = picture.size
                if max(size) <= MOST_PIXELS:
                    picture.load()
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            raise ValueError(f"{self.file} is not a PNG image") from None
        if max(size) > MOST_PIXELS:
            raise ValueError(f"{self.file} has {size[0]} x {size[1]} pixels; the longest side is {MOST_PIXELS}")
        if self.point is not None:
            x, y = self.point
            if not (-0.5 <= x <= size[0] - 0.5 and -0.5 <= y <= size[1] - 0.5):
                raise ValueError(f"the point ({x:g}, {y:g}) lies outside {self.file} of {size[0]} x {size[1]} pixels")

    def content(self) -> bytes:
        """The PNG; where the protocol states the point, with a ring around it.

        Raises:
            OSError: the file has been removed since the protocol was read.
            ValueError: the protocol was not read from a file.
        """
        if self._path is None:
            raise ValueError(f"The folder of {self.file} is not known.")
        content = self._path.read_bytes()
        if self.point is None:
            return content
        with Image.open(io.BytesIO(content)) as picture:
            marked = with_mark(picture.convert("RGB"), self.point)
        stream = io.BytesIO()
        marked.save(stream, format="PNG", optimize=True)
        return stream.getvalue()


def with_mark(picture: Image.Image, point: tuple[float, float]) -> Image.Image:
    """A copy of an RGB picture with an open ring and four short arms around a point, which itself stays free.

    Args:
        picture: RGB.
        point: (x, y) in its pixels.
    """
    unit = max(picture.size) / _DRAWN_AT
    dx = np.abs(np.arange(picture.width) - point[0])[None, :]
    dy = np.abs(np.arange(picture.height) - point[1])[:, None]
    ring = np.abs(np.hypot(dx, dy) - 9 * unit)
    along, across = np.maximum(dx, dy), np.minimum(dx, dy)
    arm = np.hypot(np.maximum(np.abs(along - 13 * unit) - 3 * unit, 0), across)
    distance = np.minimum(ring, arm)
    marked = np.asarray(picture, dtype=np.float64)
    for half, color in ((1.9 * unit, EDGE_COLOR), (0.9 * unit, MARK_COLOR)):
        share = np.clip(half + 0.5 - distance, 0, 1)[..., None]
        marked = marked * (1 - share) + np.array(ImageColor.getrgb(color)) * share
    return Image.fromarray(marked.round().astype(np.uint8))
