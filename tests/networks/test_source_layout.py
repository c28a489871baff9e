"""Public weights give, on pixel values, what they give in the program that they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision import models

from monai_ext.landmarks import InputError
from monai_ext.networks.cross_task import read_source
from monai_ext.networks.encoders import KERAS_EPSILON
from monai_ext.transforms import NormalizeLandmarkImage

State = dict[str, torch.Tensor]


@pytest.fixture
def saved(tmp_path: Path) -> Iterator[Callable[[State], Path]]:
    path = tmp_path / "weights.pth"

    def save(state: State) -> Path:
        torch.save(state, path)
        return path

    yield save
    path.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    """One image of values 0 to 255, (3, 64, 96)."""
    return torch.randint(0, 256, (3, 64, 96), generator=torch.Generator().manual_seed(3)).float()


def with_statistics(network: nn.Module, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0.0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.3, 0.6)
    return network.eval()


def close(found: torch.Tensor, wanted: torch.Tensor) -> None:
    scale = float(wanted.abs().max())
    assert scale > 0
    torch.testing.assert_close(found / scale, wanted / scale, rtol=0, atol=2e-5)


# VGGFace2


CAFFE_BLOCKS = {2: (3, 64), 3: (4, 128), 4: (6, 256), 5: (3, 512)}


def caffe_state(classes: int = 4) -> State:
    """Random weights with the names of the VGG group's resnet50_ft_dag.pth."""
    torch.manual_seed(4)
    state: State = {}

    def convolution(name: str, out: int, given: int, side: int) -> None:
        state[f"{name}.weight"] = torch.randn(out, given, side, side) * (2 / (given * side * side)) ** 0.5
        state[f"{name}_bn.weight"] = torch.rand(out) * 0.3 + 0.3
        state[f"{name}_bn.bias"] = torch.randn(out) * 0.1
        state[f"{name}_bn.running_mean"] = torch.randn(out) * 0.1
        state[f"{name}_bn.running_var"] = torch.rand(out) + 0.5

    convolution("conv1_7x7_s2", 64, 3, 7)
    state["conv1_7x7_s2_bn.running_var"] *= 1e4  # pixel values
    given = 64
    for stage, (blocks, width) in CAFFE_BLOCKS.items():
        for block in range(1, blocks + 1):
            name = f"conv{stage}_{block}"
            convolution(f"{name}_1x1_reduce", width, given, 1)
            convolution(f"{name}_3x3", width, width, 3)
            convolution(f"{name}_1x1_increase", 4 * width, width, 1)
            if block == 1:
                convolution(f"{name}_1x1_proj", 4 * width, given, 1)
            given = 4 * width
    state["classifier.weight"] = torch.randn(classes, 2048, 1, 1) * 0.02
    state["classifier.bias"] = torch.randn(classes)
    return state


