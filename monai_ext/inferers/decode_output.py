"""From a network's heatmaps to points, status and confidence, batched and on the device."""

from __future__ import annotations

from typing import NamedTuple

import torch

from monai_ext.landmarks import Protocol, Status
from monai_ext.networks.output import NetworkOutput, Stage
from monai_ext.transforms.affine import to_original
from monai_ext.transforms.decoders import Decoded, activate, decode_heatmap

#: A landmark whose probability of being present is below this is reported as missing.
PRESENCE_THRESHOLD = 0.5

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
    """

    points: torch.Tensor
    status: torch.Tensor
    confidence: torch.Tensor
    coarse: torch.Tensor | None = None


def decode_output(output: NetworkOutput, matrix: torch.Tensor, size: torch.Tensor, protocol: Protocol) -> Prediction:
    """Decodes a network output.

    Args:
        output: the network's heatmaps, of which the last stage answers, and presence logits (B, K) or None.
        matrix: (B, 3, 3) maps from original to network-input pixels.
        size: (B, 2) width and height of the original images; a peak in the letterbox beside an image answers the
            nearest point of the image.
        protocol: names the decoder, the loss that the heatmaps were trained with, and their sigma.
    """
    points, heights = _points(output.stages[-1], matrix, size, protocol)
    first = output.stages[0]
    coarse = None
    if first.name == COARSE and len(output.stages) > 1:
        coarse, _ = _points(first, matrix, size, protocol)
    if output.presence is None:
        status = torch.full(points.shape[:2], int(Status.DEFINED), dtype=torch.int8, device=points.device)
        return Prediction(points, status, heights, coarse)
    presence = output.presence.float().sigmoid()
    defined = presence >= PRESENCE_THRESHOLD
    status = torch.where(defined, int(Status.DEFINED), int(Status.MISSING)).to(torch.int8)
    confidence = torch.where(defined, heights * presence, 1 - presence)
    return Prediction(points, status, confidence, coarse)


def decode_stage(stage: Stage, protocol: Protocol) -> Decoded:
    """The peaks of a stage's heatmaps, in its cells, read as the protocol's loss and decoder want it."""
    config = protocol.network
    heatmaps = activate(stage.heatmaps.float(), protocol.recipe.loss, config.sigma)
    return decode_heatmap(heatmaps, config.decoder, radius=max(2, round(WINDOW_SIGMAS * config.sigma)))


def _points(
    stage: Stage, matrix: torch.Tensor, size: torch.Tensor, protocol: Protocol
) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, K, 2) points in the original images, on the image, and (B, K) confidences."""
    decoded = decode_stage(stage, protocol)
    points = to_original(stage.frame.to_image(decoded.points.double()), matrix.double())
    return torch.minimum(points.clamp(min=-0.5), size[:, None].to(points) - 0.5), decoded.confidence
