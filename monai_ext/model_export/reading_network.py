"""A model as one torch module from an image to points, to be exported: preparation, network and decoder."""

from __future__ import annotations

import torch
from torch import nn

from monai_ext.inferers import ImageBatch, Predictor, read_output

from .preparation import Preparation

#: What an exported model gives.
OUTPUTS = ("points", "confidence", "presence", "status")


class PreparedReader(nn.Module):
    """Finds the landmarks in an image that was prepared for the network.

    Args:
        predictor: the model.
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.network, self.protocol = predictor.network, predictor.protocol
        self.register_buffer("threshold", predictor.threshold, persistent=False)
        self.threshold: torch.Tensor | None

    def forward(self, image: torch.Tensor, to_image: torch.Tensor, size: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Finds the landmarks of one image.

        Args:
            image: (1, C, h, w) network input.
            to_image: (1, 3, 3) float64 map from pixels (x, y) of the network input to those of the stored image.
            size: (1, 2) float64 width and height of the stored image.

        Returns:
            (K, 2) float64 points in pixels of the stored image, likeliest places of those that are missing, too; (K,)
            float32 confidence in [0, 1]; (K,) float32 probability of presence, 1 if not predicted; (K,)
            int64 status, 1 defined or 0 missing.
        """
        return self.read(image, torch.linalg.inv_ex(to_image).inverse, size)

    def read(self, image: torch.Tensor, matrix: torch.Tensor, size: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The same with (1, 3, 3) the map from the stored image to the network input."""
        found = read_output(self.network(image), ImageBatch(image, matrix, size), self.protocol, self.threshold)
        presence = torch.ones_like(found.confidence) if found.presence is None else found.presence
        return found.points[0], found.confidence[0], presence[0], found.status[0].long()


class StoredReader(PreparedReader):
    """The same for an image of any size as it is stored.

    Raises:
        InputError: the protocol fits the lit circle of a photograph, which is found outside of torch.
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__(predictor)
        self.preparation = Preparation(predictor.protocol)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:  # type: ignore[override]
        """Finds the landmarks of a (C, H, W) image of float32 stored values; answers as :class:`PreparedReader`."""
        return self.read(*self.preparation(image))
