"""The conversion of dlib's network: what it computes stays, and its statistics are those of the photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from monai_ext.engines import face_conversion
from monai_ext.engines.dataset import labelled_images
from monai_ext.engines.face_conversion import PLACES, convert, similarity, write_faces
from monai_ext.images import read_frame
from monai_ext.landmarks import InputError, Landmarks
from monai_ext.landmarks.markups import write_markups
from monai_ext.networks.cross_task import SourceClassifier, read_source
from monai_ext.networks.face_resnet import Convolution, DlibNetwork
from monai_ext.studies import Studies

PEOPLE = 6


def dlib_network() -> DlibNetwork:
    torch.manual_seed(1)
    layers = []
    for module in SourceClassifier("face-resnet", 1).modules():
        if isinstance(module, nn.Conv2d):
            out = module.out_channels
            layers.append(
                Convolution(module.weight.flatten(), torch.randn(out), torch.rand(out) - 0.3, torch.randn(out) * 0.1)
            )
    return DlibNetwork(tuple(layers), torch.randn(128, 256))


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Studies:
    root = tmp_path_factory.mktemp("people")
    random = np.random.default_rng(0)
    for number in range(PEOPLE):
        path = root / f"{number}.png"
        Image.fromarray(random.integers(0, 256, (90, 120, 3), dtype=np.uint8)).save(path)
        points = np.array(list(PLACES.values())) * 80 + random.normal(0, 1, (len(PLACES), 2))
        frame = read_frame(path)
        label = root / "labels" / "final" / f"{number}.mrk.json"
        label.parent.mkdir(parents=True, exist_ok=True)
        write_markups(label, Landmarks(tuple(PLACES), points, frame))
    return Studies(root)


@pytest.fixture(scope="module")
def converted(studies: Studies) -> tuple[SourceClassifier, list[torch.Tensor]]:
    """The source and the views that its statistics were made from."""
    seen: list[torch.Tensor] = []
    calibrate = face_conversion._calibrate
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(face_conversion, "_calibrate", lambda s, v: (seen.append(v), calibrate(s, v)))
        return convert(dlib_network(), labelled_images(studies)), seen


@torch.no_grad()
def test_the_network_computes_what_dlibs_affine_layers_did(converted) -> None:
    source, _ = converted
    network, image = dlib_network(), torch.randn(1, 3, 64, 96)
    first = network.convolutions[0]
    pixels = image * 64  # less the mean; dlib divides by 256
    y = F.conv2d(F.pad(pixels / 256, (2, 3, 2, 3)), first.weight.view(32, 3, 7, 7), first.bias, stride=2)
    wanted = (first.gamma[:, None, None] * y + first.beta[:, None, None]).relu()
    torch.testing.assert_close(source.encoder(image)[0], wanted, rtol=1e-4, atol=1e-5)
    x = F.max_pool2d(F.pad(wanted, (1, 0, 1, 0)), 3, 2)
    for layer in network.convolutions[1:3]:
        y = F.conv2d(
            x if layer is network.convolutions[1] else y.relu(), layer.weight.view(32, 32, 3, 3), layer.bias, 1, 1
        )
        y = layer.gamma[:, None, None] * y + layer.beta[:, None, None]
    torch.testing.assert_close(source.encoder.layer1[0](x), (x + y).relu(), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_statistics_are_those_of_the_views(converted) -> None:
    source, (views,) = converted
    assert views.shape == (PEOPLE * face_conversion.VIEWS, 3, 128, 128)
    stem = source.encoder.conv1(F.pad(views, (2, 3, 2, 3))).double()
    norm = source.encoder.bn1
    torch.testing.assert_close(norm.running_mean.double(), stem.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(norm.running_var.double(), stem.var((0, 2, 3), unbiased=False), rtol=1e-3, atol=1e-6)


def test_a_class_stands_for_several_people(converted, tmp_path: Path) -> None:
    source, _ = converted
    assert source.num_classes == 2  # of six people, three and more each
    assert source.head.classes.weight.shape == (2, 128)
    write_faces(source, tmp_path / "faces.safetensors", PEOPLE)
    found, report = read_source(tmp_path / "faces.safetensors")
    assert (report.card.num_classes, report.card.normalization) == (2, "dlib")
    image = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(found(image).features, source(image).features, rtol=0.02, atol=0.02)
    own, single = source.encoder.bn1.running_var, found.encoder.bn1.running_var
    assert torch.equal(own, single)
    assert torch.equal(found.encoder.conv1.weight, source.encoder.conv1.weight.half().float())


def test_too_few_people_are_refused(studies: Studies) -> None:
    with pytest.raises(InputError, match="5 people are too few for groups of 3"):
        convert(dlib_network(), labelled_images(studies)[:5])


def test_a_similarity_is_found_exactly() -> None:
    points = np.array([[3.0, 1.0], [10.0, 2.0], [4.0, 9.0]])
    angle = 0.3
    turn = 1.7 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wanted = np.eye(3)
    wanted[:2, :2], wanted[:2, 2] = turn, (5.0, -2.0)
    np.testing.assert_allclose(similarity(points, points @ turn.T + (5.0, -2.0)), wanted, atol=1e-12)
