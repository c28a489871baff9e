"""The encoder of the network that recognises people: where its cells lie, and dlib's blocks to the last value."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from monai_ext.landmarks import InputError
from monai_ext.networks import face_resnet
from monai_ext.networks.cross_task.source import FaceClassifier
from monai_ext.networks.face_resnet import FaceBlock, FaceResNet


def dlib_block(block: FaceBlock, x: torch.Tensor) -> torch.Tensor:
    """As dlib has it: no padding where it halves; the smaller of both maps, and missing channels, are filled by 0."""
    y = F.conv2d(x, block.conv1.weight, stride=2 if block.halves else 1, padding=0 if block.halves else 1)
    y = block.bn2(block.conv2(block.bn1(y).relu()))
    if block.halves:
        x = F.avg_pool2d(x, 2, 2)
    channels, height, width = (max(a, b) for a, b in zip(x.shape[1:], y.shape[1:], strict=True))
    whole = [torch.zeros(len(x), channels, height, width) for _ in range(2)]
    for filled, part in zip(whole, (x, y), strict=True):
        filled[:, : part.shape[1], : part.shape[2], : part.shape[3]] = part
    return (whole[0] + whole[1]).relu()


@pytest.mark.parametrize("size", [(4, 8), (5, 7), (17, 6), (35, 35)])
@pytest.mark.parametrize(("given", "out", "halves"), [(3, 3, False), (3, 5, True), (4, 4, True)])
@torch.inference_mode()
def test_blocks_are_dlibs(size: tuple[int, int], given: int, out: int, halves: bool) -> None:
    torch.manual_seed(0)
    block = FaceBlock(given, out, halves=halves).eval()
    for norm in (block.bn1, block.bn2):
        norm.running_mean.normal_()
    x = torch.randn(2, given, *size)
    torch.testing.assert_close(block(x), dlib_block(block, x))


@pytest.mark.parametrize("size", [(32, 32), (32, 64), (64, 32), (64, 64)])
def test_one_small_image_is_trained_as_if_its_last_row_went_on(size: tuple[int, int]) -> None:
    encoder, image = FaceResNet(1).train(), torch.randn(1, 1, *size)
    higher = torch.cat([image, image[:, :, -1:].expand(1, 1, 96 - size[0], size[1])], dim=2)

    found, whole = encoder(image), encoder(higher)

    for features, all_of_it, stride in zip(found, whole, (2, 4, 8, 16, 32), strict=True):
        assert features.shape[2:] == (size[0] // stride, size[1] // stride)
        torch.testing.assert_close(features, all_of_it[:, :, : size[0] // stride], rtol=0, atol=0)
    found[-1].square().mean().backward()
    assert all(weight.grad is not None for weight in encoder.parameters())


@torch.inference_mode()
def test_cells_lie_where_a_u_net_expects_them() -> None:
    encoder = FaceResNet(1).eval()
    for parameter in encoder.parameters():
        if parameter.ndim == 4:
            parameter.zero_()
    encoder.conv1.weight[0, 0, 3, 3] = 1.0  # the stem passes the pixel in the middle on, all blocks their shortcut
    for row, column in [(33, 65), (41, 9)]:
        image = torch.zeros(1, 1, 96, 128)
        image[..., row, column] = 1.0
        stem, *deeper = encoder(image)
        assert stem[0, 0].nonzero().tolist() == [[(row - 1) // 2, (column - 1) // 2]]
        for stride, features in zip((4, 8, 16, 32), deeper, strict=True):
            heat = features[0, 0]
            assert heat.shape == (96 // stride, 128 // stride)
            assert heat[row // stride, column // stride] == heat.max() > 0


@pytest.mark.parametrize("size", [(32, 32), (64, 96)])
@torch.inference_mode()
def test_small_images_have_an_embedding(size: tuple[int, int]) -> None:
    encoder, head = FaceResNet(3).eval(), FaceClassifier(256, 7).eval()
    maps = encoder(torch.randn(2, 3, *size))
    assert [tuple(m.shape[1:]) for m in maps] == [
        (channels, size[0] >> i, size[1] >> i) for i, channels in enumerate((32, 32, 64, 128, 256), start=1)
    ]
    assert head.embed(maps[-1]).shape == (2, 128)
    assert head(maps[-1]).shape == (2, 7)


# dlib's file


def number(value: int) -> bytes:
    digits = value.to_bytes((value.bit_length() + 7) // 8 or 1, "little")
    return bytes([len(digits)]) + digits


def record(name: bytes, sizes: tuple[int, ...], values: torch.Tensor, between: bytes = b"") -> bytes:
    floats = values.flatten().tolist()
    head = b"".join(map(number, (2, *sizes)))
    return number(len(name)) + name + between + head + struct.pack(f"<{len(floats)}f", *floats)


def test_dlibs_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    shapes = [(4, 3, 7, 7), (300, 4, 3, 3)]
    weights, biases = [torch.randn(s) for s in shapes], [torch.randn(s[0]) for s in shapes]
    gammas, betas = [torch.randn(s[0]) for s in shapes], [torch.randn(s[0]) for s in shapes]
    embedding = torch.randn(128, 300)
    data = b"\x01\x07loss___"
    for weight, bias, gamma, beta in zip(weights, biases, gammas, betas, strict=True):
        values = torch.cat([weight.flatten(), bias])
        data += record(b"con_4", (len(values), 1, 1, 1), values) + b"\x01\x07"
        data += record(b"affine_", (2, len(gamma), 1, 1), torch.cat([gamma, beta]))
    data += record(b"fc_2", (300, 128, 1, 1), embedding.T, number(128) + number(300))
    path = tmp_path / "network.dat"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"is not dlib_face_recognition_resnet_model_v1.dat \(SHA-256"):
        face_resnet.read_dlib_network(path)
    monkeypatch.setattr(face_resnet, "SHA256", hashlib.sha256(data).hexdigest())
    found = face_resnet.read_dlib_network(path)
    for layer, *wanted in zip(found.convolutions, weights, biases, gammas, betas, strict=True):
        assert torch.equal(layer.weight.view_as(wanted[0]), wanted[0])
        assert all(torch.equal(a, b) for a, b in zip(layer[1:], wanted[1:], strict=True))
    assert torch.equal(found.embedding, embedding)
    with pytest.raises(InputError, match="cannot be read"):
        face_resnet.read_dlib_network(tmp_path / "absent.dat")


def test_every_parameter_learns() -> None:
    encoder = FaceResNet(3)
    sum(m.square().mean() for m in encoder(torch.randn(2, 3, 64, 64))).backward()
    assert [name for name, p in encoder.named_parameters() if p.grad is None] == []
    assert all(isinstance(m.bias, type(None)) for m in encoder.modules() if isinstance(m, nn.Conv2d))
