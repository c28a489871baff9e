"""A U-Net that finds an object in the whole image and then looks at it again in a window of fixed size."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch.nn import functional as F

from monai_ext.landmarks import ZoomNetConfig

from .blocks import padded
from .heatmap_net import HeatmapNet
from .network import LandmarkNetwork, register_network
from .output import HeatmapOutput, RoiFrame, Stage
from .zian.regions import peak_pixels

#: Bilinear samples per cell and axis of a window, whose mean the cell is: windows of up to four pixels per cell, and
#: more than the whole of most inputs, are drawn without aliasing.
SAMPLES = 2
#: Sides of windows, in pixels and as a share of the longer side of the input.
SMALLEST, LARGEST = 8.0, 1.5


class WindowFrame(NamedTuple):
    """Square cells of a window of each image, as those of a :class:`~monai_ext.networks.output.RoiFrame`.

    Attributes:
        origin: (B, 1, 2) pixel (x, y) that the first cell starts with.
        scale: (B, 1, 1) width of a cell in pixels.
    """

    origin: torch.Tensor
    scale: torch.Tensor

    def to_image(self, points: torch.Tensor) -> torch.Tensor:
        """(B, K, 2) points in cells to pixels of the image."""
        return self.origin + (points + 0.5) * self.scale - 0.5

    def from_image(self, points: torch.Tensor) -> torch.Tensor:
        """(B, K, 2) pixels of the image to points in cells."""
        return (points - self.origin + 0.5) / self.scale - 0.5


class ZoomOutput(NamedTuple):
    """One forward pass over B images of K landmarks.

    Attributes:
        coarse: (B, K, h, w) heatmaps of the reduced image.
        coarse_frame: where their cells lie on the image.
        fine: (B, K, S, S) heatmaps of the last window.
        fine_frame: where its cells lie on the image.
        presence: (B, K) logits of the landmark being there, by the last window; None if they are not predicted.
    """

    coarse: torch.Tensor
    coarse_frame: RoiFrame
    fine: torch.Tensor
    fine_frame: WindowFrame
    presence: torch.Tensor | None = None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The heatmaps of the whole image and those of the window, which are the answer."""
        return Stage("coarse", self.coarse, self.coarse_frame), Stage("fine", self.fine, self.fine_frame)


