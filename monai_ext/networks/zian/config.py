"""What makes one ZIAN differ from another, with the rows of the paper's ablation by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monai_ext.landmarks import InputError

#: The coarse stage sees the image reduced by this factor, and the co-attention the regions.
COARSE_SCALE = 4
TOKEN_SCALE = 4

#: The sides of what a backbone is given are multiples of this.
BACKBONE_MULTIPLE = 32

#: Channels of a backbone's feature map.
FEATURES = 16


@dataclass(frozen=True)
class ZianConfig:
    """The configuration of a ZIAN. The defaults are the whole network in the variant without W.

    Args:
        roi_sizes: sides of the regions of interest in pixels, smallest first; the first is sampled at one cell per
            pixel, and the others to its number of cells. None of them leaves the coarse stage alone.
        self_attention: fuse the features by squeeze-and-expansion attention.
        co_attention: refine the features of the two regions by each other.
        weight: learn the matrix W of the co-attention, with a convolution for each region instead of a shared one.
        gate: gate the co-attention's summaries.
        shared_roi_head: one 1 x 1 convolution draws the heatmaps of all regions, instead of one each.
        share_roi_backbone: one backbone sees all regions, in one pass.
        share_backbone: one backbone sees the coarse image too.
        fusion_stride: side in cells of the fusion's tokens, 1, 2 or 4.
        sigma: standard deviation of the targets, in pixels of each heatmap.
        presence: tell of each landmark if it is in the image; not of the paper.
        spatial_prior: choose the regions by where landmarks lie from each other, too; not of the paper.
        second_look: a second coarse backbone sees the local contrast of the image; not of the paper.
        jitter: largest shift of a region from the true point in training, pixels per axis.

    Raises:
        InputError: a value has no meaning, or options contradict each other.
    """

    roi_sizes: tuple[int, ...] = (256, 512)
    self_attention: bool = True
    co_attention: bool = True
    weight: bool = False
    gate: bool = False
    shared_roi_head: bool = True
    share_roi_backbone: bool = False
    share_backbone: bool = False
    fusion_stride: int = 1
    sigma: float = 2.0
    presence: bool = False
    spatial_prior: bool = False
    second_look: bool = False
    jitter: float = 16.0

    def __post_init__(self) -> None:
        sizes = tuple(self.roi_sizes)
        object.__setattr__(self, "roi_sizes", sizes)
        if sizes and (sizes[0] < 1 or sizes[0] % BACKBONE_MULTIPLE or list(sizes) != sorted(set(sizes))):
            raise InputError(
                f"roi_sizes rise, and the first is a multiple of {BACKBONE_MULTIPLE} pixels; {list(sizes)} will not do."
            )
        if self.co_attention and len(sizes) != 2:
            raise InputError(
                f"co_attention joins two regions of interest, not the {len(sizes)} of roi_sizes {list(sizes)}."
            )
        if self.self_attention and not sizes:
            raise InputError(
                "self_attention fuses regions of interest: give roi_sizes, or set self_attention to false."
            )
        if (self.weight or self.gate) and not self.co_attention:
            raise InputError("weight and gate are options of the co-attention: set co_attention to true.")
        if self.fusion_stride not in (1, 2, 4):
            raise InputError(f"fusion_stride is 1, 2 or 4, not {self.fusion_stride}.")
        if not self.sigma > 0:
            raise InputError(f"sigma is a positive number of heatmap pixels, not {self.sigma}.")

    @classmethod
    def row(cls, name: str, **options: Any) -> ZianConfig:
        """A row of the paper's ablation, one of :data:`ABLATION_ROWS`, with options of one's own.

        Raises:
            InputError: there is no such row.

        Example:
            >>> ZianConfig.row("1roi+sa", fusion_stride=4).roi_sizes
            (256,)
        """
        if name not in ABLATION_ROWS:
            raise InputError(f"There is no ZIAN {name!r}: use one of {', '.join(ABLATION_ROWS)}.")
        return cls(**{**ABLATION_ROWS[name], **options})


#: The rows of Table 1 of Lei et al., OMIA 2022, each adding one part.
ABLATION_ROWS: Mapping[str, Mapping[str, Any]] = {
    "base": {"roi_sizes": (), "self_attention": False, "co_attention": False},
    "1roi": {"roi_sizes": (256,), "self_attention": False, "co_attention": False},
    "1roi+sa": {"roi_sizes": (256,), "self_attention": True, "co_attention": False},
    "mr+sa": {"roi_sizes": (256, 512), "self_attention": True, "co_attention": False},
    "zian": {"roi_sizes": (256, 512), "self_attention": True, "co_attention": True},
}
