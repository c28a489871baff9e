"""The zoom-in attentive network: a coarse look at the image, then an attentive look at where it points."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from monai_ext.landmarks import ROI_MULTIPLE, InputError, ZianConfig
from monai_ext.networks.backbones import OUT_CHANNELS, Backbone, build_backbone
from monai_ext.networks.blocks import FineHead, HeatmapHead, PresenceHead, padded
from monai_ext.networks.local_contrast import local_contrast
from monai_ext.networks.network import LandmarkNetwork, register_network
from monai_ext.networks.output import RoiFrame, Stage
from monai_ext.networks.pretrained import Weights, load_backbone_weights

from .attention import CoAttention, SqueezeExpansion
from .regions import crop_roi, jittered_centers, peak_pixels, roi_frame

#: The coarse stage sees the image reduced by this factor, and the co-attention the regions.
COARSE_SCALE = 4
TOKEN_SCALE = 4


class ZianOutput(NamedTuple):
    """One forward pass over B images of K landmarks. Without regions of interest all but the coarse part is None.

    Attributes:
        coarse: (B, K, h, w) heatmaps of the image reduced by 4.
        coarse_frame: where their pixels lie on the image; its origin is (2,).
        roi: (R, B, K, S, S) heatmaps of the R regions, all of them in the frame of the first.
        fine: (B, K, S, S) heatmaps, one pixel of the image per cell.
        fine_frame: where the pixels of ``roi`` and ``fine`` lie on the image; its origin is (B, K, 2).
        presence: (B, K) logits of the landmark being in the image, or None if the network does not predict it.
        second: (B, K, h, w) coarse heatmaps of a second look in training, None otherwise: ``coarse`` is then of both.
    """

    coarse: torch.Tensor
    coarse_frame: RoiFrame
    roi: torch.Tensor | None = None
    fine: torch.Tensor | None = None
    fine_frame: RoiFrame | None = None
    presence: torch.Tensor | None = None
    second: torch.Tensor | None = None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The coarse heatmaps of each look, those of each region, and the fine ones, which are the answer."""
        looks = (self.coarse,) if self.second is None else (self.coarse, self.second)
        coarse = tuple(Stage("coarse", maps, self.coarse_frame) for maps in looks)
        if self.roi is None or self.fine is None or self.fine_frame is None:
            return coarse
        frame = self.fine_frame
        return *coarse, *(Stage("roi", maps, frame) for maps in self.roi), Stage("fine", self.fine, frame)


