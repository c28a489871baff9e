"""Gaussian target heatmaps: what a network is asked to draw for each landmark."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from monai.config import DtypeLike, KeysCollection, NdarrayOrTensor
from monai.data import MetaTensor
from monai.data.utils import to_affine_nd
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type, convert_to_tensor, ensure_tuple, get_equivalent_dtype

from monai_ext.landmarks import InputError, transform_points

from .resample import inside

#: One value for all landmarks and axes, (K,) one per landmark, or (K, 2) one per landmark and axis (x, y); pixels.
Sigma: TypeAlias = float | Sequence[float] | Sequence[Sequence[float]] | torch.Tensor

POINT_ORDERS = ("xy", "yx")
#: The point order of each coordinate space.
COORDINATE_SPACES = {"pixel": "xy", "voxel": "yx", "world": "yx"}


def sigma_xy(sigma: Sigma, num_landmarks: int) -> torch.Tensor:
    """The (K, 2) standard deviations along (x, y) that a ``sigma`` argument stands for.

    Raises:
        InputError: the shape is none of (), (K,) and (K, 2), or a value is not positive and finite.
    """
    values = torch.as_tensor(sigma, dtype=torch.float32)
    shape = tuple(values.shape)
    if shape not in ((), (num_landmarks,), (num_landmarks, 2)):
        raise InputError(
            f"A sigma for {num_landmarks} landmarks is one number, ({num_landmarks},) or ({num_landmarks}, 2), "
            f"not of shape {shape}."
        )
    if not isinstance(sigma, torch.Tensor) and not bool((values > 0).all() & values.isfinite().all()):
        raise InputError(f"A sigma must be a positive number of pixels, not {sigma}.")
    if values.ndim == 1:
        values = values[:, None]
    return values.expand(num_landmarks, 2)


def gaussian_profiles(
    points: torch.Tensor, size_hw: Sequence[int], sigma: Sigma, normalize: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """The two one-dimensional Gaussians whose outer product is the heatmap.

    Args:
        points: (..., K, 2) finite pixel points (x, y).
        size_hw: (H, W) of the heatmap.
        sigma: standard deviation in heatmap pixels; see :data:`Sigma`.
        normalize: each profile sums to 1 over its pixels instead of having the amplitude 1.

    Returns:
        (..., K, H) along y and (..., K, W) along x.
    """
    height, width = size_hw
    sigmas = sigma_xy(sigma, points.shape[-2]).to(device=points.device, dtype=points.dtype)
    profiles = []
    for axis, length in ((1, height), (0, width)):
        pixels = torch.arange(length, device=points.device, dtype=points.dtype)
        scaled = (pixels - points[..., axis, None]) / sigmas[:, axis, None]
        exponent = -0.5 * scaled.square()
        # The softmax is the normalised Gaussian in a form that cannot divide by zero, however far off the centre lies.
        profiles.append(exponent.softmax(-1) if normalize else exponent.exp())
    return profiles[0], profiles[1]


def gaussian_heatmap(
    points: torch.Tensor,
    size_hw: Sequence[int],
    sigma: Sigma,
    status: torch.Tensor | None = None,
    normalize: bool = False,
) -> torch.Tensor:
    """Draws one Gaussian per landmark: ``exp(-((u-x)^2 / (2 sx^2) + (v-y)^2 / (2 sy^2)))`` at pixel (u, v).

    The centre is not rounded and the support is the whole map.

    Args:
        points: (..., K, 2) pixel points (x, y) in heatmap pixels.
        size_hw: (H, W) of the heatmap.
        sigma: standard deviation in heatmap pixels; see :data:`Sigma`.
        status: (..., K) codes of Status; a map is drawn only where positive. None draws every finite point.
        normalize: each map sums to 1 over its own pixels instead of having the amplitude 1. What the border cuts off
            is shared out over the visible pixels; a centre far off the image gives all weight to the nearest ones.

    Returns:
        (..., K, H, W) heatmaps, float32 unless the points are float64. All zero where nothing is drawn.

    Raises:
        InputError: a shape does not fit or sigma is not positive.
    """
    if points.ndim < 2 or points.shape[-1] != 2:
        raise InputError(f"Points must have the shape (..., K, 2), not {tuple(points.shape)}.")
    if status is not None and status.shape != points.shape[:-1]:
        raise InputError(f"The status of points {tuple(points.shape)} cannot have the shape {tuple(status.shape)}.")
    points = points if points.dtype == torch.float64 else points.float()
    drawn = points.isfinite().all(-1)
    if status is not None:
        drawn = drawn & (status > 0)
    along_y, along_x = gaussian_profiles(torch.where(drawn[..., None], points, 0.0), size_hw, sigma, normalize)
    along_y = along_y * drawn[..., None]
    return along_y[..., :, None] * along_x[..., None, :]


class GenerateHeatmap(Transform):
    """MONAI's ``GenerateHeatmap`` for 2D points (x, y), with the centre at its sub-pixel place and the full support.

    It takes MONAI's arguments and, with ``point_order="yx"``, agrees with it at integer centres (within 0.01 for sigma
    of 2 pixels or more; MONAI integrates the Gaussian over each pixel, which widens a narrower one). It differs on
    purpose: points are (x, y), as in all of this package, unless (row, column) is requested; MONAI rounds the centre
    to a pixel and cuts the support; a point is inside up to the outer edges of the border pixels (-0.5 to size - 0.5)
    rather than from 0 to size.

    Args:
        sigma: standard deviation in pixels, one number or one per axis in the order of the points.
        spatial_shape: (rows, columns) of the heatmap; None if it is given at the call.
        truncated: cut the support at this many sigmas per axis, as MONAI does with 4; None keeps all of it.
        normalize: True gives the amplitude 1 at the centre; False gives a density that sums to 1 over the plane.
        dtype: floating-point type of the heatmaps.
        point_order: "xy", points are (x, y) = (column, row); or "yx", MONAI's own (row, column).

    Raises:
        InputError: an argument has no meaning.
    """

    backend = (TransformBackends.TORCH, TransformBackends.NUMPY)

    def __init__(
        self,
        sigma: Sequence[float] | float = 5.0,
        spatial_shape: Sequence[int] | int | None = None,
        truncated: float | None = None,
        normalize: bool = True,
        dtype: DtypeLike | torch.dtype = np.float32,
        point_order: str = "xy",
    ) -> None:
        sigmas = _pair(sigma, "sigma", "axis of the points")
        if min(sigmas) <= 0:
            raise InputError(f"A sigma must be a positive number of pixels, not {sigma}.")
        if truncated is not None and truncated <= 0:
            raise InputError(f"The argument truncated must be a positive number of sigmas or None, not {truncated}.")
        if point_order not in POINT_ORDERS:
            raise InputError(f"The point order must be one of {', '.join(POINT_ORDERS)}, not {point_order!r}.")
        self.sigma_xy = sigmas if point_order == "xy" else sigmas[::-1]
        self.truncated = truncated
        self.normalize = normalize
        self.point_order = point_order
        self.dtype = get_equivalent_dtype(dtype, torch.Tensor)
        if not self.dtype.is_floating_point:
            raise InputError(f"Heatmaps need a floating-point dtype, not {dtype}.")
        self.spatial_shape = spatial_shape

    def __call__(
        self,
        points: NdarrayOrTensor,
        spatial_shape: Sequence[int] | int | None = None,
        status: NdarrayOrTensor | None = None,
    ) -> NdarrayOrTensor:
        """Draws the heatmaps (N, rows, columns) of (N, 2) points; of the points' own array kind.

        ``status`` (N,) draws a point only where positive. A point off the image or not finite gives an all-zero map.
        """
        shape = spatial_shape if spatial_shape is not None else self.spatial_shape
        if shape is None:
            raise InputError("GenerateHeatmap needs a spatial_shape at construction or at the call.")
        rows, columns = _pair(shape, "spatial_shape", "array axis")
        size_hw = int(rows), int(columns)
        xy = self.as_xy(points)
        drawn = inside(xy, size_hw)
        if status is not None:
            codes = convert_to_tensor(status, track_meta=False)
            if codes.shape != drawn.shape:
                raise InputError(f"The status of {len(xy)} points is of shape ({len(xy)},), not {tuple(codes.shape)}.")
            drawn = drawn & (codes.to(xy.device) > 0)
        centres = torch.where(drawn[:, None], xy, 0.0)
        along_y, along_x = gaussian_profiles(centres, size_hw, torch.tensor([self.sigma_xy] * len(xy)))
        if self.truncated is not None:
            along_y = along_y * self._support(centres[:, 1], size_hw[0], self.sigma_xy[1])
            along_x = along_x * self._support(centres[:, 0], size_hw[1], self.sigma_xy[0])
        amplitude = 1.0 if self.normalize else 1.0 / (2 * math.pi * self.sigma_xy[0] * self.sigma_xy[1])
        along_y = along_y * drawn[:, None] * amplitude
        heatmaps = (along_y[:, :, None] * along_x[:, None, :]).to(self.dtype)
        dtype = self.dtype if isinstance(points, torch.Tensor) else get_equivalent_dtype(self.dtype, np.ndarray)
        return convert_to_dst_type(heatmaps, points, dtype=dtype)[0]

    def as_xy(self, points: NdarrayOrTensor) -> torch.Tensor:
        """(N, 2) float tensor of points (x, y) from points in this transform's order."""
        tensor = convert_to_tensor(points, track_meta=False)
        if tensor.ndim != 2 or tensor.shape[-1] != 2:
            raise InputError(f"GenerateHeatmap needs 2D points of shape (N, 2), not {tuple(tensor.shape)}.")
        tensor = tensor if tensor.dtype == torch.float64 else tensor.float()
        return tensor if self.point_order == "xy" else tensor.flip(-1)

    def _support(self, centres: torch.Tensor, length: int, sigma: float) -> torch.Tensor:
        assert self.truncated is not None
        reach = int(max(sigma * self.truncated, 0.5) + 0.5)
        pixels = torch.arange(length, device=centres.device)
        return (pixels - centres[:, None]).abs() <= reach


