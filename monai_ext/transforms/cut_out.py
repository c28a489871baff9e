"""The subject of a picture with an even surround, told from that surround."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from numpy.typing import NDArray
from scipy import ndimage

from monai_ext.landmarks import FloatArray

#: Part of the picture's longer side that is looked at along its edges, and at the top of both sides.
RIM, UPPER = 0.02, 0.5
#: A surround is even where a quadratic surface leaves so much of the values 0 to 255 (root mean square of the rim).
EVEN = 8.0
#: Pixels belong to the surround where they are so near to that surface.
NEAR = 20.0
#: Softness of the outline, pixels of the picture that is searched, whose longer side is this.
SOFT, SEARCHED = 1.0, 500
#: The subject reaches so far beyond the box of its landmarks, as a share of the box.
BEYOND = 0.15


def subject_cover(image: FloatArray, points: FloatArray) -> NDArray[np.uint8]:
    """Coverage of each pixel by the subject, for a picture with a background of one colour or a soft gradient.

    A quadratic surface is fitted to each channel along the upper rim, where portraits show no subject. The surround is
    what looks like it and is joined to the rim. The box of the landmarks is always of the subject.

    Args:
        image: (C, H, W) values 0 to 255.
        points: (K, 2) pixels (x, y) of the subject, NaN where unknown.

    Returns:
        (H, W) 0 to 255; all 255 where the surround is not even, so that the whole picture is the subject.
    """
    height, width = image.shape[1:]
    step = max(1, round(max(height, width) / SEARCHED))
    small = image[:, ::step, ::step]
    rows, columns = small.shape[1:]
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    rim = np.zeros((rows, columns), dtype=bool)
    band, upper = max(2, round(RIM * max(rows, columns))), round(UPPER * rows)
    rim[:band], rim[:upper, :band], rim[:upper, -band:] = True, True, True
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1)
    surface, *_ = np.linalg.lstsq(terms[rim], small[:, rim].T, rcond=None)
    away = np.abs(small - np.moveaxis(terms @ surface, -1, 0)).max(0)
    if float(np.sqrt(np.mean(away[rim] ** 2))) > EVEN:
        return np.full((height, width), 255, dtype=np.uint8)
    alike, _ = ndimage.label(away < NEAR)
    joined = np.unique(alike[rim])
    subject = ~np.isin(alike, joined[joined > 0])
    known = points[np.isfinite(points).all(1)] / step
    if len(known):
        low, high = known.min(0), known.max(0)
        left, top = np.maximum(0, low - BEYOND * (high - low)).astype(int)
        right, bottom = (high + BEYOND * (high - low)).astype(int)
        subject[top:bottom, left:right] = True
    subject = ndimage.binary_opening(ndimage.binary_fill_holes(ndimage.binary_closing(subject, iterations=2)))
    soft = ndimage.gaussian_filter(ndimage.binary_erosion(subject).astype(np.float32), SOFT)
    # pixel i of the searched picture is pixel i * step of the picture
    full = ndimage.affine_transform(soft, [1 / step] * 2, output_shape=(height, width), order=1, mode="nearest")
    return np.asarray(np.clip(255 * full, 0, 255).round(), dtype=np.uint8)


class CutOutd(MapTransform):
    """Puts the cover of an image's subject, (1, H, W) values 0 to 255, beside it.

    Args:
        keys: the image.
        points_key: (K, 2) its landmarks.
        status_key: (K,) their status.
        cover_key: where the cover is put.
    """

    def __init__(
        self,
        keys: KeysCollection = "image",
        points_key: str = "points",
        status_key: str = "status",
        cover_key: str = "cover",
    ) -> None:
        super().__init__(keys)
        self.points_key, self.status_key, self.cover_key = points_key, status_key, cover_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        sample = dict(data)
        points = torch.as_tensor(sample[self.points_key]).double().numpy().copy()
        points[torch.as_tensor(sample[self.status_key]).numpy() <= 0] = np.nan
        for key in self.key_iterator(sample):
            image = torch.as_tensor(sample[key]).as_subclass(torch.Tensor).float().numpy()
            sample[self.cover_key] = torch.from_numpy(subject_cover(image, points)).float()[None]
        return sample
