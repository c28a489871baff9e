"""Random loss of resolution: fewer pixels, and the blocks of a JPEG file."""

from __future__ import annotations

import torch
from monai.config import KeysCollection
from torch.nn import functional as F
from torchvision.io import decode_jpeg, encode_jpeg

from .rand_image import RandImage, RandImaged, unit_range


class RandResolution(RandImage):
    """Draws an image with fewer pixels and stretches it again, then compresses it as a JPEG file does.

    Outer edges stay where they are, so that no point moves.

    Args:
        reduction: largest loss r; the image is made smaller by a factor log-uniform in [1, 1 + r].
        jpeg: largest loss of quality q, 0 to 99; the quality is a whole number uniform in [100 - q, 100]. Images that
            have neither 1 channel nor 3 are not compressed.

    Raises:
        ValueError: a range is negative, or a loss of quality above 99.
    """

    def __init__(self, reduction: float = 0.0, jpeg: int = 0) -> None:
        if reduction < 0 or not 0 <= jpeg <= 99:
            raise ValueError(f"A reduction is 0 or more and a loss of quality 0 to 99, not {reduction} and {jpeg}.")
        self.reduction, self.jpeg = reduction, int(jpeg)
        self._factor, self._quality = 1.0, 100

    def randomize(self, data: object = None) -> None:
        """Draws a factor and a quality."""
        share = self.R.uniform()
        self._factor = float((1 + self.reduction) ** share)
        self._quality = 100 - int(self.R.randint(self.jpeg + 1))

    def __call__(self, image: torch.Tensor, randomize: bool = True) -> torch.Tensor:
        """Maps (C, H, W) to float32 of the same shape."""
        if randomize:
            self.randomize()
        drawn = torch.as_tensor(image).as_subclass(torch.Tensor).float()
        if self.reduction:
            size = drawn.shape[-2:]
            small = [max(1, round(side / self._factor)) for side in size]
            drawn = F.interpolate(drawn[None], size=small, mode="bilinear", align_corners=False, antialias=True)
            drawn = F.interpolate(drawn, size=size, mode="bilinear", align_corners=False)[0]
        return self._compressed(drawn) if self.jpeg and len(image) in (1, 3) else drawn

    def _compressed(self, image: torch.Tensor) -> torch.Tensor:
        unit, low, reach = unit_range(image)
        levels = (255 * unit).round().to(device="cpu", dtype=torch.uint8)
        decoded = decode_jpeg(encode_jpeg(levels, quality=self._quality)).to(image.device)
        return low + reach * decoded / 255


class RandResolutiond(RandImaged):
    """Dictionary version of :class:`RandResolution`."""

    def __init__(
        self, keys: KeysCollection, reduction: float = 0.0, jpeg: int = 0, allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, RandResolution(reduction, jpeg), allow_missing_keys)
