"""Models and images whose answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from monai_ext.inferers import Predictor
from monai_ext.landmarks import Protocol
from monai_ext.models import ModelCard, publish
from monai_ext.networks import HeatmapOutput, build_network

#: Sizes (width, height) of images: wide, high, small enough to grow, and of odd sides.
SIZES = ((90, 50), (53, 201), (31, 20), (640, 417))


class BrightestSpot(nn.Module):
    """Answers the image itself as the logits of every landmark, so that the peak is the brightest place."""

    def __init__(self, presence: list[float] | None) -> None:
        super().__init__()
        self.presence = presence
        self.k = 1 if presence is None else len(presence)

    def forward(self, image: torch.Tensor) -> HeatmapOutput:
        presence = None if self.presence is None else torch.tensor([self.presence])
        return HeatmapOutput(3 * image[:, :1].expand(-1, self.k, -1, -1), presence)


def protocol_of(k: int, channels: str = "grey", **network) -> Protocol:
    return Protocol.model_validate(
        {
            "name": "spots",
            "title": "Spots",
            "channels": channels,
            "landmarks": [{"name": f"spot_{i}", "description": "a spot"} for i in range(k)],
            "network": {"input_size": {"width": 128, "height": 96}} | network,
        }
    )


def facts_of(protocol: Protocol) -> dict:
    return {
        "protocol": protocol, "labels_used": 7, "val_images": ("a", "b"), "val_error": 1.25, "unit": "px", "epochs": 3,
        "seed": 0, "date": "2026-01-02T03:04:05+00:00",
    }  # fmt: skip


def spots(logits: list[float] | None, **options) -> Predictor:
    """A model that finds the brightest spot of an image, as many times as it has logits of presence."""
    protocol = protocol_of(1 if logits is None else len(logits), **options)
    card = ModelCard(version="v9", weights="-", sha256="-", **facts_of(protocol))
    return Predictor(BrightestSpot(logits), card)


def reach(path: Path) -> float:
    """How far from the true centre a point of these images may be: a quarter of a pixel of image or network input."""
    width, height = Image.open(path).size
    return 0.25 * max(1.0, width / 128, height / 96)


@pytest.fixture
def spot_images(tmp_path: Path) -> dict[Path, tuple[float, float]]:
    """Images of one Gaussian spot each, by its centre; one of them is at a border."""
    images = {}
    for number, ((width, height), share) in enumerate(zip(SIZES, (0.3, 0.62, 0.5, 0.999), strict=True)):
        center = (share * (width - 1), (1 - share) * (height - 1))
        sigma = max(width, height) / 40
        y, x = np.mgrid[:height, :width]
        spot = 30 + 200 * np.exp(-((x - center[0]) ** 2 + (y - center[1]) ** 2) / (2 * sigma**2))
        path = tmp_path / f"spot_{number}.png"
        Image.fromarray(spot.round().astype(np.uint8)).save(path)
        images[path] = center
    return images


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small model of two landmarks, with the words of a person."""
    torch.manual_seed(0)
    network = {"name": "hourglass", "stacks": 1, "features": 8, "input_size": {"width": 64, "height": 32}}
    protocol = protocol_of(2, channels="rgb", **network)
    folder = tmp_path_factory.mktemp("models") / "spots"
    publish(folder, build_network(protocol).state_dict(), facts_of(protocol), half_precision=True)
    (folder / "about.yaml").write_text(
        "summary: Finds two spots.\nlicence: CC BY 4.0, see the paper.\ndata: [{name: Spotted images, count: 9}]\n"
    )
    return folder
