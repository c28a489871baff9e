"""A ResNet-50 with the conventions of other programs, in which public weights were trained."""

from __future__ import annotations

from torch import nn

#: The ResNet that the variants begin as; its tensors have the same names in all of them.
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
