"""Image files as a batch, and what a network's output says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from monai_ext.landmarks import Protocol
from monai_ext.landmarks.errors import input_errors_unwrapped
from monai_ext.landmarks.geometry import transform_points
from monai_ext.networks import NetworkOutput, Stage
from monai_ext.transforms import to_original
from monai_ext.transforms.pipeline import inference_transforms

from .decode_output import WINDOW_SIGMAS, Prediction, decode_heatmaps, decode_output, stage_heatmaps
from .predictions import Predictions


class ImageBatch(NamedTuple):
    """Images as a network takes them.

    Attributes:
        image: (B, C, H, W).
        matrix: (B, 3, 3) maps from original to network-input pixels, float64.
        size: (B, 2) width and height of the original images.
        pixel_length: (B, 2) length of an original pixel along (x, y) in millimetres; 1 where not calibrated.
        calibrated: (B,) whether those are millimetres.
    """

    image: torch.Tensor
    matrix: torch.Tensor
    size: torch.Tensor
    pixel_length: torch.Tensor
    calibrated: torch.Tensor


def load_batch(paths: Sequence[Path], protocol: Protocol, device: torch.device) -> ImageBatch:
    """Image files prepared as the protocol says.

    Raises:
        InputError: an image cannot be read.
    """
    transforms = inference_transforms(protocol)
    with input_errors_unwrapped():
        samples = [transforms({"image": str(path)}) for path in paths]
    return batch_of(samples, device)


def batch_of(samples: Sequence[Mapping[str, Any]], device: torch.device) -> ImageBatch:
    """Images that :func:`~monai_ext.transforms.pipeline.inference_transforms` prepared, on a device."""
    frames = [sample["frame"] for sample in samples]
    return ImageBatch(
        torch.stack([torch.as_tensor(sample["image"]).as_subclass(torch.Tensor) for sample in samples]).to(device),
        torch.stack([torch.as_tensor(sample["matrix"]) for sample in samples]).double().to(device),
        torch.tensor([frame.size for frame in frames], device=device),
        torch.stack([torch.from_numpy(frame.scale) for frame in frames]).to(device),
        torch.tensor([frame.spacing is not None for frame in frames], device=device),
    )


def read_output(
    output: NetworkOutput, batch: ImageBatch, protocol: Protocol, threshold: torch.Tensor | None = None
) -> Predictions:
    """What a network's output says of a batch, without further passes.

    Args:
        output: of the network.
        batch: that it saw.
        protocol: as :func:`~monai_ext.inferers.decode_output.decode_output`.
        threshold: (K,) of presence, or None, as there.
    """
    answer = decode_output(output, batch.matrix, batch.size, protocol, threshold)
    found = answer_details(answer, output, batch, protocol)
    first = output.stages[0]
    if len(output.stages) == 1:
        return found
    decoded = decode_heatmaps(stage_heatmaps(first, protocol), protocol)
    points = to_original(first.frame.to_image(decoded.points.double()), batch.matrix)
    return found._replace(first=torch.minimum(points.clamp(min=-0.5), batch.size[:, None].to(points) - 0.5))


def answer_details(answer: Prediction, output: NetworkOutput, batch: ImageBatch, protocol: Protocol) -> Predictions:
    """What a decoded output says beside its points, without the first stage's.

    Args:
        answer: what was decoded.
        output: of the network.
        batch: that it saw.
        protocol: that it was decoded by.
    """
    last = output.stages[-1]
    return Predictions(
        points=answer.points,
        status=answer.status,
        heatmaps=answer.heatmaps,
        cells=last.frame.from_image(transform_points(batch.matrix, answer.points)),
        linear=_linear(last, batch.matrix),
        radius=max(2, round(WINDOW_SIGMAS * protocol.network.sigma)),
        pixel_length=batch.pixel_length,
        calibrated=batch.calibrated,
        presence=answer.presence,
    )


def _linear(stage: Stage, matrix: torch.Tensor) -> torch.Tensor:
    """(B, K, 2, 2) a step in cells of a stage in original pixels: its columns are what (1, 0) and (0, 1) become."""
    shape = (*stage.heatmaps.shape[:2], 2)
    corner = torch.zeros(shape, dtype=torch.float64, device=matrix.device)
    place = stage.frame.to_image(corner)
    across, down = (stage.frame.to_image(corner + corner.new_tensor(step)) - place for step in ((1, 0), (0, 1)))
    inverse = torch.linalg.inv_ex(matrix[:, :2, :2]).inverse
    return inverse[:, None] @ torch.stack([across, down], -1).double()
