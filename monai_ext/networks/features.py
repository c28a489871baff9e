"""Features of an image in a network's encoder, as one vector: the means of its maps and, if wanted, their spread."""

from __future__ import annotations

from contextlib import suppress
from threading import get_ident
from types import TracebackType
from typing import Any

import torch
from torch import nn

from monai_ext.landmarks import InputError

from .network import LandmarkNetwork


class FeatureTap:
    """Within its block the features of the next pass that this thread makes through a network are kept.

    Args:
        network: in evaluation mode.
        alone: whether nothing but the features is wanted: the pass then ends with :class:`FeaturesSeenError` as soon
            as they are there.

    Raises:
        InputError: the network has no encoder.

    Examples:
        >>> with FeatureTap(network) as tap:  # doctest: +SKIP
        ...     output = network(image)
        >>> tap.features.shape  # doctest: +SKIP
        torch.Size([2, 320])
    """

    def __init__(self, network: LandmarkNetwork, *, alone: bool = False) -> None:
        self._network, self._alone = network, alone
        self._part = network.deepest_part()
        #: (B, C) means and standard deviations of each map.
        self._seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __enter__(self) -> FeatureTap:
        self._thread = get_ident()
        self._hook = self._part.register_forward_hook(self._look)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hook.remove()

    def _look(self, module: nn.Module, given: Any, answer: Any) -> None:
        # The first call only: with one set of weights for all stages, later ones see regions of interest. Another
        # thread, which has a tap of its own, may run the same network at the same time.
        if self._seen or get_ident() != self._thread:
            return
        for part in [answer] if isinstance(answer, torch.Tensor) else answer:
            variance, mean = torch.var_mean(part.float(), (2, 3), correction=0)
            self._seen.append((mean, variance.sqrt()))
        if self._alone:
            raise FeaturesSeenError

    @property
    def features(self) -> torch.Tensor:
        """(B, F) float32, the means over the deepest map.

        Of a network that sees images in halves, those of the left half and then of the right.

        Raises:
            InputError: the network did not run in the block, or does not use its encoder.
        """
        return self._network.per_image(self._known()[-1][0])

    @property
    def all_features(self) -> torch.Tensor:
        """(B, F) float32, means and standard deviations over every map of the encoder, the finest first.

        Raises:
            InputError: as :attr:`features`.
        """
        return self._network.per_image(torch.cat([part for pair in self._known() for part in pair], 1))

    def _known(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        if not self._seen:
            raise InputError(
                f"A {type(self._network).__name__} has not used its encoder: run the network inside the block."
            )
        return self._seen


class FeaturesSeenError(Exception):
    """Ends a pass that was wanted for its features alone."""


@torch.no_grad()
def encoder_features(network: LandmarkNetwork, image: torch.Tensor, *, all_maps: bool = False) -> torch.Tensor:
    """(B, F) features of (B, C, H, W) images: the means over the deepest map of the network's encoder.

    Nothing behind the encoder is computed.

    Args:
        network: in evaluation mode, any that :func:`~monai_ext.networks.build_network` makes.
        image: prepared for the network.
        all_maps: means and standard deviations over all maps of the encoder, the finest first.

    Raises:
        InputError: the network has no encoder, or does not take such images.
    """
    with FeatureTap(network, alone=True) as tap, suppress(FeaturesSeenError):
        network(image)
    return tap.all_features if all_maps else tap.features
