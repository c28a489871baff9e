"""ZIAN and its blocks, each of use alone."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .co_attention import CoAttention, co_attend
    from .config import ABLATION_ROWS, ZianConfig
    from .output import ZianOutput, ZianPrediction
    from .peak import peak_pixels
    from .roi_centers import jittered_centers
    from .roi_crop import RoiFrame, crop_roi, roi_frame
    from .squeeze_expansion import SqueezeExpansion
    from .zian import ZIAN

__all__ = [
    "ABLATION_ROWS",
    "ZIAN",
    "CoAttention",
    "RoiFrame",
    "SqueezeExpansion",
    "ZianConfig",
    "ZianOutput",
    "ZianPrediction",
    "co_attend",
    "crop_roi",
    "jittered_centers",
    "peak_pixels",
    "roi_frame",
]

lazy_face(__name__)
