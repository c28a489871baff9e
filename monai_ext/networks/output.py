"""Outputs of landmark networks: heatmaps of one or more stages, each with its frame on the network input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch


class Frame(Protocol):
    """Place of the cells of heatmaps on the network input."""

    def to_image(self, points: torch.Tensor) -> torch.Tensor:
        """(B, K, 2) points in cells to pixels of the network input."""

    def from_image(self, points: torch.Tensor) -> torch.Tensor:
        """(B, K, 2) pixels of the network input to points in cells."""


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


class Stage(NamedTuple):
    """Heatmaps that answer for all landmarks.

    Attributes:
        name: heatmap, stack, coarse, roi or fine.
        heatmaps: (B, K, h, w) raw output; what it means depends on the loss that it is trained with.
        frame: where the cells lie on the network input.
    """

    name: str
    heatmaps: torch.Tensor
    frame: Frame


@runtime_checkable
class NetworkOutput(Protocol):
    """One forward pass over B images of K landmarks; the last stage is the answer."""

    @property
    def stages(self) -> Sequence[Stage]:
        """Heatmaps in the order that the network makes them."""

    @property
    def presence(self) -> torch.Tensor | None:
        """(B, K) logits of the landmark being in the image, or None if the network does not predict it."""


class HeatmapOutput(NamedTuple):
    """The output of a network with one resolution of heatmaps.

    Attributes:
        heatmaps: (B, K, H / stride, W / stride) raw output of the last stack.
        presence: (B, K) logits of the landmark being in the image, or None if the network does not predict it.
        stride: pixels of the input per cell.
        intermediate: heatmaps of earlier stacks, supervised alike.
    """

    heatmaps: torch.Tensor
    presence: torch.Tensor | None = None
    stride: int = 1
    intermediate: tuple[torch.Tensor, ...] = ()

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The earlier stacks and the answer."""
        frame = RoiFrame(self.heatmaps.new_zeros(2), float(self.stride))
        return *(Stage("stack", maps, frame) for maps in self.intermediate), Stage("heatmap", self.heatmaps, frame)


class StagedOutput(NamedTuple):
    """An output that was put together: of those for the halves of an image, or of what an ONNX model answers.

    Attributes:
        stages: with heatmaps (B, K, h, w) of all landmarks.
        presence: (B, K) logits, or None if the network does not predict it.
    """

    stages: tuple[Stage, ...]
    presence: torch.Tensor | None


def is_finite(output: NetworkOutput) -> torch.Tensor:
    """Tests that all heatmaps and presence logits are finite, as a damaged network's are not: a bool scalar."""
    parts = [stage.heatmaps for stage in output.stages]
    if output.presence is not None:
        parts.append(output.presence)
    # a sum over billions of half-precision values could overflow, an extremum cannot
    return torch.stack([torch.isfinite(part.amax() + part.amin()) for part in parts]).all()
