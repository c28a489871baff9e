"""The network that a protocol asks for."""

from __future__ import annotations

from monai_ext.landmarks import Protocol

from .halves import Halves
from .network import LandmarkNetwork, network_class


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