def caffe_forward(state: State, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Map and logits as the model's definition has them: stride in the 1 x 1 reduction, pooling beyond the border."""

    def layer(name: str, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        weight = state[f"{name}.weight"]
        x = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        norm = [state[f"{name}_bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *norm, eps=1e-5)

    x = F.max_pool2d(layer("conv1_7x7_s2", image, 2).relu(), 3, stride=2, padding=0, ceil_mode=True)
    for stage, (blocks, _) in CAFFE_BLOCKS.items():
        for block in range(1, blocks + 1):
            name, stride = f"conv{stage}_{block}", 2 if block == 1 and stage > 2 else 1
            y = layer(f"{name}_1x1_reduce", x, stride).relu()
            y = layer(f"{name}_1x1_increase", layer(f"{name}_3x3", y).relu())
            x = (y + (layer(f"{name}_1x1_proj", x, stride) if block == 1 else x)).relu()
    logits = F.conv2d(x.mean((2, 3), keepdim=True), state["classifier.weight"], state["classifier.bias"])
    return x, logits[..., 0, 0]


def test_vggface2_with_its_own_names(saved: Callable[[State], Path], pixels: torch.Tensor) -> None:
    state = caffe_state()
    source, report = read_source(saved(state), "vggface2")
    mean = torch.tensor([131.0912, 103.8827, 91.4953])[:, None, None]  # red, green, blue
    features, logits = caffe_forward(state, (pixels - mean)[None])
    output = source(NormalizeLandmarkImage("vggface2")(pixels)[None])
    close(output.features, features)
    close(output.logits, logits)
    assert torch.equal(source.encoder.conv1.weight / 64, state["conv1_7x7_s2.weight"])  # a power of two: exact
    assert report.names == "caffe"
    assert (source.architecture, source.num_classes, source.normalization) == ("resnet50_caffe", 4, "vggface2")
    assert report.missing
    assert all(name.endswith("num_batches_tracked") for name in report.missing)


def test_vggface2_with_torchvisions_names_takes_blue_first(
    saved: Callable[[State], Path], pixels: torch.Tensor
) -> None:
    caffe = caffe_state()
    part = {"1x1_reduce": "1", "3x3": "2", "1x1_increase": "3"}
    state: State = {"fc.weight": caffe["classifier.weight"][..., 0, 0], "fc.bias": caffe["classifier.bias"]}
    for name, tensor in caffe.items():
        module, _, kind = name.rpartition(".")
        norm = module.endswith("_bn")
        pieces = module.removesuffix("_bn").split("_", 2)
        if pieces[0] == "conv1":
            state[f"{'bn1' if norm else 'conv1'}.{kind}"] = tensor
        elif pieces[0] != "classifier":
            block = f"layer{int(pieces[0][4:]) - 1}.{int(pieces[1]) - 1}"
            inner = part.get(pieces[2])
            new = f"downsample.{int(norm)}" if inner is None else f"{'bn' if norm else 'conv'}{inner}"
            state[f"{block}.{new}.{kind}"] = tensor
    source, report = read_source(saved(state), "vggface2")
    bgr = pixels.flip(0) - torch.tensor([91.4953, 103.8827, 131.0912])[:, None, None]
    features, logits = caffe_forward(caffe, bgr[None])
    output = source(NormalizeLandmarkImage("vggface2")(pixels)[None])
    close(output.features, features)
    close(output.logits, logits)
    assert any("red, green, blue" in change for change in report.changes)


# RadImageNet


def test_radimagenet_taken_apart_into_numbers(saved: Callable[[State], Path], pixels: torch.Tensor) -> None:
    reference = with_statistics(nn.Sequential(*list(models.resnet50().children())[:8]), 5)
    source, report = read_source(saved({f"backbone.{k}": v for k, v in reference.state_dict().items()}), "radimagenet")
    with torch.no_grad():
        features = reference((pixels[None] - 127.5) * 2 / 255)
    output = source(NormalizeLandmarkImage("radimagenet")(pixels)[None])
    close(output.features, features)
    assert output.logits is None
    assert report.names == "numbered"
    assert (report.missing, report.unexpected, report.changes) == ((), (), ())
    assert report.card.num_classes == 0


def test_radimagenet_from_keras(saved: Callable[[State], Path], pixels: torch.Tensor) -> None:
    network = models.resnet50()
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.Conv2d):
            first = name.endswith("0.conv1") and not name.startswith("layer1")
            second = name.endswith("0.conv2") and not name.startswith("layer1")
            stride = 2 if first else 1 if second else module.stride
            biased = nn.Conv2d(
                module.in_channels, module.out_channels, module.kernel_size, stride, module.padding, bias=True
            )
            nn.init.normal_(biased.bias, 0.0, 0.2)
            parent, _, child = name.rpartition(".")
            network.get_submodule(parent)._modules[child] = biased
        elif isinstance(module, nn.BatchNorm2d):
            module.eps = KERAS_EPSILON
    reference = with_statistics(nn.Sequential(*list(network.children())[:8]), 6)
    state = {k: v for k, v in network.state_dict().items() if not k.startswith("fc.")}
    source, report = read_source(saved(state), "radimagenet")
    with torch.no_grad():
        features = reference((pixels[None] - 127.5) * 2 / 255)
    close(source(NormalizeLandmarkImage("radimagenet")(pixels)[None]).features, features)
    assert source.architecture == "resnet50_keras"
    assert any("biases" in change for change in report.changes)
    with pytest.raises(InputError, match=r"tensors that it has not, first 'conv1.bias'"):
        read_source(saved(state), "imagenet")


# ImageNet


def test_imagenet_from_timm(saved: Callable[[State], Path], pixels: torch.Tensor) -> None:
    timm = pytest.importorskip("timm")
    reference = with_statistics(timm.create_model("resnet18", num_classes=9), 7)
    wrapped = {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in reference.state_dict().items()}}
    source, report = read_source(saved(wrapped), "imagenet")
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    with torch.no_grad():
        logits = reference(((pixels / 255 - mean) / deviation)[None])
    close(source(NormalizeLandmarkImage("imagenet")(pixels)[None]).logits, logits)
    assert report.names == "torchvision"
    assert report.card.model_dump()["architecture"] == "resnet18"
    assert (report.missing, report.unexpected, report.changes) == ((), (), ())


def test_a_resnet_34_is_recognised(saved: Callable[[State], Path]) -> None:
    source, _ = read_source(saved(models.resnet34(num_classes=3).state_dict()), "imagenet")
    assert (source.architecture, source.num_classes) == ("resnet34", 3)


def test_other_resnets_are_refused(saved: Callable[[State], Path]) -> None:
    with torch.device("meta"):
        names = models.resnet101().state_dict()
    state = {name: torch.empty(0) for name in names}
    state["conv1.weight"] = torch.zeros(64, 3, 7, 7)
    with pytest.raises(InputError, match="3, 4, 23, 3 blocks of 3 convolutions"):
        read_source(saved(state), "imagenet")


def test_caffes_names_are_of_vggface2_alone(saved: Callable[[State], Path]) -> None:
    with pytest.raises(InputError, match="'vggface2', not 'imagenet'"):
        read_source(saved({"conv1_7x7_s2.weight": torch.zeros(64, 3, 7, 7)}), "imagenet")
