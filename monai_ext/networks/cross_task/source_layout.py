"""Public weights of ResNet classifiers, brought to torchvision's names and to red, green and blue."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

import torch

from monai_ext.landmarks import CHANNEL_SCALES, InputError

State = dict[str, torch.Tensor]

#: Conventions that weights of ResNets were trained in.
Variant = Literal["torchvision", "caffe", "keras"]

#: The ResNets that can be recognised: blocks of the four layers, whether a block has three convolutions, conventions.
_RESNETS: dict[str, tuple[tuple[int, ...], bool, Variant]] = {
    "resnet18": ((2, 2, 2, 2), False, "torchvision"),
    "resnet34": ((3, 4, 6, 3), False, "torchvision"),
    "resnet50": ((3, 4, 6, 3), True, "torchvision"),
    "resnet50_caffe": ((3, 4, 6, 3), True, "caffe"),
    "resnet50_keras": ((3, 4, 6, 3), True, "keras"),
}

#: Children of a torchvision ResNet, where it was taken apart into a Sequential.
_CHILDREN = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}

#: Parts of a block in the VGGFace2 models' names.
_CAFFE_PARTS = {
    "1x1_reduce": "conv1",
    "1x1_reduce_bn": "bn1",
    "3x3": "conv2",
    "3x3_bn": "bn2",
    "1x1_increase": "conv3",
    "1x1_increase_bn": "bn3",
    "1x1_proj": "downsample.0",
    "1x1_proj_bn": "downsample.1",
}
_CAFFE_STEM = {"conv1_7x7_s2": "conv1", "conv1_7x7_s2_bn": "bn1", "classifier": "fc"}


class Layout(NamedTuple):
    """Weights with torchvision's names.

    Attributes:
        state: the tensors; those that no rule knows keep their name.
        architecture: name of the encoder.
        names: how they were called: torchvision, numbered or caffe.
        changes: what was done to values, in words.
    """

    state: State
    architecture: str
    names: str
    changes: tuple[str, ...]


def torchvision_layout(state: State, normalization: str, source: str) -> Layout:
    """Recognises a ResNet-18, -34 or -50 and the conventions of its origin, which its normalisation names.

    - ``imagenet``: torchvision's and timm's names, or numbers where its children became a Sequential.
    - ``radimagenet``: the project's PyTorch weights, numbered and without a classifier, are of torchvision's network.
      Those converted from its Keras weights have biases of convolutions, which go into the means of batch
      normalisation, and Keras' strides (github.com/Warvito/radimagenet-models).
    - ``vggface2``: the VGG group's PyTorch models, named as in Caffe (``conv1_7x7_s2``), take red, green and blue; the
      port with torchvision's names (github.com/cydonia999/VGGFace2-pytorch) takes blue, green and red, so that its
      first convolution is reversed. Both have Caffe's strides and pooling.

    Args:
        state: tensors by name; not changed.
        normalization: what the weights were trained on.
        source: how messages begin.

    Raises:
        InputError: these are not the weights of such a network.
    """
    names, state = _renamed(state)
    if names == "caffe" and normalization != "vggface2":
        raise InputError(
            f"{source} have the names of the VGGFace2 models, whose normalisation is 'vggface2', not {normalization!r}."
        )
    if "conv1.weight" not in state or state["conv1.weight"].shape[2:] != (7, 7):
        raise InputError(
            f"{source} are not of a ResNet classifier: there is no first convolution of 7 x 7 under a known name "
            f"(the first name is {next(iter(state))!r}); give a ResNet-18, -34 or -50 in torchvision's layout."
        )
    variant: Variant = "torchvision"
    changes: list[str] = []
    if normalization == "radimagenet" and "conv1.bias" in state:
        variant, state = "keras", _without_conv_biases(state)
        changes.append("biases of convolutions went into the means of batch normalisation")
    if normalization == "vggface2":
        variant = "caffe"
        first = state["conv1.weight"]
        if names == "torchvision":
            first = first.flip(1)
            changes.append("the first convolution's blue, green, red became red, green, blue")
        scale = CHANNEL_SCALES["vggface2"].deviation[0]
        state = {**state, "conv1.weight": first * scale}
        changes.append(f"the first convolution was multiplied by {scale:g}, as its input is divided by it")
    return Layout(state, _architecture(state, variant, source), names, tuple(changes))


def _renamed(state: State) -> tuple[str, State]:
    """The scheme of the names, and the tensors under torchvision's."""
    if "conv1_7x7_s2.weight" in state:
        renamed = {_from_caffe(name): tensor for name, tensor in state.items()}
        if "fc.weight" in renamed and renamed["fc.weight"].ndim == 4:  # a 1 x 1 convolution
            renamed["fc.weight"] = renamed["fc.weight"].flatten(1)
        return "caffe", renamed
    if "0.weight" in state and "4.0.conv1.weight" in state:
        return "numbered", {_from_number(name): tensor for name, tensor in state.items()}
    return "torchvision", {name.removeprefix("encoder."): tensor for name, tensor in state.items()}


def _from_caffe(name: str) -> str:
    module, _, tensor = name.rpartition(".")
    if module in _CAFFE_STEM:
        return f"{_CAFFE_STEM[module]}.{tensor}"
    match = re.fullmatch(r"conv([2-5])_(\d+)_(\w+)", module)
    if match is None or match[3] not in _CAFFE_PARTS:
        return name
    return f"layer{int(match[1]) - 1}.{int(match[2]) - 1}.{_CAFFE_PARTS[match[3]]}.{tensor}"


def _from_number(name: str) -> str:
    number, _, rest = name.partition(".")
    return f"{_CHILDREN.get(number, number)}.{rest}"


def _without_conv_biases(state: State) -> State:
    """Batch normalisation of ``conv + bias`` is that of ``conv`` with the mean less the bias."""
    result = dict(state)
    for name in state:
        match = re.fullmatch(r"(.*?)(conv(\d)|downsample\.0)\.bias", name)
        if match is None:
            continue
        mean = match[1] + ("downsample.1" if match[3] is None else f"bn{match[3]}") + ".running_mean"
        if mean in result:
            result[mean] = result[mean] - result.pop(name)
    return result


def _architecture(state: State, variant: Variant, source: str) -> str:
    blocks = tuple(
        len({match[1] for name in state if (match := re.match(rf"layer{layer}\.(\d+)\.", name))})
        for layer in range(1, 5)
    )
    bottleneck = "layer1.0.conv3.weight" in state
    for name, known in _RESNETS.items():
        if known == (blocks, bottleneck, variant):
            return name
    raise InputError(
        f"{source} are of a ResNet with {', '.join(map(str, blocks))} blocks of {3 if bottleneck else 2} convolutions "
        f"each, normalised as {variant} has it: only {', '.join(_RESNETS)} are known."
    )