@register_network(ZianConfig)
class ZIAN(LandmarkNetwork):
    """Zoom-in attentive network for K landmarks.

    The image, reduced by 4, gives coarse heatmaps. Regions of interest about their peaks are cropped from the image,
    those of all landmarks in one batch, and give fine heatmaps of one cell per pixel. Each region's features pass
    heads with one output per landmark, of which the region's own is computed.

    With ``second_look`` another backbone looks at the local contrast of the reduced image, and regions lie at the peaks
    of both; it sees through colour and light of a camera, and takes other places for a landmark than the first.

    Images of any size are accepted. The coarse image is padded at the right and at the bottom, and regions on all
    sides, by repeating the nearest pixel; no pixel moves and coarse heatmaps are cropped back.

    Args:
        backbone: makes a new backbone at each call, or is a backbone, of which copies are made: a module from
            (B, C, H, W) to (B, 16, H, W). It is given sides that are multiples of 32.
        num_landmarks: K.
        config: the parts and options; the whole network by default.

    Raises:
        InputError: no landmark.

    Source: Lei et al., Localizing Anatomical Landmarks in Ocular Images using Zoom-In Attentive Networks, OMIA 2022.

    Examples:
        >>> config = ZianConfig(roi_sizes=(32, 64))
        >>> network = ZIAN(nn.Conv2d(1, 16, 3, padding=1), num_landmarks=2, config=config).eval()
        >>> output = network(torch.zeros(1, 1, 100, 130))
        >>> output.coarse.shape, output.fine.shape
        (torch.Size([1, 2, 25, 33]), torch.Size([1, 2, 32, 32]))
    """

    encoder_path = "coarse_backbone.encoder"

    def __init__(
        self, backbone: Callable[[], nn.Module] | nn.Module, num_landmarks: int, config: ZianConfig | None = None
    ) -> None:
        super().__init__()
        if num_landmarks < 1:
            raise InputError(f"A network needs at least one landmark, not {num_landmarks}.")
        config = ZianConfig() if config is None else config
        self.config = config
        self.num_landmarks = num_landmarks
        parts, regions = config.parts, len(config.regions)
        own = 0 if config.share_backbone else min(regions, 1) if config.share_roi_backbone else regions
        self.coarse_backbone, *rest = _copies(backbone, 1 + own + config.second_look)
        self.coarse_head = HeatmapHead(OUT_CHANNELS, num_landmarks)
        self.second_backbone = rest.pop() if config.second_look else None
        self.second_head = HeatmapHead(OUT_CHANNELS, num_landmarks) if config.second_look else None
        fused = OUT_CHANNELS * (1 + regions)
        self.presence_head = PresenceHead(fused, num_landmarks) if config.presence else None
        if not regions:
            return
        self.roi_backbones = nn.ModuleList(rest)
        self.co_attention = (
            CoAttention(OUT_CHANNELS, config.weight, config.gate, TOKEN_SCALE) if parts.co_attention else None
        )
        heads = 1 if config.shared_roi_head else regions
        self.roi_heads = nn.ModuleList(HeatmapHead(OUT_CHANNELS, num_landmarks, bias=False) for _ in range(heads))
        self.fusion = SqueezeExpansion(fused, config.fusion_stride) if parts.self_attention else None
        self.fine_head = FineHead(fused, OUT_CHANNELS, num_landmarks)

    @classmethod
    def from_config(cls, config: ZianConfig, in_channels: int, num_landmarks: int) -> ZIAN:
        def backbone() -> Backbone:
            return build_backbone(config.backbone, in_channels, config.decoder_channels)

        return cls(backbone, num_landmarks, config)

    def deepest_part(self) -> nn.Module:
        """Of the coarse backbone, which sees the whole image."""
        return self.coarse_backbone.deepest_part()

    def find_encoders(self) -> list[nn.Module]:
        """Those of all backbones that have one, that of the coarse backbone first."""
        first = self.find_encoder()
        found = [module.encoder for module in self.modules() if isinstance(module, Backbone)]
        return [first, *(encoder for encoder in found if encoder is not None and encoder is not first)]

    def take_encoder(self, name: str, weights: Weights) -> None:
        """Loads weights of a whole backbone, or of its encoder, into every backbone."""
        for module in self.modules():
            if isinstance(module, Backbone):
                load_backbone_weights(module, weights)

    def forward(self, image: torch.Tensor, roi_centers: torch.Tensor | None = None) -> ZianOutput:
        """Heatmaps of all stages.

        Args:
            image: (B, C, H, W).
            roi_centers: (B, K, 2) centres (x, y) of the regions in pixels, for training; see
                :func:`~monai_ext.networks.zian.jittered_centers`. Where not finite, and by default, the peaks of the
                coarse heatmaps.

        Raises:
            InputError: an argument or the backbone's answer has the wrong shape.
        """
        if image.ndim != 4:
            raise InputError(f"The network takes images (B, C, H, W), not {tuple(image.shape)}.")
        coarse_frame = RoiFrame(torch.zeros(2, device=image.device), float(COARSE_SCALE))
        reduced = F.avg_pool2d(padded(image, COARSE_SCALE), COARSE_SCALE)
        features = _whole_features(self.coarse_backbone, reduced)
        coarse, second = self._looks(reduced, features)
        sizes = self.config.regions
        if not sizes:
            presence = None if self.presence_head is None else self.presence_head(features)
            return ZianOutput(coarse, coarse_frame, presence=presence, second=second)
        centers = self._centers(coarse_frame.to_image(peak_pixels(coarse)), roi_centers)
        frames = [roi_frame(centers, size, sizes[0]) for size in sizes]
        around = crop_roi(features, frames[0].within(coarse_frame), (sizes[0], sizes[0])).flatten(0, 1)
        rois = self._in_first_frame(self._roi_features(image, frames), frames)
        heads = [self.roi_heads[0 if self.config.shared_roi_head else i] for i in range(len(rois))]
        roi = torch.stack([head.own(features) for head, features in zip(heads, rois, strict=True)])
        # Joined in the order (N, h, w, C) of memory: torch.cat may fall out of it where a batch holds one region.
        fused = torch.cat([part.permute(0, 2, 3, 1) for part in (around, *rois)], -1).permute(0, 3, 1, 2)
        presence = None if self.presence_head is None else self.presence_head.own(fused)
        fine = self.fine_head(fused if self.fusion is None else self.fusion(fused))
        return ZianOutput(coarse, coarse_frame, roi, fine, frames[0], presence, second)

    def training_arguments(
        self, image: torch.Tensor, points: torch.Tensor, status: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """``roi_centers`` of :meth:`forward` in training: near the true points (B, K, 2) of status (B, K)."""
        return {"roi_centers": jittered_centers(points, status, self.config.jitter)} if self.config.regions else {}

    def _looks(self, reduced: torch.Tensor, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(B, K, h, w) coarse heatmaps of the reduced image, and those of the second look where each learns alone.

        In use they are one: the mean of logits is, up to a constant, that of logarithms of probabilities, and a place
        that one look rules out is no peak.
        """
        coarse = self.coarse_head(features)
        if self.second_backbone is None or self.second_head is None:
            return coarse, None
        second = self.second_head(_whole_features(self.second_backbone, local_contrast(reduced)))
        return (coarse, second) if self.training else ((coarse + second) / 2, None)

    def _centers(self, peaks: torch.Tensor, given: torch.Tensor | None) -> torch.Tensor:
        if given is None:
            return peaks
        if given.shape != peaks.shape:
            raise InputError(f"The centres of regions are {tuple(peaks.shape)}, not {tuple(given.shape)}.")
        given = given.to(peaks.device).float()
        return torch.where(given.isfinite().all(-1, keepdim=True), given, peaks)

    def _roi_features(self, image: torch.Tensor, frames: Sequence[RoiFrame]) -> list[torch.Tensor]:
        """(B * K, 16, S, S) features of each region, in its own frame."""
        side = self.config.regions[0]
        crops = [
            crop_roi(image, frame, (side, side), whole_pixels=frame.scale == round(frame.scale)).flatten(0, 1)
            for frame in frames
        ]
        if len(self.roi_backbones) == len(crops):
            return [_features(net, crop) for net, crop in zip(self.roi_backbones, crops, strict=True)]
        shared = self.roi_backbones[0] if len(self.roi_backbones) else self.coarse_backbone
        return list(_features(shared, torch.cat(crops)).chunk(len(crops)))

    def _in_first_frame(self, rois: Sequence[torch.Tensor], frames: Sequence[RoiFrame]) -> list[torch.Tensor]:
        """(B * K, 16, S, S) features of each region in the frame of the first, refined by co-attention if wanted."""
        side = self.config.regions[0]
        first = frames[0]
        if self.co_attention is None:
            return [
                rois[0],
                *(
                    crop_roi(features, first.within(frame).one_each(), (side, side))[:, 0]
                    for features, frame in zip(rois[1:], frames[1:], strict=True)
                ),
            ]
        tokens = RoiFrame(first.origin, first.scale * TOKEN_SCALE)
        size_hw = (side // TOKEN_SCALE, side // TOKEN_SCALE)
        a = F.avg_pool2d(rois[0], TOKEN_SCALE)
        b = crop_roi(rois[1], tokens.within(frames[1]).one_each(), size_hw)[:, 0]
        return list(self.co_attention(a, b))


def _whole_features(backbone: nn.Module, reduced: torch.Tensor) -> torch.Tensor:
    """(B, 16, h, w) features of the reduced image (B, C, h, w)."""
    height, width = reduced.shape[2:]
    return _features(backbone, padded(reduced, ROI_MULTIPLE))[..., :height, :width]


def _copies(backbone: Callable[[], nn.Module] | nn.Module, number: int) -> list[nn.Module]:
    """So many backbones with weights of their own: each created separately, or the one given and copies of it."""
    if isinstance(backbone, nn.Module):
        return [backbone, *(copy.deepcopy(backbone) for _ in range(number - 1))]
    return [backbone() for _ in range(number)]


def _features(backbone: nn.Module, image: torch.Tensor) -> torch.Tensor:
    """(B, 16, H, W) features of images (B, C, H, W).

    Raises:
        InputError: the backbone answers with another shape.
    """
    features = backbone(image)
    expected = (len(image), OUT_CHANNELS, *image.shape[2:])
    if features.shape != expected:
        raise InputError(
            f"The backbone of a ZIAN answers images with features {expected}, not {tuple(features.shape)}."
        )
    return features
