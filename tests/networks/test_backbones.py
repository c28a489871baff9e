"""Backbones: size, alignment and size of the published network, and weights from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from monai_ext.landmarks import InputError
from monai_ext.networks import Backbone
from monai_ext.networks.backbones import (
    BACKBONES,
    HRNetBackbone,
    UNetBackbone,
    UNetOnEncoder,
    backbone_names,
    build_backbone,
)
from monai_ext.networks.pretrained import LoadReport, Weights, load_backbone_weights, read_state_dict

State = dict[str, torch.Tensor]


def small_hrnet(in_channels: int = 3, name: str = "hrnet_w18_small") -> HRNetBackbone:
    return HRNetBackbone(name, in_channels)


def load(backbone: Backbone, path: Path) -> LoadReport:
    return load_backbone_weights(backbone, Weights(read_state_dict(path), f"The weights {path}"))


def classifier_state(backbone: Backbone, *heads: str) -> State:
    """The encoder's tensors with those that a classifier has besides."""
    assert backbone.encoder is not None
    return {**backbone.encoder.state_dict(), **{name: torch.ones(2) for name in heads}}


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[object], Path]:
    def save(content: object) -> Path:
        path = tmp_path / "weights.pth"
        torch.save(content, path)
        return path

    return save


# The contract


def test_names() -> None:
    assert list(BACKBONES) == ["hrnet_w18", "hrnet_w32", "hrnet_w48", "unet", "unet_small"]
    expected = {*BACKBONES, "efficientnet-lite0", "efficientnet-b0", "resnet10", "resnet18", "resnet34", "resnet50"}
    assert expected <= set(backbone_names())


@pytest.mark.parametrize(
    ("name", "in_channels"),
    [
        *(("hrnet_w18", 3), ("efficientnet-b0", 3), ("efficientnet-lite0", 1), ("resnet18", 1), ("resnet50", 3)),
        *(("unet", 1), ("unet_small", 1), ("unet_small", 3)),
    ],
)
@torch.inference_mode()
def test_features_at_the_resolution_of_any_image(name: str, in_channels: int) -> None:
    backbone = build_backbone(name, in_channels).eval()
    assert backbone.out_channels == 16
    for height, width in [(70, 50), (32, 64), (5, 33)]:
        image = torch.randn(2, in_channels, height, width)
        features = backbone(image)
        assert features.shape == (2, 16, height, width)
        edges = ((0, 0), (0, 0), (0, -height % backbone.multiple), (0, -width % backbone.multiple))
        padded = torch.from_numpy(np.pad(image.numpy(), edges, mode="edge"))
        assert torch.equal(backbone(padded)[..., :height, :width], features)


@torch.inference_mode()
def test_a_moved_image_moves_its_features() -> None:
    backbone = build_backbone("unet_small", 1).eval()
    image = torch.zeros(1, 1, 90, 120)
    image[..., 40, 50] = 1.0
    change = (backbone(image) - backbone(torch.zeros_like(image))).abs().sum(1)[0]
    moved = torch.zeros_like(image)
    moved[..., 48, 46] = 1.0
    other = (backbone(moved) - backbone(torch.zeros_like(image))).abs().sum(1)[0]
    torch.testing.assert_close(other[18:88, 6:106], change[10:80, 10:110], rtol=1e-4, atol=1e-5)
    rows, columns = torch.nonzero(change > 1e-4, as_tuple=True)
    assert rows.min() <= 40 <= rows.max()
    assert columns.min() <= 50 <= columns.max()


@torch.inference_mode()
def test_hrnet_cells_spread_over_their_own_pixels() -> None:
    class KnownCells(nn.Module):
        def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
            assert image.shape[2:] == (32, 64)
            return [cells]

    backbone = small_hrnet(in_channels=1)
    cells = torch.randn(1, 16, 8, 16)
    backbone.encoder = KnownCells()  # type: ignore[assignment]
    features = backbone(torch.zeros(1, 1, 30, 41)).numpy()
    weight = backbone.adapter.weight.numpy()[:, :, 0, 0]
    bias = backbone.adapter.bias.numpy()
    expected = np.zeros((1, 16, 30, 41), np.float32)
    for c, y, x in np.ndindex(16, 30, 41):
        row = c * 16 + (y % 4) * 4 + x % 4
        expected[0, c, y, x] = weight[row] @ cells.numpy()[0, :, y // 4, x // 4] + bias[row]
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5)


