from __future__ import annotations

import copy
import logging
from typing import NamedTuple

import pytest
import torch
from torch import nn
from zian_case import backbone, config_of

from monai_ext.landmarks import InputError
from monai_ext.networks.backbones import HRNetBackbone, build_backbone
from monai_ext.networks.heatmap_net import HeatmapNet
from monai_ext.networks.inference import agreement, forward, optimize, optimize_for_inference
from monai_ext.networks.inference.agreement import disagreement
from monai_ext.networks.output import HeatmapOutput
from monai_ext.networks.zian import ZIAN


def with_random_norms(network: nn.Module) -> nn.Module:
    """As if trained: statistics, gains and offsets away from their plain initial values."""
    generator = torch.Generator().manual_seed(3)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.2, generator=generator)
    return network


def image_of(height: int = 64, width: int = 96, channels: int = 2, batch: int = 1) -> torch.Tensor:
    return torch.rand(batch, channels, height, width, generator=torch.Generator().manual_seed(7))


def number_of_norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())


def answers(network: nn.Module, *arguments: torch.Tensor):
    with torch.no_grad():
        return network(*arguments)


def heatmap_net() -> nn.Module:
    torch.manual_seed(5)
    return with_random_norms(HeatmapNet(2, 3, "resnet10", decoder_channels=(16, 16, 16, 16, 16))).eval()


@pytest.mark.parametrize("name", ["unet_small", "unet", "hrnet_w18_small", "efficientnet-b0", "resnet18"])
def test_every_kind_of_backbone_answers_alike_without_a_single_norm(name: str) -> None:
    torch.manual_seed(1)
    network = with_random_norms(HRNetBackbone(name, 2) if "hrnet" in name else build_backbone(name, 2)).eval()

    fast = optimize_for_inference(network, image_of())

    report = fast.inference_report
    assert report.folding == (number_of_norms(network), 0)
    assert report.folding.folded > 0
    assert number_of_norms(fast) == 0
    for image in (image_of(), image_of(70, 90, batch=2)):
        plain, other = answers(network, image), answers(fast, image)
        assert float((plain - other).abs().max()) < 1e-4 * float(plain.max() - plain.min())


