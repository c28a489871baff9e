"""Whether a landmark is in the image, told from features."""

from __future__ import annotations

import math

import torch
from torch import nn

#: What a presence head answers before it has learned: a landmark is there unless the images teach otherwise.
INITIAL_PRESENCE = 0.95


def presence_layer(channels: int, num_landmarks: int) -> nn.Linear:
    """A linear layer from pooled features to (B, K) logits, which begins by calling all landmarks present."""
    layer = nn.Linear(channels, num_landmarks)
    nn.init.zeros_(layer.weight)
    nn.init.constant_(layer.bias, math.log(INITIAL_PRESENCE / (1 - INITIAL_PRESENCE)))
    return layer


class PresenceHead(nn.Module):
    """A linear layer on the mean and the maximum of features: is the landmark there?

    It learns from the features but does not shape them: no gradient passes to them.

    Args:
        channels: C.
        num_landmarks: K.
    """

    def __init__(self, channels: int, num_landmarks: int) -> None:
        super().__init__()
        self.linear = presence_layer(2 * channels, num_landmarks)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, K) logits of (B, C, H, W) features that all landmarks share."""
        return self.linear(self._pooled(features))

    def own(self, features: torch.Tensor) -> torch.Tensor:
        """(B, K) logits of (B * K, C, H, W) features: from those of landmark k the logit of k alone."""
        landmarks = self.linear.out_features
        logits = self.linear(self._pooled(features)).reshape(-1, landmarks, landmarks)
        return logits.diagonal(dim1=1, dim2=2)

    def _pooled(self, features: torch.Tensor) -> torch.Tensor:
        features = features.detach().float()
        return torch.cat([features.mean((2, 3)), features.amax((2, 3))], 1)
