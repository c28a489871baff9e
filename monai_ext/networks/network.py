"""Contract of landmark networks, their registration, and the network that a protocol asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, TypeVar

import torch
from torch import nn

from monai_ext.landmarks import NETWORKS, InputError, NetworkConfig, Protocol, Status, name_of

from .output import MirroredFrame, NetworkOutput, RoiFrame, Stage, StagedOutput
from .pretrained import Weights, load_encoder_weights


class LandmarkNetwork(nn.Module):
    """A network from (B, C, H, W) images to a :class:`~monai_ext.networks.output.NetworkOutput` of K landmarks.

    Attributes:
        encoder_path: name of the part that is an image encoder, whose answer is a map or a list of maps, the deepest
            last; None if there is none.
    """

    encoder_path: str | None = None

    @classmethod
    def from_config(cls, config: Any, in_channels: int, num_landmarks: int) -> LandmarkNetwork:
        """Builds a network of its options with random weights, for C image channels and K landmarks."""
        raise NotImplementedError(f"{cls.__name__} is not built from options.")

    def training_arguments(
        self, image: torch.Tensor, points: torch.Tensor, status: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Arguments of ``forward`` in training beside the image.

        Args:
            image: (B, C, H, W) that it will see.
            points: (B, K, 2) true points (x, y) on it.
            status: (B, K) codes of Status.
        """
        return {}

    def find_encoder(self) -> nn.Module:
        """The part at :attr:`encoder_path`.

        Raises:
            InputError: there is none.
        """
        if self.encoder_path is None:
            raise InputError(f"A {type(self).__name__} has no encoder whose features can be compared.")
        try:
            return self.get_submodule(self.encoder_path)
        except AttributeError:
            parts = ", ".join(name for name, _ in self.named_children())
            raise InputError(
                f"The network {type(self).__name__} has no part {self.encoder_path!r}: its encoder is in one of "
                f"{parts}."
            ) from None

    def find_encoders(self) -> list[nn.Module]:
        """All parts that :meth:`take_encoder` fills with the weights of an encoder, that of :meth:`find_encoder` first.

        Raises:
            InputError: there is none.
        """
        return [self.find_encoder()]

    def deepest_part(self) -> nn.Module:
        """The part whose answer, or the last of whose answers, is the deepest map of the whole image.

        Raises:
            InputError: there is no encoder.
        """
        return self.find_encoder()

    def per_image(self, features: torch.Tensor) -> torch.Tensor:
        """(B, F) features of images, of the pooled answers of :meth:`deepest_part`."""
        return features

    def take_encoder(self, name: str, weights: Weights) -> None:
        """Loads public weights into the encoder.

        Args:
            name: of the encoder, for messages.
            weights: of a classifier with such an encoder.

        Raises:
            InputError: there is no encoder, or the weights are of another one.
        """
        load_encoder_weights(self.find_encoder(), name, weights)


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


N = TypeVar("N", bound=type[LandmarkNetwork])

_CLASSES: dict[type[NetworkConfig], type[LandmarkNetwork]] = {}


def register_network(config: type[NetworkConfig]) -> Callable[[N], N]:
    """Decorator of a network class: protocols may ask for it by the ``name`` of its options.

    Args:
        config: class of the options, with a default ``name`` of its own.

    Raises:
        InputError: the options have no name, or another network has it.

    Examples:
        >>> @register_network(SpotsConfig)                                       # doctest: +SKIP
        ... class Spots(LandmarkNetwork): ...
    """

    def registered(network: N) -> N:
        NETWORKS.add(name_of(config), config)
        _CLASSES[config] = network
        return network

    return registered


def network_class(config: NetworkConfig) -> type[LandmarkNetwork]:
    """The class that is registered for options."""
    # the library's own networks are in the module of their name, or in a folder of that name
    for module in (f".{config.name}", f".{config.name}.{config.name}"):
        if type(config) not in _CLASSES:
            import_module(module, __package__)
    return _CLASSES[type(config)]


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
