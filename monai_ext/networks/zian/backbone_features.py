"""What a ZIAN asks of its backbones: copies of one, images of sides that it can take, features of the right shape."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from monai_ext.landmarks import InputError

from .config import FEATURES


def backbone_copies(backbone: Callable[[], nn.Module] | nn.Module, number: int) -> list[nn.Module]:
    """So many backbones with weights of their own: made anew each, or the one given and copies of it."""
    if isinstance(backbone, nn.Module):
        return [backbone, *(copy.deepcopy(backbone) for _ in range(number - 1))]
    return [backbone() for _ in range(number)]


def backbone_features(backbone: nn.Module, image: torch.Tensor) -> torch.Tensor:
    """(B, 16, H, W) features of images (B, C, H, W).

    Raises:
        InputError: the backbone answers with another shape.
    """
    features = backbone(image)
    expected = (len(image), FEATURES, *image.shape[2:])
    if features.shape != expected:
        raise InputError(
            f"The backbone of a ZIAN answers images with features {expected}, not {tuple(features.shape)}."
        )
    return features


def padded(image: torch.Tensor, multiple: int) -> torch.Tensor:
    """The image (B, C, H, W) with its last row and column repeated up to multiples of a number."""
    height, width = image.shape[2:]
    padding = (0, -width % multiple, 0, -height % multiple)
    return F.pad(image, padding, mode="replicate") if any(padding) else image
