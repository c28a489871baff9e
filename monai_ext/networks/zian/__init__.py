"""ZIAN and its blocks, each of use alone."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .attention import CoAttention, SqueezeExpansion, co_attend
    from .regions import RoiFrame, crop_roi, jittered_centers, peak_pixels, roi_frame
    from .zian import ZIAN, ZianOutput

__all__ = [
    "ZIAN",
    "CoAttention",
    "RoiFrame",
    "SqueezeExpansion",
    "ZianOutput",
    "co_attend",
    "crop_roi",
    "jittered_centers",
    "peak_pixels",
    "roi_frame",
]

lazy_face(__name__)
