"""The networks that a protocol can ask for, each with its options."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from .document import Positive, Size, Strict

Decoder = Literal["argmax", "local_soft_argmax", "dark", "gaussian_fit"]
#: The sides of a ZIAN's first region are multiples of this, as its backbone wants them.
ROI_MULTIPLE = 32
#: How pixel values become network input: each image by its own mean and deviation, or as a public classifier had it.
Normalization = Literal["image", "imagenet", "efficientnet-lite", "radimagenet", "vggface2", "dlib"]
#: How many pixels of the network input make a cell of a heatmap.
Stride = Literal[1, 2, 4]
#: Number of channels of a pyramid decoder.
Width = Annotated[int, Field(ge=1, le=1024)]


class _Common(Strict):
    """What all networks have.

    Args:
        input_size: of the network; images are scaled into it, their aspect kept.
        resize: scale images into this size instead and give the network the centre of it, ``input_size`` large.
        field_of_view: scale the lit circle of a fundus photograph into the input instead of the whole image, so that
            cameras with more or less black around it look alike; an image without a dark surround is taken whole.
        halves: the image holds each structure twice, mirrored. The network sees the left half and the mirrored right
            half as two images; landmarks are left/right pairs, the one in the left half of the image first.
        normalization: of pixel values; where it is left out, that of a source classifier with a name of its own, else
            ``image``.
        sigma: standard deviation of the targets, pixels of each heatmap.
        decoder: how a point is read off a heatmap.
        presence: whether the network tells of each landmark if it is in the image.
    """

    input_size: Size = Size(width=384, height=320)
    resize: Size | None = None
    field_of_view: bool = False
    halves: bool = False
    normalization: Normalization = "image"
    sigma: Positive = 2.5
    decoder: Decoder = "local_soft_argmax"
    presence: bool = True

    @property
    def fitted_size(self) -> Size:
        """The size that whole images are scaled into."""
        return self.resize or self.input_size

    @model_validator(mode="after")
    def _resize_is_larger(self) -> _Common:
        if self.resize and (self.resize.width < self.input_size.width or self.resize.height < self.input_size.height):
            raise ValueError(
                f"resize {self.resize.wh} must not be smaller than input_size {self.input_size.wh}, its centre"
            )
        return self


class HeatmapNetConfig(_Common):
    """The network ``heatmap_net``: a U-Net on an image encoder, with a heatmap head.

    Args:
        backbone, decoder_channels, dropout, stride: see :class:`~monai_ext.networks.heatmap_net.HeatmapNet`.
        pretrained: what the encoder begins with: ``imagenet``, a file of weights, or null for random weights.
    """

    name: Literal["heatmap_net"] = "heatmap_net"
    backbone: str = "efficientnet-b0"
    pretrained: str | None = None
    decoder_channels: Width | tuple[int, ...] = 64
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    stride: Stride = 1


class ZianNetConfig(_Common):
    """The network ``zian``: the zoom-in attentive network.

    Args:
        row: which parts it has: a row of the paper's ablation, ``zian`` being the whole.
        backbone: of the coarse image and of the regions.
        pretrained: what the backbones' encoders begin with: ``imagenet``, a file of weights of an encoder or of a whole
            backbone, or null for random weights.
        decoder_channels: width of the pyramid decoder of a backbone that is an encoder; null for a U-Net's decoder.
        roi_sizes: sides of the regions in input pixels, the first sampled at one cell per pixel; as many as the row
            takes: none, the first, or both.
        weight, gate, shared_roi_head, share_roi_backbone, share_backbone, fusion_stride: see
            :class:`monai_ext.networks.zian.ZianConfig`.
        norm: ``batch`` as in the paper, or ``group``, by each image's own values: better where ``share_backbone`` makes
            one backbone look at the image and at its regions, and where other cameras are to be expected.
        spatial_prior: where the coarse heatmap of a landmark has several peaks, look at the one that lies from the
            other landmarks as in the training images; for the loss ``spatial_cross_entropy``.
        second_look: a second coarse backbone sees the local contrast of the image, each place against its surroundings;
            regions lie where both agree. What one of them mistakes for a landmark, the other seldom does.
        coarse_weight, roi_weight, fine_weight: of the stages' losses (alpha, beta, gamma of the paper).
        jitter: largest shift of a region from the true point in training, pixels per axis.
    """

    name: Literal["zian"]
    row: Literal["base", "1roi", "1roi+sa", "mr+sa", "zian"] = "zian"
    backbone: str = "hrnet_w32"
    pretrained: str | None = None
    decoder_channels: Width | None = None
    input_size: Size = Size(width=1024, height=1024)
    sigma: Positive = 2.0
    roi_sizes: tuple[int, int] = (256, 512)
    weight: bool = False
    gate: bool = False
    shared_roi_head: bool = True
    share_roi_backbone: bool = False
    share_backbone: bool = False
    fusion_stride: Literal[1, 2, 4] = 1
    norm: Literal["batch", "group"] = "batch"
    spatial_prior: bool = False
    second_look: bool = False
    coarse_weight: Positive = 1.0
    roi_weight: Positive = 0.25
    fine_weight: Positive = 1.0
    jitter: Annotated[float, Field(ge=0)] = 16.0

    @field_validator("roi_sizes")
    @classmethod
    def _regions_grow(cls, sizes: tuple[int, int]) -> tuple[int, int]:
        if sizes[0] < 1 or sizes[0] % ROI_MULTIPLE or sizes[0] >= sizes[1]:
            raise ValueError(
                f"the sizes rise, and the first is a multiple of {ROI_MULTIPLE} pixels; {list(sizes)} will not do"
            )
        return sizes

    @model_validator(mode="after")
    def _public_weights_have_batch_norm(self) -> ZianNetConfig:
        if self.pretrained and self.norm == "group":
            raise ValueError("pretrained weights were learned with batch normalisation: leave norm at batch")
        return self


class DeconvNetConfig(_Common):
    """The network ``deconv_net``: an encoder and three deconvolutions, the target of cross-task distillation.

    Args:
        encoder: any that a ``heatmap_net`` can have; ``resnet50_caffe`` for weights of VGGFace2 and ``resnet50_keras``
            for those of RadImageNet that were converted from Keras, which have their strides elsewhere.
        pretrained: what the encoder begins with: ``imagenet``, a file of weights, or null for random weights.
    """

    name: Literal["deconv_net"]
    pretrained: str | None = None
    encoder: str = "resnet50"
    input_size: Size = Size(width=256, height=256)
    sigma: Positive = 1.5
    decoder: Decoder = "dark"
    presence: bool = False


class HourglassConfig(_Common):
    """The network ``hourglass``: stacked hourglasses, each supervised.

    Args:
        stacks: how many.
        features: channels of every residual module.
    """

    name: Literal["hourglass"]
    stacks: Annotated[int, Field(ge=1, le=16)] = 2
    features: Annotated[int, Field(ge=8, le=512)] = 256
    input_size: Size = Size(width=256, height=256)
    sigma: Positive = 1.5
    decoder: Decoder = "dark"
    presence: bool = False


def _named(value: Any) -> Any:
    """A network without a name is a ``heatmap_net``."""
    return {"name": "heatmap_net", **value} if isinstance(value, dict) else value


NetworkConfig = Annotated[
    Annotated[HeatmapNetConfig | ZianNetConfig | DeconvNetConfig | HourglassConfig, Field(discriminator="name")],
    BeforeValidator(_named),
]
