"""Random affine augmentation of an image with its landmarks, in one resample."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Randomizable, RandomizableTransform

from monai_ext.landmarks import (
    FloatArray,
    InputError,
    Status,
    about,
    fit_matrix,
    flip_matrix,
    rotation_matrix,
    translation_matrix,
)

from .affine import AffineLandmarks, Region, common_size
from .resample import inside, map_points

Outside = Literal["undefined", "keep"]


class RandAffineLandmarks(RandomizableTransform):
    """Fits an image into the network input with a random rotation, scale, shift and left-right flip.

    All of it is one map, drawn in one resample. Rotation and scale are about the image centre. A flip mirrors the
    output and swaps paired landmarks by name: the row of ``left_eye`` then holds the mirrored ``right_eye`` (so does
    what ``to_original`` makes of a flipped sample: the map undoes the mirror, not the swap of names).

    Args:
        size_wh: (width, height) of the network input.
        rotation: largest angle, degrees; uniform in [-rotation, rotation].
        scale: largest relative change s; log-uniform in [1 / (1 + s), 1 + s].
        shift: largest shift as a fraction of the image's width along x and of its height along y; uniform.
        flip: probability of a left-right flip.
        swap: (K,) index of each landmark's left/right partner or of itself (``Protocol.swap``); needed for a flip.
        prob: probability of augmenting at all; else the plain fit.
        outside: what becomes of a defined landmark that leaves the network input. Its point keeps the true
            coordinates outside; its status becomes ``"undefined"``, or with ``"keep"`` stays defined.
        mode: as :class:`AffineLandmarks`.
        padding_mode: as :class:`AffineLandmarks`.
        resize_wh: as :class:`FitLandmarks`.
        crop_wh: (width, height) of a random part of the network input that is drawn instead of all of it; see
            :func:`random_window`.
        place: smallest and largest longer side of the box of the landmarks as a share of the output's height, between
            which it is log-uniform in the place of ``scale`` and ``shift``; the box then lies anywhere in the output.
        stretch: largest relative stretch along one direction, uniform over all, and squeeze at right angles to it, as
            of an object that is turned away; log-uniform.

    Raises:
        ValueError: a range is negative or a flip has no ``swap``.
    """

    def __init__(
        self,
        size_wh: tuple[int, int],
        rotation: float = 0.0,
        scale: float = 0.0,
        shift: float = 0.0,
        flip: float = 0.0,
        swap: Sequence[int] | None = None,
        prob: float = 1.0,
        outside: Outside = "undefined",
        mode: str = "bilinear",
        padding_mode: str = "border",
        resize_wh: tuple[int, int] | None = None,
        crop_wh: tuple[int, int] | None = None,
        place: tuple[float, float] | None = None,
        stretch: float = 0.0,
    ) -> None:
        super().__init__(prob)
        if min(rotation, scale, shift, flip, stretch) < 0:
            raise ValueError(
                f"Ranges must not be negative: rotation {rotation}, scale {scale}, shift {shift}, flip {flip}, "
                f"stretch {stretch}."
            )
        if flip > 0 and swap is None:
            raise ValueError("A flip needs `swap`, the left/right partner of each landmark (Protocol.swap).")
        if outside not in ("undefined", "keep"):
            raise ValueError(f'`outside` is "undefined" or "keep", not {outside!r}.')
        self.rotation, self.scale, self.shift, self.flip, self.stretch = rotation, scale, shift, flip, stretch
        self.swap = None if swap is None else tuple(swap)
        self.outside: Outside = outside
        self.size_wh, self.resize_wh, self.crop_wh, self.place = size_wh, resize_wh, crop_wh, place
        self.apply = AffineLandmarks(crop_wh or size_wh, mode, padding_mode)
        self._angle, self._factor, self._offset, self._flipped = 0.0, 1.0, (0.0, 0.0), False
        self._stretched: FloatArray = np.eye(2)
        self._window: FloatArray = np.full(3, 0.5)
        self._placed: FloatArray = np.full(3, 0.5)

    def randomize(self, data: Any = None) -> None:
        """Draws the next augmentation; as many numbers whatever the image and the ranges, but for those that are 0."""
        super().randomize(None)
        angle, log_factor, x, y = self.R.uniform(-1.0, 1.0, 4)
        self._angle = self.rotation * angle
        self._factor = float((1.0 + self.scale) ** log_factor)
        self._offset = (self.shift * x, self.shift * y)
        self._flipped = bool(self.R.uniform() < self.flip)
        if self.crop_wh is not None:
            self._window = self.R.uniform(size=3)
        if self.place is not None:
            self._placed = self.R.uniform(size=3)
        if self.stretch:
            direction, log_factor = self.R.uniform(0.0, 1.0, 2)
            turn, factor = rotation_matrix(180 * direction)[:2, :2], (1 + self.stretch) ** log_factor
            self._stretched = turn @ np.diag([factor, 1 / factor]) @ turn.T

    def matrix(
        self, width: float, height: float, points: torch.Tensor | None = None, status: torch.Tensor | None = None
    ) -> FloatArray:
        """The (3, 3) map of the drawn augmentation for an image of that size.

        Args:
            width: of the image, pixels.
            height: of the image, pixels.
            points: (K, 2) pixels (x, y) of the image that a crop shall hold.
            status: (K,) codes of Status.
        """
        matrix = self._whole(width, height)
        if self.crop_wh is None and self.place is None:
            return matrix
        wanted = np.zeros((0, 2))
        if points is not None and status is not None:
            wanted = map_points(torch.as_tensor(points)[torch.as_tensor(status) > 0].double(), matrix).numpy()
        if self.place is not None and self._do_transform and len(wanted) > 1:
            there = self._there(wanted, self.place)
            matrix, wanted = there @ matrix, map_points(torch.from_numpy(wanted), there).numpy()
        if self.crop_wh is None:
            return matrix
        left, top = random_window(wanted, self.size_wh, self.crop_wh, self._window)
        return translation_matrix(-left, -top) @ matrix

    def _there(self, points: FloatArray, place: tuple[float, float]) -> FloatArray:
        """(3, 3) the map that gives the box of (N, 2) points its drawn size and place in the output."""
        low, high = points.min(0), points.max(0)
        share = place[0] * (place[1] / place[0]) ** float(self._placed[0])
        factor = share * self.size_wh[1] / max(float((high - low).max()), 1.0)
        room = np.array(self.size_wh) - 1 - factor * (high - low)
        left, top = self._placed[1:] * room - factor * low
        return translation_matrix(left, top) @ np.diag([factor, factor, 1.0])

    def _whole(self, width: float, height: float) -> FloatArray:
        """The map onto the whole network input."""
        fit = fit_matrix((width, height), self.resize_wh or self.size_wh, self.size_wh)
        if not self._do_transform:
            return fit
        turn = rotation_matrix(self._angle) @ np.diag([self._factor, self._factor, 1.0])
        turn[:2, :2] = turn[:2, :2] @ self._stretched
        moved = translation_matrix(self._offset[0] * width, self._offset[1] * height)
        matrix = fit @ moved @ about(((width - 1) / 2, (height - 1) / 2), turn)
        return flip_matrix(self.size_wh[0]) @ matrix if self._flipped else matrix

    def move(self, points: torch.Tensor, status: torch.Tensor, matrix: FloatArray) -> tuple[torch.Tensor, torch.Tensor]:
        """The points (K, 2) and status (K,) after the drawn augmentation, paired landmarks swapped after a flip."""
        points, status = map_points(torch.as_tensor(points), matrix), torch.as_tensor(status).clone()
        if self._flipped and self._do_transform and self.swap is not None:
            if len(self.swap) != len(points):
                raise InputError(f"The swap has {len(self.swap)} landmarks but the sample has {len(points)}.")
            order = list(self.swap)
            points, status = points[order], status[order]
        if self.outside == "undefined":
            status[(status > 0) & ~inside(points, self.apply.size_wh[::-1])] = int(Status.UNDEFINED)
        return points, status

    def __call__(
        self, image: torch.Tensor, points: torch.Tensor, status: torch.Tensor, randomize: bool = True
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Augments one sample.

        Args:
            image: (C, H, W).
            points: (K, 2) pixels (x, y) of the image.
            status: (K,) codes of :class:`monai_ext.landmarks.Status`.
            randomize: draw again, or repeat the last draw.

        Returns:
            The network input, its points, their status, and the (3, 3) float64 map original -> network input.
        """
        if randomize:
            self.randomize()
        matrix = self.matrix(image.shape[-1], image.shape[-2], points, status)
        drawn, _ = self.apply(image, None, matrix)
        return drawn, *self.move(points, status, matrix), torch.from_numpy(matrix)


