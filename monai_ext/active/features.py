"""What a network's encoder sees in an image, as one vector: the means of its deepest map."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch
from monai.networks.layers.simplelayers import SkipConnection
from torch import nn

from monai_ext.landmarks import InputError
from monai_ext.networks.backbones import HRNetBackbone, UNetBackbone
from monai_ext.networks.halves import Halves
from monai_ext.networks.hourglass import Hourglass, HourglassModule
from monai_ext.networks.zian import ZIAN


def deepest_part(network: nn.Module) -> nn.Module:
    """The part of a network whose answer, or the last of whose answers, is the deepest map of its encoder.

    Of a ZIAN it is that of the coarse stage, which sees the whole image; of an HRNet the coarsest branch.

    Raises:
        InputError: a network without an encoder.
    """
    if isinstance(network, Halves):
        return deepest_part(network.network)
    if isinstance(network, ZIAN):
        return deepest_part(network.coarse_backbone)
    if isinstance(network, UNetBackbone):
        skips = [module for module in network.unet.modules() if isinstance(module, SkipConnection)]
        return skips[-1].submodule
    if isinstance(network, Hourglass):
        module: nn.Module = network.stacks[-1].get_submodule("features.0")
        while isinstance(module, HourglassModule):
            module = module.inner
        return module
    if isinstance(network, HRNetBackbone):
        return network.encoder.get_submodule("stage4")[-1].branches[-1]
    encoder = getattr(network, "encoder", None)
    if not isinstance(encoder, nn.Module):
        raise InputError(f"A {type(network).__name__} has no encoder whose features could be compared.")
    return encoder


class FeatureTap:
    """Within its block the features of a network's next pass are kept.

    Args:
        network: in evaluation mode.

    Raises:
        InputError: the network has no encoder.

    Example:
        >>> with FeatureTap(network) as tap:  # doctest: +SKIP
        ...     output = network(image)
        >>> tap.features.shape  # doctest: +SKIP
        torch.Size([2, 320])
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._part = deepest_part(network)
        self._seen: list[torch.Tensor] = []

    def __enter__(self) -> FeatureTap:
        self._hook = self._part.register_forward_hook(self._look)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hook.remove()

    def _look(self, module: nn.Module, given: Any, answer: Any) -> None:
        # the first call only: with one set of weights for all stages, later ones see regions of interest
        if not self._seen:
            deepest = answer if isinstance(answer, torch.Tensor) else answer[-1]
            self._seen.append(deepest.float().mean((2, 3)))

    @property
    def features(self) -> torch.Tensor:
        """(B, F) float32; of a network that sees images in halves, those of the left half and then of the right.

        Raises:
            InputError: the network did not run in the block, or does not use its encoder.
        """
        if not self._seen:
            raise InputError(f"A {type(self._network).__name__} has not used its encoder: run it within the block.")
        features = self._seen[0]
        return torch.cat(features.chunk(2), 1) if isinstance(self._network, Halves) else features


@torch.no_grad()
def encoder_features(network: nn.Module, image: torch.Tensor) -> torch.Tensor:
    """(B, F) features of (B, C, H, W) images: the means over the deepest map of the network's encoder.

    Args:
        network: in evaluation mode, any that :func:`~monai_ext.networks.registry.build_network` makes.
        image: prepared as the network wants it.

    Raises:
        InputError: the network has no encoder, or does not take such images.
    """
    with FeatureTap(network) as tap:
        network(image)
    return tap.features
