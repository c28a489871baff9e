"""A simulated change of camera: a labelled photograph as another camera might have taken it, the labels with it.

The changes are a function of seed and image ID alone, and none is of the form that training has: outlines and sizes of
the lit part (:mod:`.camera_view`), colour, tone, light, focus, grain and compression (:mod:`.camera_light`).
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from monai_ext.landmarks import FloatArray, Frame, Landmarks, transform_points
from monai_ext.transforms import find_field_of_view, resample

from .camera_light import develop, draw_light
from .camera_view import draw_placing, draw_view


@dataclass(frozen=True)
class ChangedImage:
    """A photograph as another camera might have taken it.

    Attributes:
        pixels: (C, H, W) uint8, before compression.
        points: (K, 2) its landmarks, pixels; NaN where not defined.
        status: (K,) codes of Status, paired landmarks swapped where it is mirrored.
        quality: of the JPEG file.
        record: what was drawn, in plain numbers.
    """

    pixels: NDArray[np.uint8]
    points: FloatArray
    status: NDArray[np.int8]
    quality: int
    record: dict[str, Any]

    def jpeg(self) -> bytes:
        """The content of the JPEG file."""
        array = np.moveaxis(self.pixels, 0, -1)
        buffer = io.BytesIO()
        Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(buffer, "JPEG", quality=self.quality)
        return buffer.getvalue()

    def landmarks(self, names: tuple[str, ...], frame: Frame) -> Landmarks:
        """Its landmarks in the frame of its file."""
        return Landmarks(names, self.points, frame, self.status)


def change_camera(
    image: torch.Tensor, landmarks: Landmarks, swap: tuple[int, ...], name: str, seed: int = 0
) -> ChangedImage:
    """Draws a photograph as another camera might have taken it.

    All landmarks that lie in the lit part stay in it, with a margin. Others, as any that are not defined, keep their
    status.

    Args:
        image: (C, H, W) values 0 to 255.
        landmarks: of the image.
        swap: (K,) index of each landmark's left/right partner, or of itself.
        name: the image's ID, which with the seed decides what is drawn.
        seed: of the whole set.
    """
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    width, height = int(image.shape[-1]), int(image.shape[-2])
    circle = find_field_of_view(image)
    defined = landmarks.points[landmarks.defined]
    if circle is not None:
        away = np.hypot(defined[:, 0] - circle.x, defined[:, 1] - circle.y)
        defined = defined[away < circle.radius]
    view = draw_view(rng, (width, height), circle, defined)
    placing = draw_placing(rng, view, turned=circle is not None and view.outline != "rectangle")
    drawn = resample(image.float(), placing.matrix, placing.size_wh, padding_mode="zeros").double().numpy()
    light = draw_light(rng, len(drawn))
    inside = placing.inside(view)
    radius = placing.scale * min(view.radius, max(view.half))
    pixels = develop(drawn, inside, placing.middle(view), radius, light, rng)
    points, status = transform_points(placing.matrix, landmarks.points), np.array(landmarks.status)
    if placing.flipped:
        points, status = points[list(swap)], status[list(swap)]
    record = {
        "outline": view.outline,
        "flipped": placing.flipped,
        "size": list(placing.size_wh),
        "matrix": placing.matrix.round(6).tolist(),
        "circle_found": circle is not None,
        "circle": None if np.isinf(view.radius) else [*placing.middle(view), placing.scale * view.radius],
        **light.to_dict(),
    }
    return ChangedImage(pixels, points, status, light.quality, record)
