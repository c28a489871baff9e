"""A model as one torch module from an image to points, to be exported: preparation, network and decoder."""

from __future__ import annotations

import torch
from torch import nn

from monai_ext.inferers import ImageBatch, Predictor, read_output
from monai_ext.landmarks import CHANNEL_SCALES, OWN_SCALE, InputError, Protocol
from monai_ext.transforms import OVERSAMPLING, NormalizeLandmarkImage


class Preparation(nn.Module):
    """Fits an image into the network input and normalises it, as :func:`~monai_ext.transforms.inference_transforms`.

    The fit is a scale and a shift along each axis, so that antialiased reduction, sampling and border are one matrix of
    weights for the rows and one for the columns. Values beyond 0 to 255 are not refused here.

    Args:
        protocol: of the model.

    Raises:
        InputError: the protocol fits the lit circle of a photograph, which is found outside of torch.
    """

    def __init__(self, protocol: Protocol) -> None:
        super().__init__()
        network = protocol.network
        if network.field_of_view:
            raise InputError("The lit circle of a photograph is found outside of torch: prepare images before.")
        self.input_wh, self.fitted_wh = network.input_size.wh, network.fitted_size.wh
        self.normalization = network.normalization
        if self.normalization != OWN_SCALE:
            scale = CHANNEL_SCALES[self.normalization].of_channels(protocol.num_channels)
            mean, deviation = (torch.tensor(part, dtype=torch.float64)[:, None, None] for part in scale)
            self.register_buffer("mean", mean, persistent=False)
            self.register_buffer("deviation", deviation, persistent=False)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Prepares one image.

        Args:
            image: (C, H, W) stored values.

        Returns:
            (1, C, h, w) network input, (1, 3, 3) float64 map from pixels of the image to those of the input, (1, 2)
            float64 width and height of the image.
        """
        # lengths as tensors, from what a dynamic size can be made of
        y, x = (torch.arange(length, dtype=torch.float64) for length in image.shape[1:])
        height, width = y[-1] + 1, x[-1] + 1
        # tensor by tensor: of a number and a tensor, torch takes the reciprocal, whose last bit decides ties of lengths
        fitted_width, fitted_height = (width.new_tensor(float(length)) for length in self.fitted_wh)
        scale = torch.minimum(fitted_width / width, fitted_height / height)
        rows, top = _weights(y, height, scale, self.input_wh[1])
        columns, left = _weights(x, width, scale, self.input_wh[0])
        fitted = self._normalized(rows @ (image @ columns.mT))[None]
        matrix = torch.stack([scale, scale * 0, left, scale * 0, scale, top, scale * 0, scale * 0, scale / scale])
        return fitted, matrix.reshape(1, 3, 3), torch.stack([width, height])[None]

    def _normalized(self, image: torch.Tensor) -> torch.Tensor:
        if self.normalization == OWN_SCALE:
            return NormalizeLandmarkImage()(image)
        return ((image.double() - self.mean) / self.deviation).float()


def _weights(
    places: torch.Tensor, length: torch.Tensor, scale: torch.Tensor, out: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights of an axis of an image in the pixels of the network input, and where its first pixel lies there.

    As in :func:`monai_ext.transforms.resample`: the axis is reduced, antialiased by a triangle, to a whole number of
    pixels, which are then sampled; of those each pixel of the input takes its two neighbours.

    Args:
        places: (N,) 0 to N - 1, float64.
        length: N, float64.
        scale: pixels of the input per pixel of the image.
        out: M, pixels of the input.

    Returns:
        (M, N) float32, and the shift of the map, float64.
    """
    margin = (out - length * scale) / 2
    reduced = (length * (OVERSAMPLING * scale).clamp(max=1)).round().clamp(min=1)
    step = length / reduced
    wanted = (torch.arange(out, dtype=torch.float64) + 0.5 - margin) / scale
    source = torch.minimum((wanted / step - 0.5).clamp(min=0), reduced - 1)[:, None]
    first = source.floor()
    second = torch.minimum(first + 1, reduced - 1)
    share = source - first
    weights = _triangle(places, first, step) * (1 - share) + _triangle(places, second, step) * share
    return weights.float(), margin + 0.5 * scale - 0.5


def _triangle(places: torch.Tensor, pixel: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    """(M, N) shares of the pixels of an axis in pixels (M, 1) of its reduction by a step."""
    height = (1 - (places + 0.5 - (pixel + 0.5) * step).abs() / step).clamp(min=0)
    return height / height.sum(-1, keepdim=True)


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
