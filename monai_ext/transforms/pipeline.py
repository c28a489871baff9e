"""The chains of transforms between a file and the network, the same for training, validation and inference."""

from __future__ import annotations

from monai.transforms import Compose

from monai_ext.landmarks import Protocol

from .affine import FitLandmarksd
from .intensity import NormalizeLandmarkImaged, rand_intensity
from .load import LoadLandmarkImaged, LoadMarkupsd
from .rand_affine import RandAffineLandmarksd


def inference_transforms(protocol: Protocol) -> Compose:
    """``{"image": path}`` to the network input: (C, H, W) tensor ``image``, ``matrix`` and ``frame``."""
    network = protocol.network
    return Compose(
        [
            LoadLandmarkImaged(keys="image", channels=protocol.channels, frame_key="frame"),
            FitLandmarksd(
                keys="image", points_key=None, size_wh=network.input_size.wh, resize_wh=network.fitted_size.wh
            ),
            NormalizeLandmarkImaged(keys="image", normalization=network.normalization),
        ]
    )


def validation_transforms(protocol: Protocol) -> Compose:
    """``{"image": path, "label": path}`` to the network input with ``points`` and ``status`` on it."""
    network = protocol.network
    return Compose(
        [
            LoadLandmarkImaged(keys="image", channels=protocol.channels, frame_key="frame"),
            LoadMarkupsd(keys="label", frame_key="frame", names=protocol.landmark_names),
            FitLandmarksd(
                keys="image", points_key="points", size_wh=network.input_size.wh, resize_wh=network.fitted_size.wh
            ),
            NormalizeLandmarkImaged(keys="image", normalization=network.normalization),
        ]
    )


def training_transforms(protocol: Protocol) -> Compose:
    """The same with random augmentation: one affine resample with the points following, then intensity changes."""
    network, augmentation = protocol.network, protocol.recipe.augmentation
    return Compose(
        [
            LoadLandmarkImaged(keys="image", channels=protocol.channels, frame_key="frame"),
            LoadMarkupsd(keys="label", frame_key="frame", names=protocol.landmark_names),
            RandAffineLandmarksd(
                keys="image",
                points_key="points",
                status_key="status",
                size_wh=network.input_size.wh,
                resize_wh=network.fitted_size.wh,
                crop_wh=None if augmentation.crop is None else augmentation.crop.wh,
                rotation=augmentation.rotation,
                scale=augmentation.scale,
                shift=augmentation.shift,
                flip=augmentation.flip,
                swap=protocol.swap,
            ),
            NormalizeLandmarkImaged(keys="image", normalization=network.normalization),
            *rand_intensity(augmentation, keys="image"),
        ]
    )
