"""Options of networks, by the name that a protocol asks for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationInfo, field_validator, model_validator

from .document import Positive, Size, Strict
from .plugins import Registry, validated

Decoder = Literal["argmax", "local_soft_argmax", "dark", "gaussian_fit"]
#: The sides of a ZIAN's first region are multiples of this, as required by its backbone.
ROI_MULTIPLE = 32
#: How pixel values become network input: each image by its own mean and deviation, or as a public classifier had it.
Normalization = Literal["image", "imagenet", "efficientnet-lite", "radimagenet", "vggface2", "dlib"]
#: How many pixels of the network input make a cell of a heatmap.
Stride = Literal[1, 2, 4]
#: Number of channels of a pyramid decoder.
Width = Annotated[int, Field(ge=1, le=1024)]


class NetworkConfig(Strict):
    """Options that all networks have, and what others ask of a network before it is built.

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
        presence: whether the network predicts of each landmark if it is in the image.
        name: of the network.

    Attributes:
        encoder_field: the option that names the network's image encoder or backbone; None if it has none.
        rows: changes of options that make the rows of the network's own ablation.
    """

    encoder_field: ClassVar[str | None] = None
    rows: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType({})

    input_size: Size = Size(width=384, height=320)
    resize: Size | None = None
    field_of_view: bool = False
    halves: bool = False
    normalization: Normalization = "image"
    sigma: Positive = 2.5
    decoder: Decoder = "local_soft_argmax"
    presence: bool = True
    name: str

    @property
    def encoder_name(self) -> str | None:
        """The image encoder or backbone; None if the network has none."""
        return None if self.encoder_field is None else getattr(self, self.encoder_field)

    @property
    def start_weights(self) -> str | None:
        """Weights that the encoder begins with: ``imagenet`` or a file; None if they are random."""
        return getattr(self, "pretrained", None)

    @property
    def has_stages(self) -> bool:
        """True if the network has several stages, each refining the one before."""
        return False

    @property
    def stage_weights(self) -> dict[str, float]:
        """Weights in the loss of stages by name; 1 where none is given."""
        return {}

    @property
    def fitted_size(self) -> Size:
        """The size that whole images are scaled into."""
        return self.resize or self.input_size

    @model_validator(mode="after")
    def _resize_is_larger(self) -> NetworkConfig:
        if self.resize and (self.resize.width < self.input_size.width or self.resize.height < self.input_size.height):
            raise ValueError(
                f"resize {self.resize.wh} must not be smaller than input_size {self.input_size.wh}, its centre"
            )
        return self


class HeatmapNetConfig(NetworkConfig):
    """The network ``heatmap_net``: a U-Net on an image encoder, with a heatmap head.

    Args:
        backbone: image encoder.
        decoder_channels: width of the pyramid decoder, or widths of the five stages of a U-Net decoder, deepest first.
        dropout: probability with which the decoder drops values in training.
        stride: pixels of the network input per cell of a heatmap.
        pretrained: what the encoder begins with: ``imagenet``, a file of weights, or null for random weights.
        second_look: a second U-Net sees the local contrast of the image, each place against its surroundings; heatmaps
            and logits of presence are the mean of both; for images of several cameras or devices.
    """

    encoder_field: ClassVar[str | None] = "backbone"

    name: Literal["heatmap_net"] = "heatmap_net"
    backbone: str = "efficientnet-b0"
    pretrained: str | None = None
    decoder_channels: Width | tuple[int, ...] = 64
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    stride: Stride = 1
    second_look: bool = False


class ZoomNetConfig(HeatmapNetConfig):
    """The network ``zoom_net``: a ``heatmap_net`` that finds the object in the whole image and looks at it again.

    For objects that may be small and anywhere in the image, as faces in photographs. The first look is at the input
    reduced by a whole number to at most the window; the others are at a square window about what was found.

    Args:
        window: side in pixels at which the network looks at anything.
        margin: side of the window around the detected landmarks, as a multiple of the longer side of their box.
        looks: further looks after the first, each at the window about what the one before found.
        shrunk: further first looks, at the whole image made smaller by these factors, its border repeated around it;
            the second look goes to each result, the next to the one with the highest presence. Needs ``presence`` and
            two looks. Objects are found that the first look misses, at two more passes of the network for each.
        jitter: how far windows of training are scaled (its exponential) and moved (half of it, as a share of the side).
    """

    name: Literal["zoom_net"] = "zoom_net"  # type: ignore[assignment]
    input_size: Size = Size(width=480, height=480)
    sigma: Positive = 1.5
    stride: Stride = 2
    second_look: Literal[False] = False
    window: Annotated[int, Field(ge=32, le=2048, multiple_of=32)] = 160
    margin: Annotated[float, Field(ge=1, le=8)] = 1.6
    looks: Annotated[int, Field(ge=1, le=4)] = 2
    shrunk: tuple[Annotated[float, Field(ge=0.1, lt=1)], ...] = ()
    jitter: Annotated[float, Field(ge=0, lt=1)] = 0.2

    @property
    def has_stages(self) -> bool:
        return True

    @model_validator(mode="after")
    def _whole_images(self) -> ZoomNetConfig:
        if self.halves:
            raise ValueError("a zoom_net looks at one object in the whole image: not with halves")
        if self.shrunk and (not self.presence or self.looks < 2):
            raise ValueError("shrunk chooses among windows by presence, for a further look: it needs both")
        return self


class ZianRow(NamedTuple):
    """The parts of a row of ZIAN's ablation.

    Attributes:
        regions: number of regions of interest.
        self_attention: whether features are fused by squeeze-and-expansion attention.
        co_attention: whether the features of two regions refine each other.
    """

    regions: int
    self_attention: bool
    co_attention: bool


#: The rows of Table 1 of Lei et al., OMIA 2022, each adding one part.
ZIAN_ROWS: Mapping[str, ZianRow] = MappingProxyType(
    {
        "base": ZianRow(0, False, False),
        "1roi": ZianRow(1, False, False),
        "1roi+sa": ZianRow(1, True, False),
        "mr+sa": ZianRow(2, True, False),
        "zian": ZianRow(2, True, True),
    }
)


class ZianConfig(NetworkConfig):
    """The network ``zian``: the zoom-in attentive network.

    Args:
        row: which parts it has: a row of the paper's ablation, ``zian`` being the whole.
        backbone: of the coarse image and of the regions.
        pretrained: what the backbones' encoders begin with: ``imagenet``, a file of weights of an encoder or of a whole
            backbone, or null for random weights.
        decoder_channels: width of the pyramid decoder of a backbone that is an encoder; null for a U-Net's decoder.
        roi_sizes: sides of the regions in input pixels, the first sampled at one cell per pixel, the second to as many
            cells; a row takes none, the first, or both.
        weight: learn the matrix W of the co-attention, with a convolution for each region instead of a shared one.
        gate: gate the co-attention's summaries. As ``weight``, of no effect in rows without co-attention.
        shared_roi_head: one 1 x 1 convolution draws the heatmaps of all regions, instead of one each.
        share_roi_backbone: one backbone sees all regions, in one pass.
        share_backbone: one backbone sees the coarse image too.
        fusion_stride: side in cells of the fusion's tokens.
        second_look: a second coarse backbone sees the local contrast of the image, each place against its surroundings;
            regions lie where both agree. What one of them mistakes for a landmark, the other seldom does.
        norm, spatial_prior: options of earlier versions, with the value that is left, so that protocols and models of
            those versions open.
        coarse_weight, roi_weight, fine_weight: of the stages' losses (alpha, beta, gamma of the paper).
        jitter: largest shift of a region from the true point in training, pixels per axis.
    """

    encoder_field: ClassVar[str | None] = "backbone"
    rows: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType({row: {"row": row} for row in ZIAN_ROWS})

    name: Literal["zian"] = "zian"
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
    norm: Literal["batch"] = "batch"
    spatial_prior: Literal[False] = False
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
                f"the sizes rise, and the first is a multiple of {ROI_MULTIPLE} pixels, unlike {list(sizes)}"
            )
        return sizes

    @property
    def parts(self) -> ZianRow:
        """The parts of the row."""
        return ZIAN_ROWS[self.row]

    @property
    def regions(self) -> tuple[int, ...]:
        """Sides in pixels of the regions that the row takes."""
        return self.roi_sizes[: self.parts.regions]

    @property
    def has_stages(self) -> bool:
        return bool(self.regions)

    @property
    def stage_weights(self) -> dict[str, float]:
        return {"coarse": self.coarse_weight, "roi": self.roi_weight, "fine": self.fine_weight}


class DeconvNetConfig(NetworkConfig):
    """The network ``deconv_net``: an encoder and three deconvolutions, the target of cross-task distillation.

    Args:
        encoder: any that a ``heatmap_net`` can have; ``resnet50_caffe`` for weights of VGGFace2 and ``resnet50_keras``
            for those of RadImageNet that were converted from Keras, which have their strides elsewhere.
        pretrained: what the encoder begins with: ``imagenet``, a file of weights, or null for random weights.
    """

    encoder_field: ClassVar[str | None] = "encoder"

    name: Literal["deconv_net"] = "deconv_net"
    pretrained: str | None = None
    encoder: str = "resnet50"
    input_size: Size = Size(width=256, height=256)
    sigma: Positive = 1.5
    decoder: Decoder = "dark"
    presence: bool = False


class HourglassConfig(NetworkConfig):
    """The network ``hourglass``: stacked hourglasses, each supervised.

    Args:
        stacks: how many.
        features: channels of every residual module.
    """

    name: Literal["hourglass"] = "hourglass"
    stacks: Annotated[int, Field(ge=1, le=16)] = 2
    features: Annotated[int, Field(ge=8, le=512)] = 256
    input_size: Size = Size(width=256, height=256)
    sigma: Positive = 1.5
    decoder: Decoder = "dark"
    presence: bool = False

    @property
    def has_stages(self) -> bool:
        return self.stacks > 1


#: Options of each network by its name; ``register_network`` of :mod:`monai_ext.networks` adds those of plug-ins.
NETWORKS: Registry[type[NetworkConfig]] = Registry(
    "network",
    {
        "heatmap_net": HeatmapNetConfig,
        "zian": ZianConfig,
        "deconv_net": DeconvNetConfig,
        "hourglass": HourglassConfig,
        "zoom_net": ZoomNetConfig,
    },
)


def _of_its_kind(value: Any, info: ValidationInfo) -> NetworkConfig:
    return validated(NETWORKS, value, info, default="heatmap_net")


#: A field with the options of any network; one without a name is a ``heatmap_net``.
AnyNetwork = Annotated[SerializeAsAny[NetworkConfig], BeforeValidator(_of_its_kind)]
