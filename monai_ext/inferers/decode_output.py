"""From a network's heatmaps to points, status and confidence, batched and on the device."""

from __future__ import annotations

from typing import NamedTuple

import torch

from monai_ext.landmarks import Protocol, Status
from monai_ext.models import PRESENCE_THRESHOLD
from monai_ext.networks import NetworkOutput, Stage
from monai_ext.transforms import to_original
from monai_ext.transforms.decoders import Decoded, activate, decode_heatmap

#: Half the side of the window that a peak is decoded in, in sigmas of the target: softmax maps are broader than it.
WINDOW_SIGMAS = 3.0

#: The stage of a network of several stages that looks at the whole image.
COARSE = "coarse"


class Prediction(NamedTuple):
    """Decoded landmarks of a batch.

    Attributes:
        points: (B, K, 2) pixel points in the ORIGINAL images; the likeliest place also where missing.
        status: (B, K) int8 codes of Status, defined or missing.
        confidence: (B, K) in [0, 1], of the place where defined and of the absence where missing.
        coarse: (B, K, 2) the points of the coarse stage alone, or None where the network has one stage.
        heatmaps: (B, K, h, w) of the answering stage, of amplitude 1 where the network is sure.
        presence: (B, K) probability of the landmark being in the image, or None where the network does not tell.
    """

    points: torch.Tensor
    status: torch.Tensor
    confidence: torch.Tensor
    coarse: torch.Tensor | None
    heatmaps: torch.Tensor
    presence: torch.Tensor | None


def decode_output(
    output: NetworkOutput,
    matrix: torch.Tensor,
    size: torch.Tensor,
    protocol: Protocol,
    threshold: torch.Tensor | None = None,
) -> Prediction:
    """Decodes a network output.

    Args:
        output: the network's heatmaps, of which the last stage answers, and presence logits (B, K) or None.
        matrix: (B, 3, 3) maps from original to network-input pixels.
        size: (B, 2) width and height of the original images; a peak in the letterbox beside an image answers the
            nearest point of the image.
        protocol: names the decoder, the loss that the heatmaps were trained with, and their sigma.
        threshold: (K,) probabilities of presence from which on a landmark is defined, float64; None takes one half.
    """
    heatmaps = stage_heatmaps(output.stages[-1], protocol)
    points, heights = _points(output.stages[-1], heatmaps, matrix, size, protocol)
    first = output.stages[0]
    coarse = None
    if first.name == COARSE and len(output.stages) > 1:
        coarse, _ = _points(first, stage_heatmaps(first, protocol), matrix, size, protocol)
    if output.presence is None:
        status = torch.full(points.shape[:2], int(Status.DEFINED), dtype=torch.int8, device=points.device)
        return Prediction(points, status, heights, coarse, heatmaps, None)
    presence = output.presence.float().sigmoid()
    # a threshold in the middle of two neighbouring float32 numbers is neither of them
    defined = presence >= PRESENCE_THRESHOLD if threshold is None else presence.double() >= threshold
    status = torch.where(defined, int(Status.DEFINED), int(Status.MISSING)).to(torch.int8)
    confidence = torch.where(defined, heights * presence, 1 - presence)
    return Prediction(points, status, confidence, coarse, heatmaps, presence)


def stage_heatmaps(stage: Stage, protocol: Protocol) -> torch.Tensor:
    """(B, K, h, w) what a stage shows, of amplitude 1 where the network is sure, as the protocol's loss means it."""
    return activate(stage.heatmaps.float(), protocol.recipe.loss, protocol.network.sigma)


def decode_heatmaps(heatmaps: torch.Tensor, protocol: Protocol) -> Decoded:
    """The peaks of heatmaps, in their cells, as the protocol's decoder reads them."""
    config = protocol.network
    return decode_heatmap(heatmaps, config.decoder, radius=max(2, round(WINDOW_SIGMAS * config.sigma)))


def _points(
    stage: Stage, heatmaps: torch.Tensor, matrix: torch.Tensor, size: torch.Tensor, protocol: Protocol
) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, K, 2) points in the original images, on the image, and (B, K) confidences."""
    decoded = decode_heatmaps(heatmaps, protocol)
    points = to_original(stage.frame.to_image(decoded.points.double()), matrix.double())
    return torch.minimum(points.clamp(min=-0.5), size[:, None].to(points) - 0.5), decoded.confidence
