"""Image encoders by name, most from timm and MONAI: maps at a half, a quarter, ... a 32nd of the image."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from monai.networks.nets.flexible_unet import FLEXUNET_BACKBONE
from torch import nn

from monai_ext.landmarks import InputError

from .face_resnet import FACE_RESNET, FaceResNet

#: Every encoder halves the image this often and gives a map after each halving.
NUM_STAGES = 5

#: Heights and widths of what an encoder is given are multiples of this.
MULTIPLE = 2**NUM_STAGES

#: Names of this project's own for timm's models: the ImageNet classifiers whose weights come as packages.
TIMM_NAMES: Mapping[str, str] = MappingProxyType(
    {f"efficientnet-lite{size}": f"tf_efficientnet_lite{size}" for size in range(5)}
)

#: Momentum of batch normalisations. EfficientNet's own 0.01 lags far behind the weights in short trainings.
BATCH_NORM_MOMENTUM = 0.1

#: Parts of MONAI's encoders that only a classifier uses: a quarter of the weights of efficientnet-b0.
_CLASSIFIER_PARTS = ("_conv_head", "_conv_head_padding", "_bn1", "_avg_pooling", "_dropout", "_fc", "avgpool", "fc")


#: The ResNet that variants with the conventions of other programs begin as; its tensors have the same names in all.
BASE = "resnet50"

#: Epsilon of batch normalisation in Keras' ResNets.
KERAS_EPSILON = 1.001e-5


def as_caffe(encoder: nn.Module) -> None:
    """Gives timm's ResNet-50 the strides and the pooling of Caffe, as VGGFace2's has them.

    The first convolution of a layer's first block has the stride, as in the paper (He et al., CVPR 2016), and the
    pooling after the stem is not padded but looks past the border.
    """
    _stride_first(encoder)
    encoder.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=0, ceil_mode=True)


def as_keras(encoder: nn.Module) -> None:
    """Gives timm's ResNet-50 the strides and the epsilon of Keras, as RadImageNet's has them."""
    _stride_first(encoder)
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = KERAS_EPSILON


def _stride_first(encoder: nn.Module) -> None:
    for layer in (encoder.layer2, encoder.layer3, encoder.layer4):
        layer[0].conv1.stride, layer[0].conv2.stride = (2, 2), (1, 1)


#: What makes each variant of a :data:`BASE`.
VARIANTS = {"resnet50_caffe": as_caffe, "resnet50_keras": as_keras}


def timm_name(name: str) -> str | None:
    """The name of the timm model behind an encoder; None if it is one of MONAI's.

    Examples:
        >>> timm_name("efficientnet-lite0"), timm_name("resnet18"), timm_name("efficientnet-b0")
        ('tf_efficientnet_lite0', 'resnet18', None)
    """
    from timm import is_model  # here, since it takes a second to import

    model = TIMM_NAMES.get(name, name)
    return model if is_model(model) else None


def build_encoder(name: str, in_channels: int) -> nn.Module:
    """A new encoder with random weights: (B, C, H, W) images to the list of its five maps, the finest first.

    The encoder has the attribute ``channels``, the five numbers of channels. Heights and widths have to be multiples of
    32. The momentum of its batch normalisations is :data:`BATCH_NORM_MOMENTUM`.

    Args:
        name: a model of timm (``resnet18``, ``efficientnet-lite0``), an encoder in the registry of MONAI's FlexibleUNet
            (``efficientnet-b0``, ``resnet10``, or one that was registered there), ``resnet50_caffe`` and
            ``resnet50_keras`` for weights of those programs, or ``face-resnet``.
        in_channels: number of image channels.

    Raises:
        InputError: no such encoder, or one that does not give a map at each of the five sizes.

    Examples:
        >>> encoder = build_encoder("efficientnet-lite0", 3)
        >>> [tuple(map.shape[1:]) for map in encoder(torch.zeros(1, 3, 64, 96))]
        [(16, 32, 48), (24, 16, 24), (40, 8, 12), (112, 4, 6), (320, 2, 3)]
    """
    if in_channels < 1:
        raise InputError(f"The encoder {name} needs at least one image channel, not {in_channels}.")
    model = timm_name(name)
    if name == FACE_RESNET:
        encoder: nn.Module = FaceResNet(in_channels)
    elif name in VARIANTS:
        encoder = _from_timm(BASE, name, in_channels)
        VARIANTS[name](encoder)
    else:
        encoder = _from_monai(name, in_channels) if model is None else _from_timm(model, name, in_channels)
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = BATCH_NORM_MOMENTUM
    return encoder


def is_encoder(name: str) -> bool:
    """Tests that :func:`build_encoder` or a library has a model of this name."""
    return timm_name(name) is not None or name in (FACE_RESNET, *VARIANTS) or name in FLEXUNET_BACKBONE.register_dict


def encoder_names() -> list[str]:
    """The names of encoders that need no further knowledge of timm: its own are several hundred."""
    own = (FACE_RESNET, *VARIANTS)
    return sorted({*TIMM_NAMES, *own, "resnet18", "resnet34", "resnet50", *FLEXUNET_BACKBONE.register_dict})


def last_block(encoder: nn.Module) -> str:
    """The name of an encoder's part behind which no other has a convolution: the last stage of blocks.

    Examples:
        >>> last_block(build_encoder("resnet18", 3)), last_block(build_encoder("efficientnet-lite0", 3))
        ('layer4', 'blocks.6')
    """
    prefix, parts = "", encoder
    for row in ("blocks", "_blocks"):  # timm's and MONAI's EfficientNets have their stages in one part
        if isinstance(getattr(encoder, row, None), nn.Module):
            prefix, parts = f"{row}.", getattr(encoder, row)
    names = [name for name, part in parts.named_children() if any(isinstance(m, nn.Conv2d) for m in part.modules())]
    return prefix + names[-1]


def _from_timm(model: str, name: str, in_channels: int) -> nn.Module:
    import timm

    # blocks that begin as their shortcuts learn too slowly in short trainings
    options: dict[str, Any] = {"zero_init_last": False} if timm.models.is_model_in_modules(model, ["resnet"]) else {}
    try:
        encoder = timm.create_model(model, features_only=True, in_chans=in_channels, **options)
    except (RuntimeError, TypeError, ValueError, AttributeError, AssertionError) as error:
        raise InputError(f"timm's {model} gives no maps ({error}): use one of {', '.join(encoder_names())}.") from None
    reductions = encoder.feature_info.reduction()
    if reductions != [2**stage for stage in range(1, NUM_STAGES + 1)]:
        raise InputError(
            f"The encoder {name} gives maps at 1/{', 1/'.join(map(str, reductions))} of the image, not at a half, a "
            f"quarter, an eighth, a 16th and a 32nd: use one of {', '.join(encoder_names())}."
        )
    encoder.channels = tuple(encoder.feature_info.channels())
    return encoder


def _from_monai(name: str, in_channels: int) -> nn.Module:
    entry = FLEXUNET_BACKBONE.register_dict.get(name)
    if entry is None:
        raise InputError(f"Unknown backbone {name!r}: use a model of timm or one of {', '.join(encoder_names())}.")
    settings = {**entry["parameter"], "spatial_dims": 2, "in_channels": in_channels, "pretrained": False}
    encoder = entry["type"](**settings)
    for part in _CLASSIFIER_PARTS:
        if hasattr(encoder, part):
            delattr(encoder, part)
    encoder.channels = tuple(entry["feature_channel"])
    return encoder
