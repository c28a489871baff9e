"""The source classifier: what it computes, and that nothing changes it."""

from __future__ import annotations

import pytest
import timm
import torch
from cross_task_case import ARCHITECTURES, fingerprint, source
from torch import nn
from torchvision import models

from monai_ext.landmarks import InputError
from monai_ext.networks.cross_task import SourceClassifier
from monai_ext.networks.encoders import build_encoder


def named_as_in_files(network: SourceClassifier) -> dict[str, torch.Tensor]:
    return {k.removeprefix("encoder.").removeprefix("head."): v for k, v in network.state_dict().items()}


def test_it_is_torchvisions_classifier() -> None:
    network = source()
    reference = models.resnet18(num_classes=5).eval()
    reference.load_state_dict(named_as_in_files(network))
    image = torch.randn(2, 3, 64, 96)
    seen = {}
    reference.layer4.register_forward_hook(lambda _, __, answer: seen.update(features=answer))
    reference.avgpool.register_forward_hook(lambda _, __, answer: seen.update(pooled=answer[..., 0, 0]))
    with torch.no_grad():
        logits = reference(image)
    output = network(image)
    torch.testing.assert_close(output.features, seen["features"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(output.pooled, seen["pooled"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(output.logits, logits, rtol=1e-4, atol=1e-5)
    assert output.features.shape == (2, 512, 2, 3)


def test_it_is_timms_classifier() -> None:
    network = source(architecture="efficientnet-lite0")
    reference = timm.create_model("tf_efficientnet_lite0", num_classes=5).eval()
    reference.load_state_dict(named_as_in_files(network))
    image = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(network(image).logits, reference(image), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("size", [(64, 64), (32, 96)])
def test_pooling_adapts_to_the_size(size: tuple[int, int], architecture: str) -> None:
    output = source(architecture=architecture)(torch.randn(1, 3, *size))
    assert output.logits is not None
    assert output.logits.shape == (1, 5)
    torch.testing.assert_close(output.pooled, output.features.mean((2, 3)))


def test_it_never_trains() -> None:
    network = source()
    before = fingerprint(network)
    network.train()
    torch.nn.ModuleList([network]).train()
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())
    image = torch.randn(4, 3, 64, 64, requires_grad=True)
    output = network(image)
    assert not any(part.requires_grad for part in output if part is not None)
    assert fingerprint(network) == before


def test_without_a_classifier_there_are_no_logits() -> None:
    network = SourceClassifier("resnet18", 0)
    assert network(torch.zeros(1, 3, 32, 32)).logits is None
    assert not [name for name in network.state_dict() if name.startswith("fc")]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("resnet18", 11_176_512), ("resnet34", 21_284_672), ("resnet50", 23_508_032), ("resnet50_caffe", 23_508_032)],
)
def test_parameters_of_the_encoders(name: str, parameters: int) -> None:
    assert sum(p.numel() for p in build_encoder(name, 3).parameters()) == parameters


def test_keras_has_an_epsilon_of_its_own() -> None:
    epsilons = {
        name: {m.eps for m in build_encoder(name, 3).modules() if isinstance(m, nn.BatchNorm2d)}
        for name in ("resnet50", "resnet50_caffe", "resnet50_keras")
    }
    assert epsilons == {"resnet50": {1e-5}, "resnet50_caffe": {1e-5}, "resnet50_keras": {1.001e-5}}


def test_grey_images_have_a_first_convolution_of_their_own() -> None:
    network = SourceClassifier("resnet18", 2, in_channels=1)
    assert network(torch.zeros(1, 1, 64, 32)).features.shape == (1, 512, 2, 1)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(InputError, match=r"'resnet19'.*face-resnet.*resnet50, resnet50_caffe"):
        SourceClassifier("resnet19", 2)
    with pytest.raises(InputError, match=r"'bgr'.*image, imagenet, efficientnet-lite, radimagenet, vggface2, dlib"):
        SourceClassifier("resnet18", 2, "bgr")
    with pytest.raises(InputError, match="not -1"):
        SourceClassifier("resnet18", -1)
    with pytest.raises(InputError, match=r"\(B, 3, H, W\), not \(1, 1, 64, 64\)"):
        source()(torch.zeros(1, 1, 64, 64))
