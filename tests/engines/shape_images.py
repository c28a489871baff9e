"""Small pictures of coloured shapes, one class each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

CLASSES = ("blue_disc", "red_disc", "red_square")


def draw_shape(kind: str, rng: np.random.Generator) -> Image.Image:
    picture = Image.fromarray(rng.integers(90, 130, (40, 48, 3), dtype=np.uint8))
    x, y, r = rng.uniform(16, 32), rng.uniform(15, 25), rng.uniform(9, 12)
    color, shape = kind.split("_")
    draw = ImageDraw.Draw(picture)
    paint = {"disc": draw.ellipse, "square": draw.rectangle}[shape]
    paint((x - r, y - r, x + r, y + r), fill={"red": (210, 40, 40), "blue": (40, 40, 210)}[color])
    return picture


def write_shapes(root: Path, count: int, classes: tuple[str, ...] = CLASSES, seed: int = 0) -> Path:
    """``count`` images of each class, in a folder per class."""
    rng = np.random.default_rng(seed)
    for kind in classes:
        (root / kind).mkdir(parents=True)
        for i in range(count):
            draw_shape(kind, rng).save(root / kind / f"{kind}_{i:02d}.png")
    return root


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shapes(tmp_path_factory.mktemp("shapes"), 20)