def test_a_zian_answers_alike_in_every_stage_and_its_predictions_too() -> None:
    torch.manual_seed(1)
    network = with_random_norms(ZIAN(backbone, 2, config_of("zian", share_backbone=True, fusion_stride=2))).eval()
    image, centers = image_of(96, 128), torch.tensor([[[60.0, 40.0], [70.5, 50.0]]])

    fast = optimize_for_inference(network, (image, centers))

    assert isinstance(fast, ZIAN)
    # The shared backbone is called twice, and its norm always after the same convolution.
    assert fast.inference_report.folding.left == 0
    plain, other = answers(network, image, centers), answers(fast, image, centers)
    for stage, same in zip(plain.stages, other.stages, strict=True):
        torch.testing.assert_close(same.heatmaps, stage.heatmaps, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(fast.predict(image).points, network.predict(image).points, atol=1e-2, rtol=0)


def test_the_network_itself_is_untouched_and_goes_on_training() -> None:
    network = heatmap_net().train()
    network.encoder.bn1.eval()
    modes = {name: module.training for name, module in network.named_modules()}
    state = copy.deepcopy(network.state_dict())

    fast = optimize_for_inference(network, image_of(), autocast=torch.bfloat16)

    assert {name: module.training for name, module in network.named_modules()} == modes
    assert state.keys() == network.state_dict().keys()
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
    assert not fast.training
    network(image_of(batch=2)).heatmaps.sum().backward()
    assert all(p.grad is not None for p in network.decoder.parameters())


def test_inputs_of_other_sizes_and_batches_still_work() -> None:
    network = heatmap_net()
    fast = optimize_for_inference(network, image_of())

    for image in (image_of(33, 50), image_of(128, 40, batch=3)):
        torch.testing.assert_close(answers(fast, image).heatmaps, answers(network, image).heatmaps)
        torch.testing.assert_close(answers(fast, image).presence, answers(network, image).presence)


def test_reduced_precision_is_used_and_weights_are_cast_once(monkeypatch) -> None:
    network, image = heatmap_net(), image_of()
    monkeypatch.setattr(agreement, "PEAK_CELLS", 100.0)  # an untrained network's peaks are chance

    fast = optimize_for_inference(network, image, autocast=torch.bfloat16, tolerance=0.2)

    assert fast.inference_report.precision == "bfloat16"
    assert answers(fast, image).heatmaps.dtype == torch.bfloat16
    assert {p.dtype for m in fast.modules() if isinstance(m, nn.Conv2d) for p in m.parameters()} == {torch.bfloat16}
    with torch.autocast("cpu", torch.bfloat16):
        under_autocast = answers(optimize_for_inference(network, image), image).heatmaps
    rounding = 0.02 * float(under_autocast.max() - under_autocast.min())
    torch.testing.assert_close(answers(fast, image).heatmaps, under_autocast, atol=rounding, rtol=0)


def test_heads_that_compute_in_float32_keep_their_weights(monkeypatch) -> None:
    monkeypatch.setattr(agreement, "PEAK_CELLS", 100.0)
    torch.manual_seed(1)
    network = with_random_norms(ZIAN(backbone, 1, config_of("zian"))).eval()
    arguments = (image_of(96, 128), torch.tensor([[[60.0, 40.0]]]))

    fast = optimize_for_inference(network, arguments, autocast=torch.bfloat16, tolerance=0.5)

    for head in (fast.coarse_head, *fast.roi_heads, fast.fine_head.heatmaps):
        assert head.conv.weight.dtype == torch.float32
    assert fast.fine_head.layers[0].weight.dtype == torch.bfloat16
    assert fast.fusion.squeeze.key.weight.dtype == torch.float32
    assert answers(fast, *arguments).fine.dtype == torch.float32


@pytest.mark.parametrize(("share", "kept"), [(0.5, "bfloat16"), (0.95, "float32")])
def test_reduced_precision_is_left_out_where_it_gains_little(monkeypatch, share: float, kept: str) -> None:
    monkeypatch.setattr(agreement, "PEAK_CELLS", 100.0)
    monkeypatch.setattr(optimize._Optimization, "milliseconds", lambda self, *passes: [100 * share, 100.0])

    fast = optimize_for_inference(heatmap_net(), image_of(), autocast="auto", tolerance=0.2)

    assert fast.inference_report.precision == kept
    assert bool(fast.inference_report.notes) == (kept == "float32")


def test_reduced_precision_that_disagrees_is_left_out_or_refused(caplog) -> None:
    network = heatmap_net()

    fast = optimize_for_inference(network, image_of(), autocast="auto", tolerance=1e-5)

    assert fast.inference_report.precision == "float32"
    assert "bfloat16 left out, as" in caplog.text
    with pytest.raises(InputError, match=r"by bfloat16: .*; leave bfloat16 out\."):
        optimize_for_inference(network, image_of(), autocast=torch.bfloat16, tolerance=1e-5)


def test_a_fold_that_changes_the_answer_is_refused(monkeypatch) -> None:
    fold = optimize.fold_batch_norms

    def sabotaged(network: nn.Module, arguments):
        folding = fold(network, arguments)
        network.heatmap_head.weight.data[1] *= 1.01
        return folding

    monkeypatch.setattr(optimize, "fold_batch_norms", sabotaged)

    with pytest.raises(
        InputError, match=r"with its batch normalisations folded, values of the heatmap heatmaps differ by .* %"
    ):
        optimize_for_inference(heatmap_net(), image_of())


def test_a_recorded_pass_serves_the_examples_shape_and_others_take_the_ordinary_path(caplog) -> None:
    caplog.set_level(logging.INFO)
    static = forward.StaticForward(lambda x: "fast", lambda x, y=None: "general", (image_of(),))

    assert static(image_of()) == "fast"
    assert static(image_of().double()) == static(image_of(32)) == static(image_of(32)) == "general"
    assert static(image_of(), torch.zeros(1)) == static(image_of(), y=None) == static(image_of(), None) == "general"
    assert caplog.text.count("(1, 2, 32, 96)") == 1


def test_a_compiled_pass_is_used_for_the_examples_shape_alone(monkeypatch) -> None:
    compiled = []

    def fake(function, **options):
        def run(*arguments):
            compiled.append(arguments[0].shape)
            return function(*arguments)

        return run

    monkeypatch.setattr(torch, "compile", fake)
    network = heatmap_net()
    fast = optimize_for_inference(network, image_of(), compile=True)
    compiled.clear()

    same, other = answers(fast, image_of()), answers(fast, image_of(33, 50))

    assert fast.inference_report.graph == "compiled"
    assert compiled == [image_of().shape]
    torch.testing.assert_close(same, answers(network, image_of()))
    torch.testing.assert_close(other, answers(network, image_of(33, 50)))


def test_a_compiled_pass_that_answers_otherwise_is_refused(monkeypatch) -> None:
    def fake(function, **options):
        return lambda *arguments: HeatmapOutput(function(*arguments).heatmaps.flip(3), function(*arguments).presence)

    monkeypatch.setattr(torch, "compile", fake)

    with pytest.raises(InputError, match=r"by torch.compile: a peak of the heatmap heatmaps moves by"):
        optimize_for_inference(heatmap_net(), image_of(), compile=True)


def test_no_graph_is_tried_on_a_processor() -> None:
    assert optimize_for_inference(heatmap_net(), image_of(), compile="auto").inference_report.graph == "eager"


class Measured(NamedTuple):
    values: torch.Tensor
    parts: tuple[dict[str, torch.Tensor], ...]


def test_answers_are_compared_by_peak_and_by_value() -> None:
    maps = torch.zeros(2, 3, 20, 30)
    maps[:, :, 7, 11], maps[:, :, 7, 12], maps[:, :, 7, 13] = 1.0, 0.999, 0.998
    presence = torch.zeros(2, 3)
    plain = HeatmapOutput(maps, presence)

    def moved(columns: int) -> HeatmapOutput:
        other = maps.clone()
        other[1, 2, 7, 11 + columns] = 1.001
        return HeatmapOutput(other, presence)

    assert disagreement(plain, HeatmapOutput(maps + 0.01, presence), 0.0101) is None
    assert disagreement(plain, HeatmapOutput(maps + 0.01, presence), 0.0099) == (
        "values of the heatmap heatmaps differ by 1 % of their range"
    )
    assert disagreement(plain, moved(1), 0.01) is None
    assert disagreement(plain, moved(2), 0.01) == "a peak of the heatmap heatmaps moves by 2 cells"
    assert disagreement(plain, HeatmapOutput(maps, presence + 1), 0.1) == (
        "values of the presence differ by 23.1 % of their range"
    )
    for broken in (maps + torch.nan, maps.log()):
        assert disagreement(plain, HeatmapOutput(broken, presence), 0.1) == "the heatmap heatmaps are not finite"
    assert disagreement(plain, HeatmapOutput(maps[:1], presence), 0.1).startswith("the heatmap heatmaps are (1, 3, 20")
    stacked = [HeatmapOutput(maps, presence, 1, (stack,)) for stack in (maps, moved(2).heatmaps)]
    assert disagreement(*stacked, 0.01) is None
    assert disagreement(*stacked, 0.001).startswith("values of the stack heatmaps differ by 0.3 %")
    other = Measured(maps[0], ({"a": presence + 3},))
    assert disagreement(Measured(maps[0], ({"a": presence},)), other, 0.1).startswith("values of the output differ")
    assert disagreement(other, other, 1e-9) is None


def test_what_is_no_example_is_refused() -> None:
    with pytest.raises(InputError, match="one or more tensors, not str"):
        optimize_for_inference(heatmap_net(), ["image.png"])
    with pytest.raises(InputError, match="one or more tensors, not nothing"):
        optimize_for_inference(heatmap_net(), ())
    with pytest.raises(InputError, match="on cpu and the example on meta"):
        optimize_for_inference(heatmap_net(), image_of().to("meta"))
