"""The source of cross-task distillation: a frozen classifier of a neighbouring task."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from monai_ext.landmarks import InputError, check_normalization
from monai_ext.networks.blocks import check_image, pool
from monai_ext.networks.encoders import build_encoder, timm_name
from monai_ext.networks.face_resnet import FaceResNet, face_stage

#: Length of the vector that describes a person.
EMBEDDING = 128


class PooledLinear(nn.Module):
    """A linear layer on the pooled map, with the names of a ResNet's: ``fc.weight``, ``fc.bias``.

    Args:
        channels: C of the map.
        num_classes: N.
    """

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, C, h, w) features to (B, N) logits."""
        return self.fc(pool(features))


class EfficientNetClassifier(nn.Module):
    """The end of one of timm's EfficientNets, with timm's names: a wider map, pooled, and a linear layer.

    Args:
        model: timm's name.
        num_classes: N.
    """

    def __init__(self, model: str, num_classes: int) -> None:
        import timm  # here, since it takes a second

        super().__init__()
        network = timm.create_model(model, num_classes=num_classes)
        self.conv_head, self.bn2, self.classifier = network.conv_head, network.bn2, network.classifier

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, C, h, w) features to (B, N) logits."""
        return self.classifier(pool(self.bn2(self.conv_head(features))))  # bn2 has the activation in it


class FaceClassifier(nn.Module):
    """The end of a :class:`~monai_ext.networks.face_resnet.FaceResNet`: its last block and the embedding of a person.

    A linear layer leads from the embedding to the classes.

    Args:
        channels: C of the map.
        num_classes: N.
    """

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.layer5 = face_stage(channels, channels, 1)
        self.embedding = nn.Linear(channels, EMBEDDING, bias=False)
        self.classes = nn.Linear(EMBEDDING, num_classes)

    def embed(self, features: torch.Tensor) -> torch.Tensor:
        """(B, C, h, w) features to (B, 128) embeddings."""
        if min(features.shape[2:]) < 2:  # the block halves
            features = features.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return self.embedding(pool(self.layer5(features)))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, C, h, w) features to (B, N) logits."""
        return self.classes(self.embed(features))


def build_classifier(architecture: str, encoder: nn.Module, num_classes: int) -> nn.Module:
    """A new classifier with random weights on an encoder's deepest map.

    Args:
        architecture: name of the encoder.
        encoder: from :func:`~monai_ext.networks.encoders.build_encoder`.
        num_classes: N, at least 1.
    """
    from timm.models.efficientnet import EfficientNetFeatures

    channels: int = encoder.channels[-1]
    if isinstance(encoder, FaceResNet):
        return FaceClassifier(channels, num_classes)
    model = timm_name(architecture)
    if model is not None and isinstance(encoder, EfficientNetFeatures):
        return EfficientNetClassifier(model, num_classes)
    return PooledLinear(channels, num_classes)


class SourceOutput(NamedTuple):
    """One forward pass of a source over B images.

    Attributes:
        features: (B, C, h, w) the encoder's deepest map.
        pooled: (B, C) their means.
        logits: (B, N) of the N classes, or None if the source has no classifier.
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

    Examples:
        >>> output = SourceClassifier("resnet18", num_classes=7)(torch.zeros(2, 3, 64, 96))
        >>> output.features.shape, output.pooled.shape, output.logits.shape
        (torch.Size([2, 512, 2, 3]), torch.Size([2, 512]), torch.Size([2, 7]))
    """

    def __init__(self, architecture: str, num_classes: int, normalization: str = "image", in_channels: int = 3) -> None:
        super().__init__()
        if num_classes < 0:
            raise InputError(f"A source needs a number of classes, or 0 for no classifier, not {num_classes}.")
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
        check_image(image, self.in_channels, "The source")
        features = self.encoder(image.contiguous(memory_format=torch.channels_last))[-1]
        return SourceOutput(features, pool(features), None if self.head is None else self.head(features))