class GenerateHeatmapd(MapTransform):
    """Dictionary version of :class:`GenerateHeatmap`, with the argument names of MONAI's ``GenerateHeatmapd``.

    Args:
        keys: keys of (N, 2) points.
        sigma: see :class:`GenerateHeatmap`.
        heatmap_keys: where the heatmaps go; "{key}_heatmap" by default.
        ref_image_keys: channel-first images whose shape, device and affine the heatmaps take.
        spatial_shape: (rows, columns) of the heatmaps, for all keys or one per key; wins over the reference image.
        truncated: see :class:`GenerateHeatmap`.
        normalize: see :class:`GenerateHeatmap`.
        dtype: see :class:`GenerateHeatmap`.
        allow_missing_keys: leave out keys that a sample lacks.
        coordinate_space: "pixel", points are (x, y) = (column, row) on the heatmap, as those of
            :class:`~monai_ext.transforms.LoadMarkupsd` and of every transform here; or one of MONAI's own: "voxel",
            points are array indices (row, column) of the heatmap; "world", points go through the inverse of the
            reference image's affine first, whose axes are (row, column) by definition. A MetaTensor of points is
            taken through its own affine before that. It also is the order of a sigma per axis.
        visibility_keys: where to put a boolean (N,): the point is finite and inside the image.
        status_keys: keys of (N,) status codes; a landmark is drawn only where positive. None takes "status" where a
            sample has it and draws every finite point of one that has not.

    Raises:
        InputError: an argument has no meaning, no shape or affine can be found, or a status does not fit its points.
    """

    backend = GenerateHeatmap.backend

    def __init__(
        self,
        keys: KeysCollection,
        sigma: Sequence[float] | float = 5.0,
        heatmap_keys: KeysCollection | None = None,
        ref_image_keys: KeysCollection | None = None,
        spatial_shape: Sequence[int] | Sequence[Sequence[int]] | None = None,
        truncated: float | None = None,
        normalize: bool = True,
        dtype: DtypeLike | torch.dtype = np.float32,
        allow_missing_keys: bool = False,
        coordinate_space: str | Sequence[str] = "pixel",
        visibility_keys: KeysCollection | None = None,
        status_keys: KeysCollection | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.heatmap_keys = self._per_key(heatmap_keys or [f"{key}_heatmap" for key in self.keys], "heatmap_keys")
        self.ref_image_keys = self._per_key(ref_image_keys, "ref_image_keys")
        self.visibility_keys = self._per_key(visibility_keys, "visibility_keys")
        self.status_keys = self._per_key(status_keys, "status_keys")
        self.coordinate_spaces = self._per_key(coordinate_space, "coordinate_space")
        for space in self.coordinate_spaces:
            if space not in COORDINATE_SPACES:
                raise InputError(f"The coordinate space must be one of {', '.join(COORDINATE_SPACES)}, not {space!r}.")
        one_shape = all(s is None or isinstance(s, int | np.integer) for s in ensure_tuple(spatial_shape))
        self.spatial_shapes = self._per_key([spatial_shape] if one_shape else spatial_shape, "spatial_shape")
        options: dict[str, Any] = {"truncated": truncated, "normalize": normalize, "dtype": dtype}
        self.generators = {
            space: GenerateHeatmap(sigma, point_order=order, **options) for space, order in COORDINATE_SPACES.items()
        }

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key, out_key, ref_key, seen_key, status_key, space, shape in self.key_iterator(
            d,
            self.heatmap_keys,
            self.ref_image_keys,
            self.visibility_keys,
            self.status_keys,
            self.coordinate_spaces,
            self.spatial_shapes,
        ):
            reference = d.get(ref_key) if ref_key is not None else None
            size_hw = self._size_hw(key, shape, reference)
            generator = self.generators[space]
            points = self._to_voxel(key, d[key], reference) if space == "world" else d[key]
            status = d.get("status") if status_key is None else d[status_key]
            heatmaps = generator(points, size_hw, status)
            d[out_key] = heatmaps if reference is None else _like_reference(heatmaps, reference)
            if seen_key is not None:
                seen = inside(generator.as_xy(points), size_hw)
                d[seen_key] = seen if isinstance(d[key], torch.Tensor) else seen.cpu().numpy()
        return d

    def _per_key(self, values: Any, name: str) -> tuple[Any, ...]:
        listed = ensure_tuple(values)
        if len(listed) == 1:
            listed = listed * len(self.keys)
        if len(listed) != len(self.keys):
            raise InputError(f"The argument {name} has {len(listed)} entries for {len(self.keys)} keys.")
        return listed

    @staticmethod
    def _size_hw(key: Hashable, shape: Any, reference: Any) -> tuple[int, int]:
        if shape is None and reference is None:
            raise InputError(f"No heatmap shape for {key!r}: give spatial_shape or a reference image that is present.")
        rows, columns = reference.shape[-2:] if shape is None else _pair(shape, "spatial_shape", "array axis")
        return int(rows), int(columns)

    def _to_voxel(self, key: Hashable, points: NdarrayOrTensor, reference: Any) -> torch.Tensor:
        affine = getattr(reference, "affine", None)
        if affine is None:
            raise InputError(f"World points {key!r} need a reference image with an affine in ref_image_keys.")
        to_voxel = torch.linalg.inv(_affine_2d(affine))
        if isinstance(points, MetaTensor):
            to_voxel = to_voxel @ _affine_2d(points.affine)
        tensor = convert_to_tensor(points, dtype=torch.float64, track_meta=False)
        return transform_points(to_voxel.to(tensor.device), tensor).float()


def _affine_2d(affine: NdarrayOrTensor) -> torch.Tensor:
    return to_affine_nd(2, convert_to_tensor(affine, dtype=torch.float64, track_meta=False))


def _like_reference(heatmaps: NdarrayOrTensor, reference: NdarrayOrTensor) -> NdarrayOrTensor:
    converted = convert_to_dst_type(heatmaps, reference, dtype=heatmaps.dtype)[0]
    if isinstance(converted, MetaTensor):
        converted.meta["spatial_shape"] = tuple(converted.shape[-2:])
    return converted


def _pair(values: Any, name: str, axis: str) -> tuple[Any, Any]:
    listed = [values] * 2 if not isinstance(values, Sequence | np.ndarray | torch.Tensor) else list(values)
    listed = listed * 2 if len(listed) == 1 else listed
    if len(listed) != 2:
        raise InputError(f"The argument {name} must be one number, or one for each {axis}, not {values}.")
    return listed[0], listed[1]
