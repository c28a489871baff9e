"""Where the cells of a heatmap lie on an image."""

from __future__ import annotations

from typing import NamedTuple

import torch


class RoiFrame(NamedTuple):
    """Square cells laid over an image: cell x covers the image from pixel ``origin + x * scale`` on, ``scale`` wide.

    Cell and pixel CENTRES are at whole numbers, so that ``pixel = origin + (cell + 0.5) * scale - 0.5``. At scale 1 a
    cell is the pixel ``origin + cell``; an origin of 0 is the frame of the image resized by ``1 / scale``.

    Attributes:
        origin: (..., 2) pixel (x, y) that the first cell starts with.
        scale: width of a cell in pixels.
    """

    origin: torch.Tensor
    scale: float

    def to_image(self, points: torch.Tensor) -> torch.Tensor:
        """(..., 2) points in cells to pixels of the image."""
        return self.origin + (points + 0.5) * self.scale - 0.5

    def from_image(self, points: torch.Tensor) -> torch.Tensor:
        """(..., 2) pixels of the image to points in cells."""
        return (points - self.origin + 0.5) / self.scale - 0.5

    def within(self, outer: RoiFrame) -> RoiFrame:
        """This frame with the cells of another frame of the same image as its pixels."""
        return RoiFrame((self.origin - outer.origin) / outer.scale, self.scale / outer.scale)

    def one_each(self) -> RoiFrame:
        """The frames (B, K) as (B * K, 1): one region for each image of a batch of B * K crops."""
        return RoiFrame(self.origin.reshape(-1, 1, 2), self.scale)


class MirroredFrame(NamedTuple):
    """A frame on an image that was mirrored left to right before the network saw it, for some of the landmarks.

    Attributes:
        frame: on what the network saw, (B, K, 2) or (2,).
        mirrored: (K,) whether it was mirrored for that landmark.
        width: of the image that was mirrored about its vertical centre line, pixels.
    """

    frame: RoiFrame
    mirrored: torch.Tensor
    width: int

    def to_image(self, points: torch.Tensor) -> torch.Tensor:
        """(B, K, 2) points in cells to pixels of the image."""
        return self._mirror(self.frame.to_image(points))

    def from_image(self, points: torch.Tensor) -> torch.Tensor:
        """(B, K, 2) pixels of the image to points in cells."""
        return self.frame.from_image(self._mirror(points))

    def _mirror(self, points: torch.Tensor) -> torch.Tensor:
        x, y = points.unbind(-1)
        return torch.stack([torch.where(self.mirrored, self.width - 1 - x, x), y], -1)
