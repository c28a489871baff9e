"""Contract of landmark networks, and their registration by the options that build them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

import torch
from torch import nn

from monai_ext.landmarks import NETWORKS, InputError, NetworkConfig, name_of

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
