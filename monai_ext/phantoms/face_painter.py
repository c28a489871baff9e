"""A canvas that knows the pose of the face: outlines, strokes and spots at points of the head."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import gaussian_filter

from .face_plan import FacePlan
from .raster import Float32, densify, polygon_coverage, stroke_coverage


class Painter:
    """A canvas (3, H, W) that knows the pose of the face.

    Args:
        plan: what to paint.
    """

    def __init__(self, plan: FacePlan) -> None:
        self.plan = plan
        self.rng = np.random.default_rng(plan.seed)
        inverse = np.linalg.inv(plan.linear).astype(np.float32)
        dx = np.arange(plan.width, dtype=np.float32)[None, :] - np.float32(plan.center[0])
        dy = np.arange(plan.height, dtype=np.float32)[:, None] - np.float32(plan.center[1])
        self.u = inverse[0, 0] * dx + inverse[0, 1] * dy
        self.v = inverse[1, 0] * dx + inverse[1, 1] * dy
        self.image = np.zeros((3, plan.height, plan.width), dtype=np.float32)

    def outline(self, points: ArrayLike) -> Float32:
        """(H, W) coverage by the outline through (N, 3) points of the head."""
        return polygon_coverage(self.plan.to_pixels(points), self.plan.height, self.plan.width)

    def line(self, points: ArrayLike, widths: ArrayLike, soft: float = 0.0) -> Float32:
        """(H, W) coverage by a stroke through (N, 3) points; widths and softness in units of the face."""
        pixels = self.plan.to_pixels(points)
        radii = np.broadcast_to(np.asarray(widths) * self.plan.scale / 2, (len(pixels),))
        sigma = soft * self.plan.scale
        cover = np.zeros((self.plan.height, self.plan.width), dtype=np.float32)
        # Drawn and softened in a window that holds the stroke, then put in its place.
        margin = radii.max() + 2.5 * sigma + 2
        limit = np.array([self.plan.width, self.plan.height])
        low = np.clip(np.floor(pixels.min(axis=0) - margin), 0, limit).astype(int)
        high = np.clip(np.ceil(pixels.max(axis=0) + margin), low, limit).astype(int)
        if (high > low).all():
            dense, dense_radii = densify([(pixels - low, radii)], 0.6)
            window = stroke_coverage(dense, dense_radii, high[1] - low[1], high[0] - low[0])
            if sigma > 0:
                window = gaussian_filter(window, sigma, truncate=2.5)
            cover[low[1] : high[1], low[0] : high[0]] = window
        return cover

    def blob(self, center: ArrayLike, width: float, height: float) -> Float32:
        """(H, W) a Gaussian spot about a (3,) point of the head; widths are standard deviations."""
        x, y = self.plan.to_face_plane(center)
        across, along = (self.u - np.float32(x)) / np.float32(width), (self.v - np.float32(y)) / np.float32(height)
        return np.exp(-0.5 * (across**2 + along**2))

    def fill(self, cover: Float32, color: ArrayLike) -> None:
        """Blends a colour (3,) or (3, H, W) over the image."""
        paint = np.asarray(color, dtype=np.float32)
        self.image += cover * ((paint[:, None, None] if paint.ndim == 1 else paint) - self.image)

    def shade(self, mask: Float32, amount: float | ArrayLike) -> None:
        """Brightens (amount > 0) or darkens the image, by one amount or one for each of (red, green, blue)."""
        strength = np.atleast_1d(np.asarray(amount, dtype=np.float32)) * np.float32(self.plan.detail)
        self.image *= 1 + strength[:, None, None] * mask
