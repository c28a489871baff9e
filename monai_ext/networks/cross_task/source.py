"""The source of cross-task distillation: a frozen classifier of a neighbouring task."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from monai_ext.landmarks import InputError
from monai_ext.landmarks.normalization import check_normalization
from monai_ext.networks.encoders import build_encoder, pool

from .classifier import build_classifier


class SourceOutput(NamedTuple):
    """One forward pass of a source over B images.

    Attributes:
        features: (B, C, h, w) the encoder's deepest map.
        pooled: (B, C) their means.
        logits: (B, N) of the N classes, or None where the source has no classifier.
    """

    features: torch.Tensor
    pooled: torch.Tensor
    logits: torch.Tensor | None


class SourceClassifier(nn.Module):
    """A classifier that never changes: in evaluation mode also after ``train()``, and without a gradient.

    Args:
        architecture: name of its encoder; see :func:`~monai_ext.networks.encoders.build_encoder`.
        num_classes: N; 0 for an encoder without classifier, as RadImageNet publishes it.
        normalization: what its weights were trained on: ``image`` or one of
            :data:`~monai_ext.landmarks.normalization.CHANNEL_SCALES`. The source does not apply it: it takes the
            tensor that the target network takes.
        in_channels: number of image channels.

    Attributes:
        encoder: from images to maps.
        head: the classifier, from the deepest map to logits; or None.

    Raises:
        InputError: an argument has no meaning.

    Source: Fu et al., Cross-Task Representation Learning for Anatomical Landmark Detection, MLMI 2020, section 2.2.

    Example:
        >>> output = SourceClassifier("resnet18", num_classes=7)(torch.zeros(2, 3, 64, 96))
        >>> output.features.shape, output.pooled.shape, output.logits.shape
        (torch.Size([2, 512, 2, 3]), torch.Size([2, 512]), torch.Size([2, 7]))
    """

    def __init__(self, architecture: str, num_classes: int, normalization: str = "image", in_channels: int = 3) -> None:
        super().__init__()
        if num_classes < 0:
            raise InputError(f"A source has a number of classes, or 0 for no classifier, not {num_classes}.")
        self.normalization = check_normalization(normalization)
        self.num_classes = num_classes
        self.architecture = architecture
        self.in_channels = in_channels
        self.encoder = build_encoder(architecture, in_channels)
        self.head = build_classifier(architecture, self.encoder, num_classes) if num_classes else None
        self.to(memory_format=torch.channels_last)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> SourceClassifier:
        """Stays in evaluation mode."""
        super().train(False)
        return self

    @torch.no_grad()
    def forward(self, image: torch.Tensor) -> SourceOutput:
        """The features and logits of (B, in_channels, H, W) images.

        Raises:
            InputError: the images have another number of channels.
        """
        if image.ndim != 4 or image.shape[1] != self.in_channels:
            raise InputError(f"The source takes images (B, {self.in_channels}, H, W), not {tuple(image.shape)}.")
        features = self.encoder(image.contiguous(memory_format=torch.channels_last))[-1]
        return SourceOutput(features, pool(features), None if self.head is None else self.head(features))
