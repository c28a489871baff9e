"""Transforms in MONAI's dialect: loading with a frame, affine maps with landmarks, grey levels, heatmaps."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .affine import AffineLandmarks, FitLandmarks, FitLandmarksd, to_original
    from .decoders import Decoded, DecodeHeatmap, DecodeHeatmapd, activate, decode_heatmap
    from .field_of_view import Circle, FieldOfViewd, find_field_of_view
    from .further import register_transform
    from .heatmap import GenerateHeatmap, GenerateHeatmapd, gaussian_heatmap
    from .intensity import (
        NormalizeLandmarkImage,
        NormalizeLandmarkImaged,
        RandChannelGain,
        RandChannelGaind,
        rand_intensity,
    )
    from .load import LoadLandmarkImage, LoadLandmarkImaged, LoadMarkupsd
    from .rand_affine import RandAffineLandmarks, RandAffineLandmarksd
    from .region import Region

__all__ = [
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
    "Region",
    "activate",
    "decode_heatmap",
    "find_field_of_view",
    "gaussian_heatmap",
    "rand_intensity",
    "register_transform",
    "to_original",
]

lazy_face(__name__)
