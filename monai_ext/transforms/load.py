"""Loads an image with its frame, and the markups that belong to it, as tensors."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform
from torch.utils.data._utils.collate import default_collate_fn_map

from monai_ext.images import Channels, read_image
from monai_ext.landmarks import FloatArray, Frame, Landmarks, check_frame, flip_lps_ras, read_markups


def _listed(frames: Sequence[Frame], **_: Any) -> list[Frame]:
    return list(frames)


# The frames of a batch are a list, as its paths are. MONAI's collate functions use torch's registry too.
default_collate_fn_map[Frame] = _listed


def index_to_ras(frame: Frame) -> FloatArray:
    """The (4, 4) map from array indices (row, column, 0) to RAS millimetres, which MONAI calls ``affine``.

    The third axis is the unit normal of the image, so that the map can be inverted. MONAI's own 2D spatial transforms
    use the first two world axes alone: they refuse a slice that stands upright in them (sagittal or coronal), while
    the affine transforms of this package work in pixels and take any slice.
    """
    x, y, origin = flip_lps_ras(frame.placement.T)
    normal = np.cross(y, x)
    affine = np.eye(4)
    affine[:3] = np.stack([y, x, normal / np.linalg.norm(normal), origin], axis=1)
    return affine


class LoadLandmarkImage(Transform):
    """Reads an image file.

    Args:
        channels: "grey" for one channel or "rgb" for three.

    Returns:
        The (C, H, W) float32 :class:`monai.data.MetaTensor`, whose affine is :func:`index_to_ras` and whose meta has
        ``filename_or_obj``, and its :class:`Frame`.

    Raises:
        InputError: the file cannot be read (see :func:`read_image`).
    """

    def __init__(self, channels: Channels = "grey") -> None:
        self.channels: Channels = channels

    def __call__(self, path: str | PathLike[str]) -> tuple[MetaTensor, Frame]:
        array, frame = read_image(str(path), self.channels)
        affine = torch.from_numpy(index_to_ras(frame))
        meta = {"filename_or_obj": str(path), "original_affine": affine.clone(), "spatial_shape": array.shape[1:]}
        return MetaTensor(torch.from_numpy(array), affine=affine, meta=meta), frame


class LoadLandmarkImaged(MapTransform):
    """Dictionary version of :class:`LoadLandmarkImage`: the path at a key becomes the image.

    Args:
        keys: one key. Its frame goes to ``frame_key``.
        channels: "grey" or "rgb".
        frame_key: where the :class:`Frame` is put; a DataLoader's batch holds the list of them.
        allow_missing_keys: whether a sample may lack the key.
    """

    def __init__(
        self,
        keys: KeysCollection = "image",
        channels: Channels = "grey",
        frame_key: str = "frame",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if len(self.keys) != 1:
            raise ValueError(f"LoadLandmarkImaged loads one image with one frame, not the keys {self.keys}.")
        self.frame_key = frame_key
        self.loader = LoadLandmarkImage(channels)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        sample = dict(data)
        for key in self.key_iterator(sample):
            sample[key], sample[self.frame_key] = self.loader(sample[key])
        return sample


class LoadMarkupsd(MapTransform):
    """Turns the markups at a key into points and status of the sample's image.

    ``points`` is (K, 2) float32, pixels (x, y) of the original image; where a landmark is not defined it holds (0, 0)
    and status <= 0, so that no NaN enters a batch. ``status`` is (K,) int8, the codes of
    :class:`monai_ext.landmarks.Status`.

    Args:
        keys: one key that holds the path of a ``.mrk.json`` or ``.fcsv`` file, or the :class:`Landmarks` that were read
            from one.
        frame_key: the :class:`Frame` of the image, put there by :class:`LoadLandmarkImaged`.
        names: the K landmarks, in the order of the tensors; None takes the names and order of the file.
        points_key: where the points are put.
        status_key: where the status is put.
        allow_missing_keys: whether a sample may lack the key.

    Raises:
        InputError: the file is not usable (see :func:`monai_ext.landmarks.markups.read_markups`), or the landmarks are
            of another frame than the image that was loaded.
    """

    def __init__(
        self,
        keys: KeysCollection = "label",
        frame_key: str = "frame",
        names: Sequence[str] | None = None,
        points_key: str = "points",
        status_key: str = "status",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if len(self.keys) != 1:
            raise ValueError(f"LoadMarkupsd loads the markups of one image, not the keys {self.keys}.")
        self.frame_key = frame_key
        self.names = None if names is None else tuple(names)
        self.points_key = points_key
        self.status_key = status_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        sample = dict(data)
        for key in self.key_iterator(sample):
            landmarks, frame = sample[key], sample[self.frame_key]
            if isinstance(landmarks, Landmarks):
                check_frame(landmarks.frame, frame, f"The label of {sample.get('id', 'an image')}")
                landmarks = landmarks if self.names in (None, landmarks.names) else landmarks.reordered(self.names)
            else:
                landmarks = read_markups(landmarks, frame, self.names)
            points = np.where(landmarks.defined[:, None], landmarks.points, 0.0)
            sample[self.points_key] = torch.from_numpy(points.astype(np.float32))
            sample[self.status_key] = torch.from_numpy(np.array(landmarks.status))
        return sample
