"""A tiny task that a small network learns in seconds: a bright and a dark blob on grey."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from monai_ext.landmarks import Frame, Landmarks, Protocol
from monai_ext.landmarks.markups import write_markups
from monai_ext.studies import Studies

WIDTH, HEIGHT = 80, 56


class KilledError(Exception):
    """Stands for a kill in the middle of a run."""


def kill_in_epoch(number: int) -> Callable[[dict[str, Any]], None]:
    """An ``on_progress`` that kills a run when it reports an epoch for the first time."""

    def kill(progress: dict[str, Any]) -> None:
        if progress["epoch"] == number:
            raise KilledError

    return kill


def draw_blobs(points: np.ndarray, rng: np.random.Generator, *, dark: bool = True) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    image = 120 + 6 * rng.standard_normal((HEIGHT, WIDTH))
    for (px, py), sign in zip(points[: 1 + dark], (1, -1), strict=False):
        image += sign * 100 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 3.0**2))
    return image.clip(0, 255).astype(np.uint8)


def write_study(root: Path, count: int, seed: int = 0, *, without_dark: int = 0) -> Studies:
    """``count`` labelled images; every ``without_dark``-th has no dark blob, and says so."""
    rng = np.random.default_rng(seed)
    root.mkdir(parents=True, exist_ok=True)
    studies = Studies(root)
    for i in range(count):
        bright = rng.uniform([8, 8], [WIDTH / 2 - 8, HEIGHT - 9])
        dark = rng.uniform([WIDTH / 2 + 8, 8], [WIDTH - 9, HEIGHT - 9])
        points = np.stack([bright, dark])
        there = without_dark == 0 or i % without_dark > 0
        Image.fromarray(draw_blobs(points, rng, dark=there)).save(root / f"image_{i:03d}.png")
        landmarks = Landmarks(("bright", "dark"), points, Frame(WIDTH, HEIGHT), [1, int(there)])
        write_markups(studies.label_path(f"image_{i:03d}"), landmarks)
    return studies


#: The task of the blobs, without network and recipe.
BLOBS = {
    "name": "blobs",
    "title": "Blobs",
    "channels": "grey",
    "landmarks": [
        {"name": "bright", "description": "the bright blob"},
        {"name": "dark", "description": "the dark blob"},
    ],
}


@pytest.fixture(scope="session")
def blob_protocol() -> Protocol:
    return Protocol.model_validate(
        {
            **BLOBS,
            "network": {
                "name": "heatmap_net",
                "decoder_channels": [32, 24, 16, 12, 8],
                "input_size": {"width": 96, "height": 64},
            },
            "recipe": {"max_epochs": 12, "batch_size": 4, "val_interval": 2, "learning_rate": 0.003, "ema_decay": 0.9},
        }
    )


@pytest.fixture(scope="session")
def quick_protocol(blob_protocol: Protocol) -> Protocol:
    """The same task with a network of a hundredth of the weights, for tests of all but what is learned."""
    network = {"backbone": "lcnet_035", "decoder_channels": [8] * 5, "input_size": {"width": 64, "height": 64}}
    document = blob_protocol.model_dump(mode="json")
    return Protocol.model_validate({**document, "network": {"name": "heatmap_net", **network}})


@pytest.fixture(scope="session")
def blob_study(tmp_path_factory: pytest.TempPathFactory) -> Studies:
    return write_study(tmp_path_factory.mktemp("blobs"), 20)