class RandAffineLandmarksd(Randomizable, MapTransform):
    """Dictionary version of :class:`RandAffineLandmarks`; ``points`` and ``status`` follow the image.

    Args:
        keys: the image, or several images of one size, which get the same map.
        points_key: (K, 2) points.
        status_key: (K,) status.
        size_wh: (width, height) of the network input.
        matrix_key: where the (3, 3) float64 map original -> network input is put.
        allow_missing_keys: whether a sample may lack an image.
        region_key: the :class:`~monai_ext.transforms.affine.Region` that is fitted in the image's place, where the
            sample has one; rotation, scale and shift are then of the region.
        options: the others of :class:`RandAffineLandmarks`.
    """

    def __init__(
        self,
        keys: KeysCollection = "image",
        points_key: str = "points",
        status_key: str = "status",
        size_wh: tuple[int, int] = (320, 256),
        matrix_key: str = "matrix",
        allow_missing_keys: bool = False,
        region_key: str = "region",
        **options: Any,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        self.points_key, self.status_key, self.matrix_key = points_key, status_key, matrix_key
        self.region_key = region_key
        self.augment = RandAffineLandmarks(size_wh, **options)

    def set_random_state(
        self, seed: int | None = None, state: np.random.RandomState | None = None
    ) -> RandAffineLandmarksd:
        self.augment.set_random_state(seed, state)
        super().set_random_state(seed, state)
        return self

    def randomize(self, data: Any = None) -> None:
        self.augment.randomize()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        sample = dict(data)
        self.randomize()
        whole = Region.of_image(*common_size([sample[key] for key in self.key_iterator(sample)]))
        region: Region = sample.get(self.region_key, whole)
        within = map_points(torch.as_tensor(sample[self.points_key]), region.matrix)
        matrix = self.augment.matrix(region.width, region.height, within, sample[self.status_key]) @ region.matrix
        for key in self.key_iterator(sample):
            sample[key], _ = self.augment.apply(sample[key], None, matrix)
        points, status = self.augment.move(sample[self.points_key], sample[self.status_key], matrix)
        sample[self.points_key], sample[self.status_key] = points, status
        sample[self.matrix_key] = torch.from_numpy(matrix)
        return sample


def random_window(
    points: FloatArray, size_wh: tuple[int, int], crop_wh: tuple[int, int], random: FloatArray
) -> tuple[int, int]:
    """The left and top pixel of a window that holds all points or, where they do not fit, a random one of them.

    Args:
        points: (N, 2) pixels (x, y); those off the image are not looked for.
        size_wh: (width, height) of the image.
        crop_wh: (width, height) of the window, not larger than the image.
        random: three numbers in [0, 1) that choose among the windows: x, y, and the point.

    Returns:
        Whole pixels, uniform over the windows that will do; over all windows where no point is on the image.
    """
    size, crop = np.array(size_wh), np.array(crop_wh)
    points = points[((points >= -0.5) & (points < size - 0.5)).all(axis=1)]
    low, high = np.zeros(2, dtype=int), size - crop
    if len(points):
        pixels = np.floor(points + 0.5).astype(int)
        if np.any(pixels.max(axis=0) - pixels.min(axis=0) >= crop):
            pixels = pixels[[int(random[2] * len(pixels))]]
        low = np.maximum(low, pixels.max(axis=0) - crop + 1)
        high = np.minimum(high, pixels.min(axis=0))
    left, top = low + np.floor(random[:2] * (high - low + 1)).astype(int)
    return int(left), int(top)
