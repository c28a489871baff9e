"""The zoom-in attentive network: a coarse look at the image, then an attentive look at where it points."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional as F

from monai_ext.landmarks import InputError
from monai_ext.networks.presence_head import PresenceHead
from monai_ext.transforms.decoders import decode_heatmap

from .backbone_features import backbone_copies, backbone_features, padded
from .co_attention import CoAttention
from .config import BACKBONE_MULTIPLE, COARSE_SCALE, FEATURES, TOKEN_SCALE, ZianConfig
from .heads import FineHead, HeatmapHead
from .local_contrast import local_contrast
from .output import ZianOutput, ZianPrediction
from .peak import peak_pixels
from .roi_centers import jittered_centers
from .roi_crop import RoiFrame, crop_roi, roi_frame
from .spatial_prior import SpatialPrior
from .squeeze_expansion import SqueezeExpansion

#: Half the side of the window that a decoder looks at, in sigmas of the target.
DECODER_SIGMAS = 2.5


class ZIAN(nn.Module):
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

    Example:
        >>> config = ZianConfig.row("zian", roi_sizes=(32, 64))
        >>> network = ZIAN(nn.Conv2d(1, 16, 3, padding=1), num_landmarks=2, config=config).eval()
        >>> output = network(torch.zeros(1, 1, 100, 130))
        >>> output.coarse.shape, output.fine.shape
        (torch.Size([1, 2, 25, 33]), torch.Size([1, 2, 32, 32]))
    """

    def __init__(
        self, backbone: Callable[[], nn.Module] | nn.Module, num_landmarks: int, config: ZianConfig | None = None
    ) -> None:
        super().__init__()
        if num_landmarks < 1:
            raise InputError(f"A network needs at least one landmark, not {num_landmarks}.")
        config = ZianConfig() if config is None else config
        self.config = config
        self.num_landmarks = num_landmarks
        regions = len(config.roi_sizes)
        own = 0 if config.share_backbone else min(regions, 1) if config.share_roi_backbone else regions
        self.coarse_backbone, *rest = backbone_copies(backbone, 1 + own + config.second_look)
        self.coarse_head = HeatmapHead(FEATURES, num_landmarks)
        self.second_backbone = rest.pop() if config.second_look else None
        self.second_head = HeatmapHead(FEATURES, num_landmarks) if config.second_look else None
        fused = FEATURES * (1 + regions)
        self.presence_head = PresenceHead(fused, num_landmarks) if config.presence else None
        self.spatial_prior = SpatialPrior(num_landmarks) if config.spatial_prior else None
        if not regions:
            return
        self.roi_backbones = nn.ModuleList(rest)
        self.co_attention = (
            CoAttention(FEATURES, config.weight, config.gate, TOKEN_SCALE) if config.co_attention else None
        )
        self.roi_heads = nn.ModuleList(
            HeatmapHead(FEATURES, num_landmarks, bias=False) for _ in range(1 if config.shared_roi_head else regions)
        )
        self.fusion = SqueezeExpansion(fused, config.fusion_stride) if config.self_attention else None
        self.fine_head = FineHead(fused, FEATURES, num_landmarks)

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
        sizes = self.config.roi_sizes
        if not sizes:
            presence = None if self.presence_head is None else self.presence_head(features)
            return ZianOutput(coarse, coarse_frame, presence=presence, second=second)
        believed = coarse if self.spatial_prior is None or self.training else self.spatial_prior(coarse)
        centers = self._centers(coarse_frame.to_image(peak_pixels(believed)), roi_centers)
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
        """``roi_centers`` of :meth:`forward` in training: near the true points (B, K, 2) of status (B, K).

        In training mode the spatial prior counts the points, too.
        """
        if self.training and self.spatial_prior is not None:
            self.spatial_prior.count(points, status, (image.shape[-2], image.shape[-1]))
        return {"roi_centers": jittered_centers(points, status, self.config.jitter)} if self.config.roi_sizes else {}

    @torch.no_grad()
    def predict(self, image: torch.Tensor, method: str = "gaussian_fit") -> ZianPrediction:
        """The points of (B, C, H, W) images, never off the image.

        Args:
            image: (B, C, H, W).
            method: how peaks are read; see :func:`monai_ext.transforms.decoders.decode_heatmap`.

        Raises:
            InputError: an unknown method.
        """
        output = self(image)
        radius = max(1, round(DECODER_SIGMAS * self.config.sigma))
        decoded = decode_heatmap(output.coarse, method, radius)
        frame = output.coarse_frame
        points = coarse_points = _on_image(frame.to_image(decoded.points), image)
        confidence = coarse_confidence = decoded.confidence
        if output.fine is not None and output.fine_frame is not None:
            frame = output.fine_frame
            decoded = decode_heatmap(output.fine, method, radius)
            points, confidence = _on_image(frame.to_image(decoded.points), image), decoded.confidence
        covariance = None if decoded.covariance is None else decoded.covariance * frame.scale**2
        return ZianPrediction(points, confidence, coarse_points, coarse_confidence, covariance)

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
        side = self.config.roi_sizes[0]
        crops = [
            crop_roi(image, frame, (side, side), whole_pixels=frame.scale == round(frame.scale)).flatten(0, 1)
            for frame in frames
        ]
        if len(self.roi_backbones) == len(crops):
            return [backbone_features(net, crop) for net, crop in zip(self.roi_backbones, crops, strict=True)]
        shared = self.roi_backbones[0] if len(self.roi_backbones) else self.coarse_backbone
        return list(backbone_features(shared, torch.cat(crops)).chunk(len(crops)))

    def _in_first_frame(self, rois: Sequence[torch.Tensor], frames: Sequence[RoiFrame]) -> list[torch.Tensor]:
        """(B * K, 16, S, S) features of each region in the frame of the first, refined by co-attention if wanted."""
        side = self.config.roi_sizes[0]
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
    return backbone_features(backbone, padded(reduced, BACKBONE_MULTIPLE))[..., :height, :width]


def _on_image(points: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    height, width = image.shape[2:]
    x, y = points.unbind(-1)
    return torch.stack([x.clamp(-0.5, width - 0.5), y.clamp(-0.5, height - 0.5)], -1)
