"""The network of dlib that recognises people: its encoder for landmark networks, and the whole from its own file."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from monai_ext.landmarks import InputError

#: Name of the encoder.
FACE_RESNET = "face-resnet"

#: Channels of the five maps, and pixels of the image per cell of each.
CHANNELS, STRIDES = (32, 32, 64, 128, 256), (2, 4, 8, 16, 32)
#: Width and height of the blocks' convolutions.
KERNEL = 3
#: Residual blocks of the stages behind the stem; all but the first stage begin with one that halves.
BLOCKS = (3, 4, 3, 3)


def _padded(features: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Features with zeros at the right and bottom up to at least a size."""
    return F.pad(features, (0, max(0, width - features.shape[3]), 0, max(0, height - features.shape[2])))


class FaceBlock(nn.Module):
    """Two convolutions beside a shortcut without weights.

    A block that halves has its first convolution at every other cell and means of 2 x 2 cells as the shortcut, whose
    further channels are zero. Output cell i lies between the input cells 2 i and 2 i + 1, and its convolution reads 2 i
    to 2 i + 2; where that would reach beyond the map, in the last row and column of an even size, it adds nothing.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        halves: whether height and width are halved; an odd one loses its last cell to the shortcut.
    """

    def __init__(self, in_channels: int, out_channels: int, *, halves: bool = False) -> None:
        super().__init__()
        self.halves = halves
        stride, padding = (2, 0) if halves else (1, 1)
        self.conv1 = nn.Conv2d(in_channels, out_channels, KERNEL, stride, padding, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, KERNEL, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, in_channels, h, w) features to (B, out_channels, h, w), or h // 2 and w // 2."""
        shortcut = features
        if self.halves:
            features, shortcut = _padded(features, KERNEL, KERNEL), F.avg_pool2d(shortcut, 2)
        answer = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(features)))))
        if self.halves:
            answer = _padded(answer, *shortcut.shape[2:])
            shortcut = F.pad(shortcut, (0, 0, 0, 0, 0, answer.shape[1] - shortcut.shape[1]))
        return F.relu(answer + shortcut)


class FaceResNet(nn.Module):
    """The residual network of dlib's face recognition up to a 32nd of the image: 27 of its 29 convolutions.

    Its first convolution and pooling were learned without padding, so that 150 pixels became 35 cells. Here both are
    padded by zeros such that even sizes are halved exactly and cells lie where a U-Net expects them: the centre of cell
    i at stride s, along the shortcuts, is within 0.5 pixels of ``s * i + (s - 1) / 2``, where a common ResNet is off by
    up to half a cell. The blocks are those of the original to the last value, their zeros beyond the last row and
    column included, which the weights were learned with.

    Args:
        in_channels: number of image channels.

    Attributes:
        channels: of the five maps.

    Source: D. King, dlib.net, ``dlib_face_recognition_resnet_model_v1``, CC0 1.0.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.channels = CHANNELS
        self.conv1 = nn.Conv2d(in_channels, CHANNELS[0], 7, stride=2, bias=False)
        self.bn1 = nn.BatchNorm2d(CHANNELS[0])
        self.layer1 = face_stage(CHANNELS[0], CHANNELS[1], BLOCKS[0], halves=False)
        self.layer2 = face_stage(CHANNELS[1], CHANNELS[2], BLOCKS[1])
        self.layer3 = face_stage(CHANNELS[2], CHANNELS[3], BLOCKS[2])
        self.layer4 = face_stage(CHANNELS[3], CHANNELS[4], BLOCKS[3])
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """(B, in_channels, H, W) images, H and W multiples of 32, to five maps, the finest first.

        Two cells of a map leave one inside the block that halves it, of which batch normalisation has no statistics. A
        single small image is trained as if its last row were repeated up to three cells.
        """
        height, width = image.shape[2:]
        if self.training and len(image) == 1 and max(height, width) <= 2 * STRIDES[-1]:
            maps = self.forward(F.pad(image, (0, 0, 0, 3 * STRIDES[-1] - height), mode="replicate"))
            return [features[:, :, : height // stride] for features, stride in zip(maps, STRIDES, strict=True)]
        # the centre of stem cell i lies on pixel 2 i + 1, that of the pooled cell i on stem cell 2 i
        stem = F.relu(self.bn1(self.conv1(F.pad(image, (2, 3, 2, 3)))))
        maps = [stem, self.layer1(F.max_pool2d(F.pad(stem, (1, 0, 1, 0)), 3, stride=2))]
        for layer in (self.layer2, self.layer3, self.layer4):
            maps.append(layer(maps[-1]))
        return maps


def face_stage(in_channels: int, out_channels: int, blocks: int, *, halves: bool = True) -> nn.Sequential:
    """Blocks of one size, of which the first changes it."""
    first = FaceBlock(in_channels, out_channels, halves=halves)
    return nn.Sequential(first, *(FaceBlock(out_channels, out_channels) for _ in range(blocks - 1)))


#: SHA-256 of ``dlib_face_recognition_resnet_model_v1.dat``.
SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"

#: What stands before the weights of a layer: a string with its length before it, and that length's own width.
_CONVOLUTION, _AFFINE, _LINEAR = (b"\x01" + bytes([len(name)]) + name for name in (b"con_4", b"affine_", b"fc_2"))
#: Version of the format of tensors.
_TENSOR_VERSION = 2


class Convolution(NamedTuple):
    """A convolution and the affine layer that took the place of its batch normalisation.

    Attributes:
        weight: (O * I * k * k,) in the order of torch's (O, I, k, k).
        bias: (O,).
        gamma: (O,) factors of the output.
        beta: (O,) what is added to it.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    gamma: torch.Tensor
    beta: torch.Tensor