@register_network(ZoomNetConfig)
class ZoomNet(LandmarkNetwork):
    """A :class:`~monai_ext.networks.heatmap_net.HeatmapNet` that looks at the whole image, then at the object.

    The image, reduced by a whole number, gives coarse heatmaps. A square window about their peaks is drawn from the
    image itself, and the same network looks at it; the next window lies about what it found. All landmarks share a
    window, which is a sixth of the work of a region for each of fourteen, and an object is as large for the last look
    as it was in training, however small it is in the image. Presence is that of the last window, which holds the
    object, or what was taken for it, and little else.

    With ``shrunk`` the image is also shown smaller, its border repeated around it, and each showing gives a window; the
    next look goes on from the window whose landmarks are there with the highest mean logit.

    Args:
        network: of B images and K landmarks.
        config: the options.

    Examples:
        >>> network = ZoomNet(HeatmapNet(3, 4, "resnet10"), ZoomNetConfig(window=64)).eval()
        >>> output = network(torch.zeros(1, 3, 100, 130))
        >>> output.coarse.shape, output.fine.shape
        (torch.Size([1, 4, 34, 44]), torch.Size([1, 4, 64, 64]))
    """

    encoder_path = "network.encoder"

    def __init__(self, network: HeatmapNet, config: ZoomNetConfig) -> None:
        super().__init__()
        self.network = network
        self.config = config

    @classmethod
    def from_config(cls, config: ZoomNetConfig, in_channels: int, num_landmarks: int) -> ZoomNet:
        return cls(HeatmapNet.from_config(config, in_channels, num_landmarks), config)

    def forward(self, image: torch.Tensor, windows: torch.Tensor | None = None) -> ZoomOutput:
        """Heatmaps of the whole image and of its window.

        Args:
            image: (B, C, H, W).
            windows: (B, 3) left and top edge and side of the window of each image in pixels, for training; see
                :meth:`training_arguments`. Where not finite, and by default, that about the peaks of the coarse
                heatmaps. With it there is one further look, else as many as the options say.
        """
        side = self.config.window
        reduction = max(1, math.ceil(max(image.shape[2:]) / side))
        reduced = F.avg_pool2d(padded(image, reduction), reduction)
        first = self.network(reduced)
        coarse_frame = RoiFrame(torch.zeros(2, device=image.device), float(reduction * self.network.stride))
        found = self._about(coarse_frame.to_image(peak_pixels(first.heatmaps)), image)
        looks = self.config.looks
        if windows is not None:
            found, looks = torch.where(windows.isfinite().all(-1, keepdim=True), windows.to(found), found), 1
        elif self.config.shrunk:
            shown = [self._shown(image, reduced, reduction, share) for share in self.config.shrunk]
            found = self._likeliest(image, [found, *shown])
            looks -= 1
        fine, frame = self._look(image, found)
        for _ in range(looks - 1):
            fine, frame = self._look(image, self._found(image, fine, frame))
        return ZoomOutput(first.heatmaps, coarse_frame, fine.heatmaps, frame, fine.presence)

    def training_arguments(
        self, image: torch.Tensor, points: torch.Tensor, status: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """``windows`` of :meth:`forward`: about the true points, moved and scaled at random.

        Where fewer than two are defined there is none: the window then is where the network itself would look.
        """
        defined = (status > 0)[..., None]
        points = points.float()
        low = torch.where(defined, points, torch.inf).amin(1)
        high = torch.where(defined, points, -torch.inf).amax(1)
        side = self.config.margin * (high - low).amax(-1, keepdim=True)
        draws = 2 * torch.rand(len(points), 3, device=points.device) - 1
        grown = side * torch.exp(self.config.jitter * draws[:, :1])
        centers = (low + high) / 2 + self.config.jitter / 2 * draws[:, 1:] * side
        windows = torch.cat([centers - grown / 2 + 0.5, grown], -1)
        enough = (defined.sum(1) > 1) & (grown >= SMALLEST)
        return {"windows": torch.where(enough, windows, torch.nan)}

    def _shown(self, image: torch.Tensor, reduced: torch.Tensor, reduction: int, share: float) -> torch.Tensor:
        """(B, 3) windows of the image about what is found in it where the reduced image is shown smaller.

        Its longer side then takes a share of what the network looks at, and its border is repeated around it.
        """
        height, width = reduced.shape[2:]
        side = max(height, width) / share
        whole = image.new_tensor([(width - side) / 2, (height - side) / 2, side]).expand(len(image), -1)
        seen, frame = self._look(reduced, whole)
        frame = WindowFrame(reduction * frame.origin, reduction * frame.scale)
        return self._found(image, seen, frame)

    def _likeliest(self, image: torch.Tensor, windows: list[torch.Tensor]) -> torch.Tensor:
        """(B, 3) the windows after a look at several of each image, of the one with the highest mean presence."""
        following, presence = [], []
        for each in windows:
            seen, frame = self._look(image, each)
            assert seen.presence is not None  # the options ask for it
            following.append(self._found(image, seen, frame))
            presence.append(seen.presence.mean(1))
        chosen = torch.stack(presence, 1).argmax(1)[:, None, None].expand(-1, 1, 3)
        return torch.stack(following, 1).gather(1, chosen)[:, 0]

    def _found(self, image: torch.Tensor, seen: HeatmapOutput, frame: WindowFrame) -> torch.Tensor:
        """(B, 3) windows about the peaks of a look."""
        return self._about(frame.to_image(peak_pixels(seen.heatmaps)), image)

    def _look(self, image: torch.Tensor, windows: torch.Tensor) -> tuple[HeatmapOutput, WindowFrame]:
        """Input of the network in (B, 3) windows, and the positions of its cells."""
        seen = self.network(draw_windows(image, windows, self.config.window))
        cell = windows[:, None, 2:] * (self.network.stride / self.config.window)
        return seen, WindowFrame(windows[:, None, :2], cell)

    def _about(self, points: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """(B, 3) windows about (B, K, 2) points."""
        low, high = points.amin(1), points.amax(1)
        side = self.config.margin * (high - low).amax(-1, keepdim=True)
        side = side.clamp(SMALLEST, LARGEST * max(image.shape[2:]))
        return torch.cat([(low + high + 1 - side) / 2, side], -1)


def draw_windows(image: torch.Tensor, windows: torch.Tensor, cells: int) -> torch.Tensor:
    """Draws a square window of every image, each cell the mean of 2 x 2 bilinear samples.

    Args:
        image: (B, C, H, W); beyond it lies its nearest pixel.
        windows: (B, 3) left and top edge and side in pixels: a window from 0 starts with pixel 0.
        cells: of a side of what is drawn.

    Returns:
        (B, C, cells, cells).
    """
    height, width = image.shape[2:]
    count = cells * SAMPLES
    steps = (torch.arange(count, device=image.device, dtype=torch.float32) + 0.5) / count
    x = 2 * (windows[:, None, 0] + steps * windows[:, None, 2]) / width - 1
    y = 2 * (windows[:, None, 1] + steps * windows[:, None, 2]) / height - 1
    grid = torch.stack([x[:, None, :].expand(-1, count, -1), y[:, :, None].expand(-1, -1, count)], -1)
    with torch.autocast(image.device.type, enabled=False):
        drawn = F.grid_sample(image.float(), grid.float(), mode="bilinear", padding_mode="border", align_corners=False)
        return F.avg_pool2d(drawn, SAMPLES)
