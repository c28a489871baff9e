"""Affine maps of an image and its landmarks, and the plain fit onto the network input."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform

from monai_ext.landmarks import FloatArray, InputError, fit_matrix, translation_matrix

from .resample import map_points, resample


class Region(NamedTuple):
    """A part of an image, or beyond it: its left and top edge and its size, pixels; edges lie at whole numbers - 0.5.

    Attributes:
        left, top: where the region begins; -0.5 is the outer edge of the first pixel.
        width, height: of the region.
    """

    left: float
    top: float
    width: float
    height: float

    @classmethod
    def of_image(cls, width: int, height: int) -> Region:
        """The whole image."""
        return cls(-0.5, -0.5, float(width), float(height))

    @classmethod
    def around(cls, x: float, y: float, radius: float) -> Region:
        """The square that a circle touches from within."""
        return cls(x - radius, y - radius, 2 * radius, 2 * radius)

    @property
    def matrix(self) -> FloatArray:
        """(3, 3) map from pixels of the image to pixels of the region."""
        return translation_matrix(-(self.left + 0.5), -(self.top + 0.5))


def _plain(image: Any) -> torch.Tensor:
    """The image as a plain float32 tensor: its MONAI affine would no longer hold after a resample."""
    tensor = torch.as_tensor(image)
    if tensor.ndim != 3:
        raise InputError(f"An image tensor must have the shape (channels, height, width), not {tuple(tensor.shape)}.")
    return tensor.as_subclass(torch.Tensor).to(torch.float32)


class AffineLandmarks(Transform):
    """Draws an image through one pixel map and moves its points by the same map.

    Args:
        size_wh: (width, height) of the output.
        mode: ``bilinear``, ``bicubic`` or ``nearest``; antialiased where the map shrinks (see
            :func:`monai_ext.transforms.resample.resample`).
        padding_mode: what lies outside the image: ``border``, ``zeros`` or ``reflection``.

    Examples:
        >>> from monai_ext.landmarks.geometry import flip_matrix
        >>> image, points = AffineLandmarks((4, 2))(torch.zeros(1, 2, 4), torch.tensor([[0.0, 1.0]]), flip_matrix(4))
        >>> points
        tensor([[3., 1.]])
    """

    def __init__(self, size_wh: tuple[int, int], mode: str = "bilinear", padding_mode: str = "border") -> None:
        self.size_wh = (int(size_wh[0]), int(size_wh[1]))
        self.mode = mode
        self.padding_mode = padding_mode

    def __call__(
        self, image: torch.Tensor, points: torch.Tensor | None, matrix: Any
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Applies the map.

        Args:
            image: (C, H, W).
            points: (K, 2) pixels (x, y) of the image, or None.
            matrix: (3, 3) map from the image's pixels to the output's.

        Returns:
            (C, height, width) plain float32 tensor, and (K, 2) points in the dtype that they came in.
        """
        drawn = resample(_plain(image), matrix, self.size_wh, self.mode, self.padding_mode)
        return drawn, None if points is None else map_points(torch.as_tensor(points), matrix)


class FitLandmarks(Transform):
    """Letterboxes an image into the network input: uniform scale, centred, whole image kept.

    Args:
        size_wh: (width, height) of the network input.
        mode: as :class:`AffineLandmarks`.
        padding_mode: as :class:`AffineLandmarks`.
        resize_wh: (width, height) that the image is scaled into, the network input being the centre of it; None for
            the network input itself.
    """

    def __init__(
        self,
        size_wh: tuple[int, int],
        mode: str = "bilinear",
        padding_mode: str = "border",
        resize_wh: tuple[int, int] | None = None,
    ) -> None:
        self.apply = AffineLandmarks(size_wh, mode, padding_mode)
        self.resize_wh = resize_wh

    def matrix(self, width: float, height: float) -> FloatArray:
        """The (3, 3) map of an image of that size onto the network input."""
        return fit_matrix((width, height), self.resize_wh or self.apply.size_wh, self.apply.size_wh)

    def __call__(
        self, image: torch.Tensor, points: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]:
        """The fitted image, its points, and the (3, 3) float64 map original -> network input."""
        matrix = self.matrix(image.shape[-1], image.shape[-2])
        return *self.apply(image, points, matrix), torch.from_numpy(matrix)


class FitLandmarksd(MapTransform):
    """Dictionary version of :class:`FitLandmarks`.

    Args:
        keys: the image, or several images of one size.
        points_key: (K, 2) points of the sample that follow the image, or None if there are none (inference).
        status_key: (K,) status; a fit does not change it.
        size_wh: (width, height) of the network input.
        mode: as :class:`AffineLandmarks`.
        padding_mode: as :class:`AffineLandmarks`.
        matrix_key: where the (3, 3) float64 map original -> network input is put.
        allow_missing_keys: whether a sample may lack an image.
        resize_wh: as :class:`FitLandmarks`.
        region_key: the :class:`Region` that is fitted in the image's place, where the
            sample has one.
    """

    def __init__(
        self,
        keys: KeysCollection = "image",
        points_key: str | None = "points",
        status_key: str | None = "status",
        size_wh: tuple[int, int] = (320, 256),
        mode: str = "bilinear",
        padding_mode: str = "border",
        matrix_key: str = "matrix",
        allow_missing_keys: bool = False,
        resize_wh: tuple[int, int] | None = None,
        region_key: str = "region",
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.region_key = region_key
        self.points_key = points_key
        self.status_key = status_key
        self.matrix_key = matrix_key
        self.fit = FitLandmarks(size_wh, mode, padding_mode, resize_wh)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        sample = dict(data)
        whole = Region.of_image(*common_size([sample[key] for key in self.key_iterator(sample)]))
        region: Region = sample.get(self.region_key, whole)
        matrix = self.fit.matrix(region.width, region.height) @ region.matrix
        for key in self.key_iterator(sample):
            sample[key], _ = self.fit.apply(sample[key], None, matrix)
        if self.points_key is not None:
            sample[self.points_key] = map_points(torch.as_tensor(sample[self.points_key]), matrix)
        sample[self.matrix_key] = torch.from_numpy(matrix)
        return sample


def common_size(images: Sequence[torch.Tensor]) -> tuple[int, int]:
    """The (width, height) that all images of a sample have.

    Raises:
        InputError: they differ.
    """
    sizes = {(int(image.shape[-1]), int(image.shape[-2])) for image in images}
    if len(sizes) != 1:
        raise InputError(f"Images that share their landmarks must have the same size, not {sorted(sizes)}.")
    return sizes.pop()