class DlibNetwork(NamedTuple):
    """The layers of the file, from the image on.

    Attributes:
        convolutions: all 29.
        embedding: (128, 256) weight of the last layer, which has no bias.
    """

    convolutions: tuple[Convolution, ...]
    embedding: torch.Tensor


def read_dlib_network(path: Path) -> DlibNetwork:
    """Reads ``dlib_face_recognition_resnet_model_v1.dat``.

    A whole number is a byte with its sign (bit 7) and its width in bytes, then the bytes, the lowest first. A tensor is
    a version, four sizes, and 32-bit floats.

    Raises:
        InputError: it is absent, or another file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"The network {path} cannot be read ({error.strerror}): give the .dat file of dlib.") from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != SHA256:
        raise InputError(
            f"{path} is not dlib_face_recognition_resnet_model_v1.dat (SHA-256 {digest[:12]}... instead of "
            f"{SHA256[:12]}...): give that file."
        )
    weights = [_tensor(data, match.end()) for match in re.finditer(re.escape(_CONVOLUTION), data)]
    affines = [_tensor(data, match.end()).flatten() for match in re.finditer(re.escape(_AFFINE), data)]
    convolutions = []
    for weight, affine in zip(weights, affines, strict=True):
        gamma, beta = affine.chunk(2)
        flat = weight.flatten()
        convolutions.append(Convolution(flat[: -len(gamma)], flat[-len(gamma) :], gamma, beta))
    start = data.index(_LINEAR) + len(_LINEAR)
    outputs, start = _integer(data, start)
    inputs, start = _integer(data, start)
    return DlibNetwork(tuple(convolutions), _tensor(data, start).reshape(inputs, outputs).T.contiguous())


def _integer(data: bytes, start: int) -> tuple[int, int]:
    """A whole number and where it ends."""
    head = data[start]
    end = start + 1 + (head & 0x0F)
    value = int.from_bytes(data[start + 1 : end], "little")
    return (-value if head & 0x80 else value), end


def _tensor(data: bytes, start: int) -> torch.Tensor:
    version, start = _integer(data, start)
    assert version == _TENSOR_VERSION
    sizes = []
    for _ in range(4):
        size, start = _integer(data, start)
        sizes.append(size)
    count = sizes[0] * sizes[1] * sizes[2] * sizes[3]
    return torch.frombuffer(bytearray(data[start : start + 4 * count]), dtype=torch.float32).reshape(sizes)
