"""What tests of uncertainty share: drawn heatmaps as predictions, and networks whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from monai_ext.inferers import ImageBatch, Predictions, Predictor, read_output
from monai_ext.landmarks import Protocol
from monai_ext.models import ModelCard
from monai_ext.networks import HeatmapOutput, LandmarkNetwork


def protocol_of(
    names: tuple[str, ...] = ("a",), *, size: tuple[int, int] = (96, 64), pairs: bool = False, **recipe: object
) -> Protocol:
    """A task of heatmaps that mean what they show; with ``pairs`` the two landmarks are each other's mirror image."""
    landmarks = [{"name": name, "description": name} for name in names]
    if pairs:
        landmarks[0]["pair"], landmarks[1]["pair"] = names[1], names[0]
    network = {"input_size": {"width": size[0], "height": size[1]}, "sigma": 2.0, "presence": False}
    document = {"name": "drawn", "title": "Drawn", "channels": "grey", "landmarks": landmarks}
    return Protocol.model_validate(document | {"network": network, "recipe": {"loss": "mse", **recipe}})


def predictions_of(
    heatmaps: torch.Tensor,
    *,
    matrix: np.ndarray | None = None,
    stride: int = 1,
    size: tuple[int, int] = (1000, 1000),
    spacing: tuple[float, float] | None = None,
    presence: torch.Tensor | None = None,
) -> Predictions:
    """(B, K, h, w) heatmaps as the output of a network whose input is an affine map of the original image."""
    batch, landmarks = heatmaps.shape[:2]
    lengths = torch.tensor(spacing or (1.0, 1.0), dtype=torch.float64).expand(batch, 2)
    images = ImageBatch(
        torch.zeros(batch, 1, 1, 1),
        torch.from_numpy(np.eye(3) if matrix is None else matrix).expand(batch, 3, 3),
        torch.tensor(size).expand(batch, 2),
        lengths,
        torch.full((batch,), spacing is not None),
    )
    names = tuple(f"p{k}" for k in range(landmarks))
    return read_output(HeatmapOutput(heatmaps, presence, stride), images, protocol_of(names))


def draw_gaussian(size_hw: tuple[int, int], centre: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """(h, w) a Gaussian of amplitude 1 about a point (x, y) in cells."""
    y, x = np.mgrid[: size_hw[0], : size_hw[1]]
    steps = np.stack([x - centre[0], y - centre[1]], -1)
    return np.exp(-np.einsum("hwi,ij,hwj->hw", steps, np.linalg.inv(covariance), steps) / 2)


class LeftAndRight(LandmarkNetwork):
    """Takes the bright spot in the left half for the first landmark and that in the right half for the second.

    Args:
        shift: cells that its heatmaps are moved to the right.
    """

    encoder_path = "encoder"

    def __init__(self, shift: int = 0) -> None:
        super().__init__()
        self.shift = shift
        self.encoder = nn.Identity()

    def forward(self, image: torch.Tensor) -> HeatmapOutput:
        grey = self.encoder(image)[:, 0]
        low = grey.amin((1, 2), keepdim=True)
        grey = (grey - low) / (grey.amax((1, 2), keepdim=True) - low)
        left = torch.arange(grey.shape[2]) < grey.shape[2] / 2
        maps = torch.stack([grey * left, grey * ~left], 1)
        return HeatmapOutput(maps.roll(self.shift, -1))


def predictor_of(network: nn.Module, protocol: Protocol) -> Predictor:
    facts = {"labels_used": 1, "val_images": (), "val_error": 0.0, "unit": "px", "epochs": 1, "seed": 0, "date": ""}
    return Predictor(network, ModelCard(protocol=protocol, version="v1", weights="", sha256="", **facts))


def write_spots(path: Path, points: np.ndarray, size: tuple[int, int], sigma: float) -> Path:
    """An image with a bright spot at each point (x, y), in pixels of an image of (width, height)."""
    y, x = np.mgrid[: size[1], : size[0]]
    grey = sum(200 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * sigma**2)) for px, py in points)
    Image.fromarray((20 + grey).clip(0, 255).round().astype(np.uint8)).save(path)
    return path
