"""Images seen slightly otherwise, for test-time augmentation: flipped, turned or scaled by a known pixel map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from monai_ext.landmarks import FloatArray, Protocol, about, flip_matrix, rotation_matrix
from monai_ext.transforms import resample

#: Largest rotation in degrees and largest relative scale of a view, where the recipe trains with as much.
ROTATION, SCALE = 5.0, 0.05


@dataclass(frozen=True)
class View:
    """One way to see an image.

    Args:
        rotation: degrees about the centre, clockwise on the screen.
        scale: about the centre.
        flip: left to right, after the others.
    """

    rotation: float = 0.0
    scale: float = 1.0
    flip: bool = False

    def matrix(self, width: int, height: int) -> FloatArray:
        """The (3, 3) pixel map from the image to the view, which has the same size."""
        turn = rotation_matrix(self.rotation) @ np.diag([self.scale, self.scale, 1.0])
        turned = about(((width - 1) / 2, (height - 1) / 2), turn)
        return flip_matrix(width) @ turned if self.flip else turned

    def draw(self, images: torch.Tensor) -> torch.Tensor:
        """The view of (B, C, H, W) images, of the same shape; a flip alone moves pixels without interpolation."""
        height, width = images.shape[2:]
        # one map for all images: their channels are drawn as those of one
        drawn = resample(images.flatten(0, 1), self.matrix(width, height), (width, height))
        return drawn.unflatten(0, images.shape[:2]).contiguous(memory_format=torch.channels_last)


def views_of(protocol: Protocol) -> tuple[View, ...]:
    """The plain view, then those that the protocol's recipe has taught a network to see.

    A network that never saw a flipped image in training answers it with nonsense, which would say nothing of the
    plain one: each change is taken only where training has it, and no further than training goes.
    """
    augmentation = protocol.recipe.augmentation
    turn, grow = min(ROTATION, augmentation.rotation), min(SCALE, augmentation.scale)
    views = [View()]
    if augmentation.flip > 0:
        views.append(View(flip=True))
    if turn > 0:
        views += [View(rotation=-turn), View(rotation=turn)]
    if grow > 0:
        views += [View(scale=1 / (1 + grow)), View(scale=1 + grow)]
    return tuple(views)