def test_parameters_of_the_published_coarse_network() -> None:
    with torch.device("meta"):
        backbone = build_backbone("hrnet_w32", 3)
        head = nn.Conv2d(backbone.out_channels, 1, kernel_size=1)
    count = [sum(p.numel() for p in part.parameters()) for part in (backbone.encoder, backbone.adapter, head)]
    assert count == [28_535_552, 32 * 256 + 256, 16 + 1]
    assert sum(count) == 28_544_017
    assert sum(p.numel() for p in backbone.parameters()) == 28_544_000


@pytest.mark.parametrize(
    "name", ["hrnet_w18", "efficientnet-b0", "efficientnet-lite0", "resnet18", "resnet50", "unet", "unet_small"]
)
def test_every_parameter_is_trained(name: str) -> None:
    torch.manual_seed(0)
    backbone = build_backbone(name, 1)
    backbone(torch.randn(2, 1, 64, 64)).square().mean().backward()
    assert [name for name, p in backbone.named_parameters() if p.grad is None] == []


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        InputError, match=r"'vgg': use one of hrnet_w18, .*efficientnet-lite0, .*resnet50, .*or a model of timm"
    ):
        build_backbone("vgg", 3)


def test_other_images_and_widths_are_refused() -> None:
    with pytest.raises(InputError, match=r"unet_small takes images \(B, 1, H, W\), not \(1, 3, 8, 8\)"):
        build_backbone("unet_small", 1)(torch.zeros(1, 3, 8, 8))
    with pytest.raises(InputError, match=r"two positive widths, not \[8\]"):
        UNetBackbone("mine", 1, channels=[8])
    with pytest.raises(InputError, match="at least one image channel, not 0"):
        build_backbone("unet_small", 0)


# Weights


@torch.inference_mode()
def test_hrnet_takes_the_classifier_of_timm(saved: Callable[[object], Path]) -> None:
    state = timm.create_model("hrnet_w18_small").state_dict()
    backbone = small_hrnet()
    load(backbone, saved({"epoch": 3, "state_dict": {f"module.{k}": state[k] for k in state}}))
    assert all(torch.equal(tensor, state[name]) for name, tensor in backbone.encoder.state_dict().items())
    report = load(backbone, saved(state))
    assert (report.part, report.missing, report.summed) == ("encoder", (), False)
    heads = {name.split(".")[0] for name in report.unexpected if not name.startswith(backbone.left_out)}
    assert heads == {"incre_modules", "downsamp_modules", "final_layer", "classifier"}
    assert len(report.unexpected) + len(backbone.encoder.state_dict()) == len(state)


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "tf_efficientnet_lite0"])
@torch.inference_mode()
def test_encoder_gives_the_features_of_timm(name: str, saved: Callable[[object], Path]) -> None:
    reference = timm.create_model(name).eval()
    for key, buffer in reference.named_buffers():
        if key.endswith("running_mean"):
            buffer.normal_(0.0, 0.1)
    backbone = build_backbone(name, 3).eval()
    load(backbone, saved(reference.state_dict()))
    image = torch.randn(1, 3, 64, 96)
    expected = reference.forward_intermediates(image, intermediates_only=True)
    for found, wanted in zip(backbone.encoder(image), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)


