"""The network that a protocol asks for, also as one for both halves of a symmetric image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from monai_ext.landmarks import Protocol, Status

from .network import LandmarkNetwork, network_class
from .output import MirroredFrame, NetworkOutput, RoiFrame, Stage, StagedOutput
from .pretrained import Weights


class Halves(LandmarkNetwork):
    """Runs a network of K / 2 landmarks on the left half and on the mirrored right half of each image.

    The image is divided at its vertical centre line; of an odd width both halves hold the column in the middle. The
    scheme of Lei et al., OMIA 2022, for anterior segment OCT, where an image shows two scleral spurs.

    Args:
        network: for one half; takes (2 B, C, H, ceil(W / 2)).
        left: (K / 2,) index, among the K landmarks of the image, of each landmark of the left half.
        right: (K / 2,) index of its counterpart in the right half.
    """

    def __init__(self, network: LandmarkNetwork, left: Sequence[int], right: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.encoder_path = None if network.encoder_path is None else f"network.{network.encoder_path}"
        left, right = list(left), list(right)
        place = {index: i for i, index in enumerate([*left, *right])}
        # where the landmarks of the image are among those of the left, then of the right half
        self.register_buffer("order", torch.tensor([place[k] for k in range(len(place))]), persistent=False)
        self.register_buffer("mirrored", torch.tensor([k in right for k in range(len(place))]), persistent=False)
        self.order: torch.Tensor
        self.mirrored: torch.Tensor

    def forward(self, image: torch.Tensor, **arguments: torch.Tensor) -> StagedOutput:
        """(B, C, H, W) images to the heatmaps of all K landmarks."""
        width = image.shape[-1]
        half = (width + 1) // 2
        halves = torch.cat([image[..., :half], image.flip(-1)[..., :half]])
        output: NetworkOutput = self.network(halves, **arguments)
        stages = tuple(
            Stage(stage.name, self._joined(stage.heatmaps), self._frame(stage.frame, width)) for stage in output.stages
        )
        return StagedOutput(stages, None if output.presence is None else self._joined(output.presence))

    def training_arguments(
        self, image: torch.Tensor, points: torch.Tensor, status: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Arguments of the network in training, with the points and status of both halves as one batch."""
        width = image.shape[-1]
        half = (width + 1) // 2
        x, y = points.unbind(-1)
        seen = torch.stack([torch.where(self.mirrored, width - 1 - x, x), y], -1)
        status = torch.where((status > 0) & (seen[..., 0] > half - 0.5), int(Status.UNDEFINED), status)
        inverse = self.order.argsort()
        halves = [torch.cat(part[:, inverse].chunk(2, 1)) for part in (seen, status)]
        return self.network.training_arguments(image[..., :half], halves[0], halves[1])

    def deepest_part(self) -> nn.Module:
        return self.network.deepest_part()

    def per_image(self, features: torch.Tensor) -> torch.Tensor:
        """(B, 2 F) of (2 B, F): the features of the left half, then of the right."""
        return torch.cat(features.chunk(2), 1)

    def find_encoders(self) -> list[nn.Module]:
        return self.network.find_encoders()

    def take_encoder(self, name: str, weights: Weights) -> None:
        self.network.take_encoder(name, weights)

    def _joined(self, of_halves: torch.Tensor) -> torch.Tensor:
        """(2 B, K / 2, ...) of all left, then of all right halves, to (B, K, ...) in the order of the image."""
        return torch.cat(of_halves.chunk(2), 1)[:, self.order]

    def _frame(self, frame: Any, width: int) -> MirroredFrame:
        origin = frame.origin if frame.origin.ndim == 1 else self._joined(frame.origin)
        return MirroredFrame(RoiFrame(origin, frame.scale), self.mirrored, width)


def build_network(protocol: Protocol) -> LandmarkNetwork:
    """Builds the network of a protocol's options with random weights, for its channels and landmarks.

    Raises:
        InputError: an option of the network has no meaning, e.g. an unknown backbone.
    """
    config = protocol.network
    network = network_class(config).from_config(config, protocol.num_channels, protocol.networks_landmarks)
    return Halves(network, *halves_of(protocol)) if config.halves else network


def halves_of(protocol: Protocol) -> tuple[list[int], list[int]]:
    """Indices of the landmarks of the left half of the image, and of their counterparts in the right half."""
    left = [i for i, partner in enumerate(protocol.swap) if i < partner]
    return left, [protocol.swap[i] for i in left]
