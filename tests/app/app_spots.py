"""Synthetic images of two spots, and the small protocol that finds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from monai_ext.images import read_frame
from monai_ext.landmarks import Landmarks
from monai_ext.landmarks.markups import write_markups

NAMES = ("bright", "dim")

#: Two spots of different brightness: learnt within seconds.
SPOTS = """
name: spots
title: Two spots
channels: grey
landmarks:
  - {name: bright, description: the bright spot}
  - {name: dim, description: the dim spot, optional: true}
measurements:
  - {name: gap, between: [bright, dim]}
network: {input_size: {width: 64, height: 64}, decoder_channels: [32, 24, 16, 16, 16], sigma: 2.0, presence: false}
recipe: {max_epochs: 4, batch_size: 4, val_interval: 1, val_fraction: 0.3, learning_rate: 0.003, ema_decay: 0.0}
"""
#: The same on the smallest of timm's encoders, where nothing is trained: its weights are made, written, hashed and
#: loaded in a fraction of the time.
QUICK_SPOTS = SPOTS.replace("network: {", "network: {backbone: test_efficientnet, ")


def spot_points(index: int) -> np.ndarray:
    """(2, 2) pixel points (x, y) of the bright and the dim spot of image ``index``."""
    rng = np.random.default_rng(index)
    return np.stack([rng.uniform((12, 12), (36, 50)), rng.uniform((48, 12), (76, 50))])


def spot_image(index: int, size: tuple[int, int] = (88, 64)) -> Image.Image:
    """A grey image (width, height) with both spots."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    pixels = np.zeros((size[1], size[0]))
    for (cx, cy), height in zip(spot_points(index), (230, 110), strict=True):
        pixels += height * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 18)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def write_label(path: Path, image: Path, points: object, status: object = None) -> Path:
    """Writes points (2, 2) of an image as a markups file."""
    write_markups(path, Landmarks(NAMES, points, read_frame(image), status))
    return path
