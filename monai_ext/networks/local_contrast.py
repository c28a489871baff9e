"""Local contrast: each place of an image against its surroundings, so that a camera's colour and light fall out."""

from __future__ import annotations

import torch
from torch.nn import functional as F

#: Standard deviation of the surroundings, as a share of the image's longer side.
SIGMA = 1 / 12
#: The surroundings reach to this many standard deviations.
REACH = 3
#: A pixel is dark, and left out of all surroundings, below this share of the image's range.
DARK = 0.06
#: This share of the image's range is added to the deviation: an even place stays even.
LEAST = 0.02
#: Weight below which a place has no surroundings.
NOWHERE = 1e-3


def local_contrast(image: torch.Tensor) -> torch.Tensor:
    """Each pixel less the mean of its surroundings, divided by their standard deviation, channel by channel.

    The surroundings are weighted by a Gaussian. Dark pixels, as around the field of a photograph, are left out of them
    and become 0. Uneven light, a cast of colour and a change of contrast hardly change the result.

    Args:
        image: (B, C, H, W), black being the lowest value of each image.

    Returns:
        (B, C, H, W) float32.

    Source: after Foracchia et al., Luminosity and contrast normalization in retinal images, Medical Image Analysis
    2005, with Gaussian surroundings instead of squares.

    Examples:
        >>> local_contrast(torch.ones(1, 1, 4, 5)).abs().max()
        tensor(0.)
    """
    with torch.autocast(image.device.type, enabled=False):
        image = image.float()
        lowest = image.amin((1, 2, 3), keepdim=True)
        reach = image.amax((1, 2, 3), keepdim=True) - lowest
        lit = ((image - lowest).mean(1, keepdim=True) > DARK * reach).to(image)
        around = _blurred(lit).clamp(min=NOWHERE)
        change = lit * (image - _blurred(lit * image) / around)
        spread = (_blurred(change**2) / around).clamp(min=0).sqrt()
        least = LEAST * reach
        return change / (spread + torch.where(least > 0, least, 1.0))


def _blurred(image: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) with a Gaussian about each place; 0 lies beyond the image."""
    sigma = SIGMA * max(image.shape[2:])
    reach = max(1, int(REACH * sigma))
    place = torch.arange(-reach, reach + 1, dtype=image.dtype, device=image.device)
    kernel = torch.exp(-0.5 * (place / sigma) ** 2)
    kernel = kernel / kernel.sum()
    alone = image.flatten(0, 1)[:, None]
    alone = F.conv2d(alone, kernel.view(1, 1, 1, -1), padding=(0, reach))
    alone = F.conv2d(alone, kernel.view(1, 1, -1, 1), padding=(reach, 0))
    return alone.view(image.shape)
