"""The chains of transforms between a file and the network, the same for training, validation and inference."""

from __future__ import annotations

from monai.transforms import Compose, Transform

from monai_ext.landmarks import Protocol

from .affine import FitLandmarksd
from .cut_out import CutOutd
from .field_of_view import FieldOfViewd
from .intensity import NormalizeLandmarkImaged, rand_intensity
from .load import LoadLandmarkImaged, LoadMarkupsd
from .rand_affine import RandAffineLandmarksd
from .rand_camera import rand_camera
from .rand_image import rand_further
from .rand_light import RandHazed, RandSpotsd
from .rand_scenery import RandSceneryd
from .visible_field import RandFieldOfViewd, RandSurroundd


def inference_transforms(protocol: Protocol) -> Compose:
    """``{"image": path}`` to the network input: (C, H, W) tensor ``image``, ``matrix`` and ``frame``."""
    return Compose([*_loaded(protocol), *_fitted(protocol, None), _normalized(protocol)])


def validation_transforms(protocol: Protocol) -> Compose:
    """``{"image": path, "label": path}`` to the network input with ``points`` and ``status`` on it."""
    return Compose([*_loaded(protocol), _labelled(protocol), *_fitted(protocol, "points"), _normalized(protocol)])


def training_transforms(protocol: Protocol) -> Compose:
    """The same with random augmentation.

    A field of view, one affine resample with the points following, another scenery, changes as between cameras of the
    values as they are, then changes of the normalised ones.
    """
    network, augmentation = protocol.network, protocol.recipe.augmentation
    around = augmentation.scenery
    moved = RandAffineLandmarksd(
        keys="image" if around is None else ("image", "cover"),
        points_key="points",
        status_key="status",
        size_wh=network.input_size.wh,
        resize_wh=network.fitted_size.wh,
        crop_wh=None if augmentation.crop is None else augmentation.crop.wh,
        rotation=augmentation.rotation,
        scale=augmentation.scale,
        shift=augmentation.shift,
        stretch=augmentation.stretch,
        flip=augmentation.flip,
        swap=protocol.swap,
        padding_mode=_surround(protocol) if around is None else "zeros",
        place=None if around is None else (around.smallest, around.largest),
    )
    narrowing, hide = augmentation.field_of_view, augmentation.hide
    view = [RandFieldOfViewd("image", narrowing, hide)] if narrowing or hide else []
    veiled: list[Transform] = []  # within the lit part alone
    if augmentation.spots:
        veiled.append(RandSpotsd("image", augmentation.spots))
    if augmentation.haze:
        veiled.append(RandHazed("image", augmentation.haze))
    surround = _surrounded(protocol, augmentation.border)
    cut = [] if around is None else [CutOutd("image")]
    scenery = [] if around is None else [RandSceneryd(around.empty, around.kept, around.in_front)]
    placed = [*_loaded(protocol), _labelled(protocol), *cut, *view, moved, *scenery, *veiled, *surround]
    camera = [*rand_camera(augmentation, "image"), *rand_further(augmentation, "image")]
    return Compose([*placed, *camera, _normalized(protocol), *rand_intensity(augmentation, keys="image")])


def _loaded(protocol: Protocol) -> list[Transform]:
    load = LoadLandmarkImaged(keys="image", channels=protocol.channels, frame_key="frame")
    return [load, FieldOfViewd(keys="image")] if protocol.network.field_of_view else [load]


def _labelled(protocol: Protocol) -> Transform:
    return LoadMarkupsd(keys="label", frame_key="frame", names=protocol.landmark_names)


def _fitted(protocol: Protocol, points_key: str | None) -> list[Transform]:
    network = protocol.network
    fit = FitLandmarksd(
        keys="image",
        points_key=points_key,
        size_wh=network.input_size.wh,
        resize_wh=network.fitted_size.wh,
        padding_mode=_surround(protocol),
    )
    return [fit, *_surrounded(protocol, 0.0)]


def _surrounded(protocol: Protocol, border: float) -> list[Transform]:
    return [RandSurroundd("image", border)] if protocol.network.field_of_view else []


def _normalized(protocol: Protocol) -> Transform:
    return NormalizeLandmarkImaged(keys="image", normalization=protocol.network.normalization)


def _surround(protocol: Protocol) -> str:
    """Padding mode outside the image: beyond a circle that the camera cut off it is as dark as around it."""
    return "zeros" if protocol.network.field_of_view else "border"