@torch.inference_mode()
def test_efficientnet_with_its_blocks_counted_through(saved: Callable[[object], Path]) -> None:
    source = build_backbone("efficientnet-b0", 3).eval()
    state = classifier_state(source, "_conv_head.weight", "_bn1.weight", "_fc.weight", "_fc.bias")
    flat = {".".join(k.split(".")[:1] + k.split(".")[2:]) if k.startswith("_blocks") else k: state[k] for k in state}
    assert "_blocks.15._bn2.bias" in flat
    target = UNetOnEncoder("efficientnet-b0", 3).eval()
    report = load(target, saved(flat))
    assert report.unexpected == ("_conv_head.weight", "_bn1.weight", "_fc.weight", "_fc.bias")
    image = torch.randn(1, 3, 64, 96)
    for found, wanted in zip(target.encoder(image), source.encoder(image), strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("make", [small_hrnet, lambda n: UNetOnEncoder("resnet18", n)])
@torch.inference_mode()
def test_grey_input_gives_what_three_equal_channels_gave(
    make: Callable[[int], Backbone], saved: Callable[[object], Path]
) -> None:
    colour, grey = make(3).double().eval(), make(1).double().eval()
    assert load(grey, saved(colour.state_dict())) == ("backbone", (), (), True)
    image = torch.randn(1, 1, 64, 96, dtype=torch.float64)
    torch.testing.assert_close(grey(image), colour(image.expand(1, 3, 64, 96)))


def test_whole_backbone_from_safetensors(tmp_path: Path) -> None:
    source, target = build_backbone("unet_small", 1), build_backbone("unet_small", 1)
    path = tmp_path / "unet.safetensors"
    save_file({f"module.{name}": tensor.contiguous() for name, tensor in source.state_dict().items()}, path)
    assert load(target, path).part == "backbone"
    assert all(torch.equal(tensor, target.state_dict()[name]) for name, tensor in source.state_dict().items())


def test_counters_may_be_missing(saved: Callable[[object], Path]) -> None:
    source = small_hrnet()
    state = {k: v for k, v in source.encoder.state_dict().items() if not k.endswith("num_batches_tracked")}
    report = load(small_hrnet(), saved(state))
    assert len(report.missing) == len(source.encoder.state_dict()) - len(state) > 0
    assert all(name.endswith("num_batches_tracked") for name in report.missing)


def test_weights_that_do_not_fit_change_nothing(saved: Callable[[object], Path]) -> None:
    other = small_hrnet(name="hrnet_w18_small_v2")
    backbone = small_hrnet()
    complete = classifier_state(backbone)
    incomplete = {name: tensor for name, tensor in complete.items() if not name.startswith("layer1.0.conv2")}
    damaged = {**complete, "stage3.0.fuse_layers.1.2.1.bias": torch.full((32,), torch.nan)}
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    for state, message in [
        (classifier_state(other), r"are not of hrnet_w18_small: they have \d+ tensors that it has not, first 'layer1"),
        (classifier_state(small_hrnet(2)), r"'conv1.weight' is \(64, 2, 3, 3\) and has to be \(64, 3, 3, 3\)"),
        (
            incomplete,
            r"they lack 1 of its \d{3} tensors, first 'layer1.0.conv2.weight'; give weights of hrnet_w18_small",
        ),
        ({**complete, "layer1.4.conv1.weight": torch.ones(1)}, "they have 1 tensors .*, first 'layer1.4.conv1.weight'"),
        (damaged, "'stage3.0.fuse_layers.1.2.1.bias' has values that are not finite"),
    ]:
        path = saved(state)
        with pytest.raises(InputError, match=message) as caught:
            load(backbone, path)
        assert str(path) in str(caught.value)
    assert all(torch.equal(tensor, before[name]) for name, tensor in backbone.state_dict().items())


def test_weights_of_a_deeper_resnet_are_refused(saved: Callable[[object], Path]) -> None:
    state = classifier_state(build_backbone("resnet34", 3))
    with pytest.raises(InputError, match=r"not of resnet18: they have .* first 'layer1.2.conv1.weight'"):
        load(build_backbone("resnet18", 3), saved(state))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.pth", None, "are missing"),
        ("weights.onnx", b"x", r"no known format: give a file \.safetensors, \.pth, \.pt"),
        ("weights.pth", b"not a checkpoint", "cannot be read"),
        ("weights.pt", b"", "cannot be read"),
        ("weights.safetensors", b"not tensors", "cannot be read"),
    ],
)
def test_unreadable_files(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_state_dict(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [[torch.ones(1)], {}, {"state_dict": {"a": 1}}, {"a": torch.ones(1), "b": 2}])
def test_files_without_a_state_dict(content: object, saved: Callable[[object], Path]) -> None:
    with pytest.raises(InputError, match="not a state dict"):
        read_state_dict(saved(content))


def test_a_file_that_would_run_code_is_refused(saved: Callable[[object], Path]) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_state_dict(saved({"weight": SimpleNamespace()}))
