"""The face recognition network of dlib from its own file format."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

import torch

from monai_ext.landmarks import InputError

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
