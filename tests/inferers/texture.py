"""A picture with a texture, the same picture seen otherwise, and where its points come to lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from monai_ext.images import read_frame
from monai_ext.landmarks import Landmarks
from monai_ext.landmarks.geometry import about, rotation_matrix, transform_points, translation_matrix
from monai_ext.landmarks.markups import write_markups
from monai_ext.transforms.resample import resample

#: (width, height): neither square nor a multiple of anything.
SIZE = (500, 390)


def texture(seed: int, channels: int = 1, size: tuple[int, int] = SIZE) -> torch.Tensor:
    """(channels, height, width) grey levels with structures of all sizes, another for each seed."""
    draw = torch.Generator().manual_seed(seed)
    picture = torch.zeros(1, channels, size[1], size[0])
    for cells in (3, 6, 12, 24, 48):
        coarse = torch.randn(1, channels, cells, cells * size[0] // size[1], generator=draw)
        picture += F.interpolate(coarse, size=size[::-1], mode="bicubic", align_corners=False) * cells**-0.3
    return (127 + 50 * picture[0] / picture.std()).clamp(0, 255)


def view(degrees: float, factor: float, shift: tuple[float, float], size: tuple[int, int] = SIZE) -> np.ndarray:
    """The map of a picture that is turned and scaled about its middle, then shifted, pixels."""
    middle = ((size[0] - 1) / 2, (size[1] - 1) / 2)
    turned = about(middle, rotation_matrix(degrees) @ np.diag([factor, factor, 1.0]))
    return np.asarray(translation_matrix(*shift) @ turned)


def write_picture(path: Path, picture: torch.Tensor) -> Path:
    """Writes (1 or 3, H, W) grey levels as PNG."""
    pixels = picture.round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(path)
    return path


def write_case(
    folder: Path,
    name: str,
    picture: torch.Tensor,
    points: np.ndarray,
    matrix: np.ndarray,
    names: Sequence[str],
    status: Sequence[int] | None = None,
) -> tuple[Path, Path, np.ndarray]:
    """Writes a picture seen through a map with its points; the image, the label and the (K, 2) points."""
    image = write_picture(folder / f"{name}.png", resample(picture, matrix, SIZE, padding_mode="reflection"))
    moved = np.asarray(transform_points(matrix, points))
    label = folder / f"{name}.mrk.json"
    write_markups(label, Landmarks(names, moved, read_frame(image), status))
    return image, label, moved
