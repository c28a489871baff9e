"""The classifiers of sources: modules from an encoder's deepest map to the logits of classes."""

from __future__ import annotations

import torch
from torch import nn

from monai_ext.networks.encoders import pool, timm_name
from monai_ext.networks.face_resnet import FaceResNet, face_stage

#: Numbers that tell a person from others.
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

    The classes are told from the embedding by a linear layer.

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
