"""Features of an image in a network's encoder, as one vector: the means of its deepest map."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch
from torch import nn

from monai_ext.landmarks import InputError
from monai_ext.networks import LandmarkNetwork


class FeatureTap:
    """Within its block the features of a network's next pass are kept.

    Args:
        network: in evaluation mode.

    Raises:
        InputError: the network has no encoder.

    Examples:
        >>> with FeatureTap(network) as tap:  # doctest: +SKIP
        ...     output = network(image)
        >>> tap.features.shape  # doctest: +SKIP
        torch.Size([2, 320])
    """

    def __init__(self, network: LandmarkNetwork) -> None:
        self._network = network
        self._part = network.deepest_part()
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
        return self._network.per_image(self._seen[0])


@torch.no_grad()
def encoder_features(network: LandmarkNetwork, image: torch.Tensor) -> torch.Tensor:
    """(B, F) features of (B, C, H, W) images: the means over the deepest map of the network's encoder.

    Args:
        network: in evaluation mode, any that :func:`~monai_ext.networks.build_network` makes.
        image: prepared as the network wants it.

    Raises:
        InputError: the network has no encoder, or does not take such images.
    """
    with FeatureTap(network) as tap:
        network(image)
    return tap.features
