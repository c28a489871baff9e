"""Maps of a pretrained encoder in which alike places of two images are looked for."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from monai_ext.networks import Weights, build_encoder, imagenet_weights, load_encoder_weights

ENCODER = "efficientnet-lite0"

#: A standardised image (mean 0, deviation 1) times this is on the scale that the weights were trained on.
IMAGENET_DEVIATION = 0.5

_FLAT = 1e-6


class Level(NamedTuple):
    """A map of the encoder and how it takes part.

    Attributes:
        number: of the map among the encoder's, from 0.
        stride: pixels of the image that make a cell.
        reach: cells around a landmark's that belong to its descriptor.
        weight: of the level among the deep ones.
    """

    number: int
    stride: int
    reach: int
    weight: float


#: The maps that identify a place, and the map that locates it exactly.
DEEP = (Level(2, 8, 1, 0.6), Level(3, 16, 0, 1.0), Level(4, 32, 0, 1.0))
FINE = Level(1, 4, 2, 1.0)


class Seen(NamedTuple):
    """An image as the encoder sees it.

    Attributes:
        maps: (C, h, w) by level, each channel with mean 0 and deviation 1 over the image.
        size_wh: (width, height) of the image.
        inside: left, top, right and bottom of what belongs to the photograph, pixels of the image; points lie there.
    """

    maps: dict[int, torch.Tensor]
    size_wh: tuple[int, int]
    inside: tuple[float, float, float, float]

    @property
    def bounds(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The least and the greatest (x, y) of :attr:`inside`, float64."""
        return torch.tensor(self.inside[:2]).double(), torch.tensor(self.inside[2:]).double()


class FeatureEncoder:
    """An ImageNet encoder, ready to look at images.

    Args:
        channels: of the images; for grey ones the weights of the three colours are summed.
        device: where it runs.

    Raises:
        InputError: its weights are not installed, or damaged.
    """

    def __init__(self, channels: int, device: str | torch.device = "cpu") -> None:
        encoder: nn.Module = build_encoder(ENCODER, channels)
        load_encoder_weights(encoder, ENCODER, Weights(*imagenet_weights(ENCODER)))
        self.device = torch.device(device)
        self._encoder = encoder.eval().to(self.device)

    @torch.inference_mode()
    def see(self, image: torch.Tensor, inside: tuple[float, float, float, float] | None = None) -> Seen:
        """Looks at a (C, H, W) image of mean 0 and deviation 1 whose sides are multiples of 32.

        Each channel of the maps is standardised: values common to the whole image do not identify a place.

        Args:
            image: as :class:`~monai_ext.transforms.NormalizeLandmarkImage` gives it.
            inside: see :class:`Seen`; None for all of it.
        """
        maps = self._encoder(IMAGENET_DEVIATION * image[None].to(self.device))
        standard: dict[int, torch.Tensor] = {}
        for level in (FINE, *DEEP):
            found = maps[level.number][0].float()
            deviation, mean = torch.std_mean(found, (1, 2), keepdim=True, correction=0)
            standard[level.stride] = ((found - mean) / (deviation + _FLAT)).cpu()
        size_wh = (int(image.shape[-1]), int(image.shape[-2]))
        return Seen(standard, size_wh, inside or (-0.5, -0.5, size_wh[0] - 0.5, size_wh[1] - 0.5))


def to_cells(points: torch.Tensor, stride: int) -> torch.Tensor:
    """Pixels (x, y) to cells of a map.

    Cell c is centred at ``(c + 0.5) * stride - 0.5``: though TF-SAME padding puts the last pixel of a cell in the
    middle of the receptive field, what the trained weights see is centred within a sixth of a cell there from stride 8
    on, and 1.2 pixels off at stride 4. Points are read and found in the same cells, so that this cancels.
    """
    return (points + 0.5) / stride - 0.5


def to_pixels(cells: torch.Tensor, stride: int) -> torch.Tensor:
    """Cells of a map to pixels (x, y)."""
    return (cells + 0.5) * stride - 0.5


def cell_pixels(size_hw: tuple[int, int], stride: int) -> torch.Tensor:
    """(h, w, 2) pixels (x, y), float64, of the centres of the cells of a map."""
    y, x = torch.meshgrid(*(torch.arange(side, dtype=torch.float64) for side in size_hw), indexing="ij")
    return to_pixels(torch.stack([x, y], -1), stride)


def read_at(maps: torch.Tensor, cells: torch.Tensor, padding_mode: str) -> torch.Tensor:
    """(K, C, a, b) bilinear values at cells (K, a, b, 2) of maps (K, C, h, w)."""
    size = cells.new_tensor([maps.shape[-1], maps.shape[-2]])
    return F.grid_sample(maps, (cells + 0.5) / size * 2 - 1, align_corners=False, padding_mode=padding_mode)


def describe(seen: Seen, points: torch.Tensor, level: Level) -> torch.Tensor:
    """(K, C, 2 reach + 1, 2 reach + 1) features around (K, 2) pixels."""
    maps, side = seen.maps[level.stride], 2 * level.reach + 1
    steps = torch.arange(-level.reach, level.reach + 1, dtype=maps.dtype)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    cells = to_cells(points, level.stride).to(maps.dtype)[:, None, None] + torch.stack([x, y], -1)
    found = read_at(maps[None], cells.reshape(1, -1, side, 2), "border")[0]
    return found.reshape(len(maps), len(points), side, side).swapaxes(0, 1)


def similarity(seen: Seen, descriptors: torch.Tensor, level: Level) -> torch.Tensor:
    """(K, h, w) cosine between descriptors (K, C, a, a) and what an image has around each cell."""
    maps, side = seen.maps[level.stride][None], 2 * level.reach + 1
    padded = F.pad(maps, (level.reach,) * 4, mode="replicate") if level.reach else maps
    dot = F.conv2d(padded, descriptors)[0]
    energy = F.conv2d(padded.square().sum(1, keepdim=True), maps.new_ones(1, 1, side, side))[0]
    lengths = descriptors.flatten(1).norm(dim=1)[:, None, None]
    return dot / (energy.sqrt() * lengths).clamp_min(_FLAT)
