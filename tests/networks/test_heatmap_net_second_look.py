"""The second look of a U-Net: the mean of two networks, one of which sees the local contrast."""

from __future__ import annotations

import pytest
import torch

from monai_ext.landmarks import HeatmapNetConfig, Protocol, ZoomNetConfig
from monai_ext.losses import build_training_loss
from monai_ext.networks import HeatmapNet, build_network, imagenet_weights
from monai_ext.networks.local_contrast import local_contrast


def pair(k: int = 3, stride: int = 2, presence: bool = True) -> tuple[HeatmapNet, HeatmapNet]:
    """A network with two looks, and one with the weights of its first."""
    torch.manual_seed(0)
    options = {"decoder_channels": 8, "presence": presence, "stride": stride}
    both = HeatmapNet(3, k, second_look=True, **options).eval()
    for head in (both.presence_head, both.second.presence_head) if presence else ():
        torch.nn.init.normal_(head.weight)  # which is 0 before training
    first = HeatmapNet(3, k, **options).eval()
    missing = first.load_state_dict(both.state_dict(), strict=False)
    assert not missing.missing_keys
    assert {key.partition(".")[0] for key in missing.unexpected_keys} == {"second"}
    return both, first


def image_of(height: int, width: int) -> torch.Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    ("k", "stride", "size", "presence"), [(1, 1, (50, 70), True), (3, 2, (71, 50), False), (19, 4, (64, 33), True)]
)
def test_heatmaps_and_presence_are_the_mean_of_both(k: int, stride: int, size: tuple[int, int], presence: bool) -> None:
    both, first = pair(k, stride, presence)
    image = image_of(*size)
    with torch.no_grad():
        answer, alone, second = both(image), first(image), both.second(local_contrast(image))
    assert answer.heatmaps.shape == (2, k, -(-size[0] // stride), -(-size[1] // stride))
    torch.testing.assert_close(answer.heatmaps, (alone.heatmaps + second.heatmaps) / 2)
    if presence:
        assert answer.presence.shape == (2, k)
        assert (alone.presence - second.presence).abs().min() > 1e-3
        torch.testing.assert_close(answer.presence, (alone.presence + second.presence) / 2)
    else:
        assert answer.presence is alone.presence is second.presence is None
    assert [(stage.name, stage.frame.scale) for stage in answer.stages] == [("heatmap", float(stride))]


def test_in_training_each_look_learns_its_heatmaps_alone() -> None:
    torch.manual_seed(1)
    protocol = protocol_of(second_look=True)
    network = build_network(protocol).train()
    points, status = torch.tensor([[[20.0, 30.0], [60.0, 40.0]]]).expand(2, 2, 2), torch.tensor([[1, 1], [1, 2]])
    output = network(image_of(64, 96))
    assert [stage.name for stage in output.stages] == ["stack", "heatmap"]
    loss = build_training_loss(protocol)
    first, second = (
        loss.heatmap(stage.heatmaps, stage.frame.from_image(points), status) for stage in reversed(output.stages)
    )
    heads = [network.heatmap_head.weight, network.second.heatmap_head.weight]
    of_first = torch.autograd.grad(first, heads, allow_unused=True, retain_graph=True)
    of_second = torch.autograd.grad(second, heads, allow_unused=True, retain_graph=True)
    assert of_first[1] is None
    assert of_second[0] is None
    whole = torch.autograd.grad(loss(output, points, status), heads)
    for together, alone in zip(whole, (of_first[0], of_second[1]), strict=True):
        torch.testing.assert_close(together, alone)


def test_both_encoders_begin_with_the_known_weights() -> None:
    network = build_network(protocol_of(second_look=True))
    known = imagenet_weights("efficientnet-lite0")
    first, second = network.encoder, network.second.encoder
    assert not torch.equal(next(first.parameters()), next(second.parameters()))
    network.take_encoder("efficientnet-lite0", known)
    stem = known.state["conv_stem.weight"]
    for encoder in (first, second):
        assert torch.equal(next(encoder.parameters()), stem)
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name


def test_a_network_without_it_has_the_parts_that_it_had() -> None:
    network = build_network(protocol_of())
    assert network.second is None
    assert {name.partition(".")[0] for name in network.state_dict()} == {
        "encoder",
        "decoder",
        "heatmap_head",
        "presence_head",
    }


def test_a_network_that_zooms_refuses_it() -> None:
    assert HeatmapNetConfig(second_look=True).second_look
    with pytest.raises(ValueError, match="second_look"):
        ZoomNetConfig(second_look=True)


def protocol_of(**network: object) -> Protocol:
    return Protocol.model_validate(
        {
            "name": "spots",
            "title": "Spots",
            "channels": "rgb",
            "landmarks": [{"name": name, "description": "One."} for name in ("a", "b")],
            "network": {
                "name": "heatmap_net",
                "backbone": "efficientnet-lite0",
                "input_size": {"width": 96, "height": 64},
                **network,
            },
        }
    )
