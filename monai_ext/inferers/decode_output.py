"""From a network's heatmaps to points, status and confidence, batched and on the device."""

from __future__ import annotations

from typing import NamedTuple

import torch

from monai_ext.landmarks import Protocol, Status
from monai_ext.networks.output import HeatmapOutput
from monai_ext.transforms.affine import to_original
from monai_ext.transforms.decoders import activate, decode_heatmap

#: A landmark whose probability of being present is below this is reported as missing.
PRESENCE_THRESHOLD = 0.5

#: Half the side of the window that a peak is decoded in, in sigmas of the target: softmax maps are broader than it.
WINDOW_SIGMAS = 3.0


class Prediction(NamedTuple):
    """Decoded landmarks of a batch.

    Attributes:
        points: (B, K, 2) pixel points in the ORIGINAL images; the likeliest place also where missing.
        status: (B, K) int8 codes of Status, defined or missing.
        confidence: (B, K) in [0, 1], of the place where defined and of the absence where missing.
    """

    points: torch.Tensor
    status: torch.Tensor
    confidence: torch.Tensor


def decode_output(output: HeatmapOutput, matrix: torch.Tensor, size: torch.Tensor, protocol: Protocol) -> Prediction:
    """Decodes a network output.

    Args:
        output: the network's heatmaps (B, K, H, W) and presence logits (B, K) or None.
        matrix: (B, 3, 3) maps from original to network-input pixels.
        size: (B, 2) width and height of the original images; a peak in the letterbox beside an image answers the
            nearest point of the image.
        protocol: names the decoder, the loss that the heatmaps were trained with, and their sigma.
    """
    config = protocol.network
    heatmaps = activate(output.heatmaps.float(), protocol.recipe.loss, config.sigma)
    decoded = decode_heatmap(heatmaps, config.decoder, radius=max(2, round(WINDOW_SIGMAS * config.sigma)))
    points = to_original(decoded.points.double(), matrix.double())
    points = torch.minimum(points.clamp(min=-0.5), size[:, None].to(points) - 0.5)
    if output.presence is None:
        status = torch.full(points.shape[:2], int(Status.DEFINED), dtype=torch.int8, device=points.device)
        return Prediction(points, status, decoded.confidence)
    presence = output.presence.float().sigmoid()
    defined = presence >= PRESENCE_THRESHOLD
    status = torch.where(defined, int(Status.DEFINED), int(Status.MISSING)).to(torch.int8)
    confidence = torch.where(defined, decoded.confidence * presence, 1 - presence)
    return Prediction(points, status, confidence)
