"""What every landmark network returns: heatmaps of one or more stages, each with its place on the network input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import nn

from .frame import RoiFrame


class Frame(Protocol):
    """Where the cells of heatmaps lie on the network input."""

    def to_image(self, points: torch.Tensor) -> torch.Tensor:
        """(B, K, 2) points in cells to pixels of the network input."""

    def from_image(self, points: torch.Tensor) -> torch.Tensor:
        """(B, K, 2) pixels of the network input to points in cells."""


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
        """(B, K) logits of the landmark being in the image, or None where the network does not tell."""


class HeatmapOutput(NamedTuple):
    """The output of a network with one resolution of heatmaps.

    Attributes:
        heatmaps: (B, K, H / stride, W / stride) raw output of the last stack.
        presence: (B, K) logits of the landmark being in the image, or None where the network does not tell.
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


def is_finite(output: NetworkOutput) -> torch.Tensor:
    """Whether all heatmaps and presence logits are finite, as a damaged network's are not: a bool scalar."""
    parts = [stage.heatmaps for stage in output.stages]
    if output.presence is not None:
        parts.append(output.presence)
    # a sum over billions of half-precision values could overflow, an extremum cannot
    return torch.stack([torch.isfinite(part.amax() + part.amin()) for part in parts]).all()


def training_arguments(
    network: nn.Module, image: torch.Tensor, points: torch.Tensor, status: torch.Tensor
) -> dict[str, torch.Tensor]:
    """What a network's forward takes in training beside the image, by the network's method of this name, if any.

    Args:
        network: e.g. a ZIAN, whose regions lie near the true points in training.
        image: (B, C, H, W) that it will see.
        points: (B, K, 2) true points (x, y) on it.
        status: (B, K) codes of Status.
    """
    own = getattr(network, "training_arguments", None)
    return {} if own is None else own(image, points, status)
