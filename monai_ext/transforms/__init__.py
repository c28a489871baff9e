"""Transforms in MONAI's dialect: loading with a frame, affine maps with landmarks, grey levels, heatmaps."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .affine import AffineLandmarks, FitLandmarks, FitLandmarksd, Region
    from .decoders import METHODS, Decoded, DecodeHeatmap, DecodeHeatmapd, activate, decode_heatmap
    from .field_of_view import Circle, FieldOfViewd, find_field_of_view, find_visible_field
    from .heatmap import GenerateHeatmap, GenerateHeatmapd, Sigma, gaussian_heatmap, gaussian_profiles
    from .intensity import (
        NormalizeLandmarkImage,
        NormalizeLandmarkImaged,
        RandChannelGain,
        RandChannelGaind,
        rand_intensity,
    )
    from .load import LoadLandmarkImage, LoadLandmarkImaged, LoadMarkupsd
    from .pipeline import inference_transforms, training_transforms, validation_transforms
    from .rand_affine import RandAffineLandmarks, RandAffineLandmarksd
    from .rand_camera import RandColor, RandColord, RandResolution, RandResolutiond, rand_camera
    from .rand_image import RandImage, RandImaged, register_transform
    from .rand_light import RandHaze, RandHazed, RandShade, RandShaded, RandSpots, RandSpotsd
    from .resample import OVERSAMPLING, inside, map_points, resample, to_original
    from .visible_field import RandFieldOfViewd, RandSurroundd, VisibleField

__all__ = [
    "METHODS",
    "OVERSAMPLING",
    "AffineLandmarks",
    "Circle",
    "DecodeHeatmap",
    "DecodeHeatmapd",
    "Decoded",
    "FieldOfViewd",
    "FitLandmarks",
    "FitLandmarksd",
    "GenerateHeatmap",
    "GenerateHeatmapd",
    "LoadLandmarkImage",
    "LoadLandmarkImaged",
    "LoadMarkupsd",
    "NormalizeLandmarkImage",
    "NormalizeLandmarkImaged",
    "RandAffineLandmarks",
    "RandAffineLandmarksd",
    "RandChannelGain",
    "RandChannelGaind",
    "RandColor",
    "RandColord",
    "RandFieldOfViewd",
    "RandHaze",
    "RandHazed",
    "RandImage",
    "RandImaged",
    "RandResolution",
    "RandResolutiond",
    "RandShade",
    "RandShaded",
    "RandSpots",
    "RandSpotsd",
    "RandSurroundd",
    "Region",
    "Sigma",
    "VisibleField",
    "activate",
    "decode_heatmap",
    "find_field_of_view",
    "find_visible_field",
    "gaussian_heatmap",
    "gaussian_profiles",
    "inference_transforms",
    "inside",
    "map_points",
    "rand_camera",
    "rand_intensity",
    "register_transform",
    "resample",
    "to_original",
    "training_transforms",
    "validation_transforms",
]

lazy_face(__name__)
