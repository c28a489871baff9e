"""The contract that all networks share: sizes, padding, learning, presence and refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_ext.landmarks import InputError, Protocol
from monai_ext.networks import LandmarkNetwork, build_network

#: Options of a small network of each kind, its pixels per cell, and the multiple that sides are padded to.
KINDS = {
    "heatmap_net": ({"backbone": "resnet10", "decoder_channels": [8, 8, 8, 8, 8]}, 1, 32),
    "efficientnet": ({"backbone": "efficientnet-b0", "decoder_channels": 8, "stride": 2}, 2, 32),
    "deconv_net": ({"name": "deconv_net", "encoder": "resnet10", "presence": True}, 4, 32),
    "hourglass": ({"name": "hourglass", "stacks": 2, "features": 8, "presence": True}, 4, 64),
    "zian": ({"name": "zian", "backbone": "unet_small", "roi_sizes": [32, 64]}, 4, None),
}


def network_of(kind: str, landmarks: int = 3) -> LandmarkNetwork:
    torch.manual_seed(0)
    marks = [{"name": f"p{i}", "description": "a point"} for i in range(landmarks)]
    task = {"name": "task", "title": "Task", "channels": "grey", "landmarks": marks, "network": KINDS[kind][0]}
    return build_network(Protocol.model_validate(task))


@pytest.mark.parametrize("size", [(64, 96), (70, 50), (17, 5), (1, 1)])
@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_a_cell_for_every_few_pixels_of_an_image_of_any_size(kind: str, size: tuple[int, int]) -> None:
    stride = KINDS[kind][1]

    output = network_of(kind).eval()(torch.randn(2, 1, *size))

    first = output.stages[0]
    assert first.heatmaps.shape == (2, 3, -(-size[0] // stride), -(-size[1] // stride))
    assert first.frame.to_image(torch.zeros(2, 3, 2)).eq(stride / 2 - 0.5).all()  # the centre of its pixels
    assert output.presence.shape == (2, 3)


@pytest.mark.parametrize("kind", [kind for kind, options in KINDS.items() if options[2]])
@torch.no_grad()
def test_padding_repeats_the_last_row_and_column_and_moves_no_pixel(kind: str) -> None:
    network, multiple = network_of(kind).eval(), KINDS[kind][2]
    image = torch.randn(1, 1, 50, 70)
    padded = torch.from_numpy(np.pad(image.numpy(), ((0, 0), (0, 0), (0, -50 % multiple), (0, -70 % multiple)), "edge"))

    found, whole = network(image).stages[-1].heatmaps, network(padded).stages[-1].heatmaps

    torch.testing.assert_close(found, whole[..., : found.shape[2], : found.shape[3]], rtol=0, atol=0)


@pytest.mark.parametrize("kind", [kind for kind, options in KINDS.items() if options[2]])
def test_one_image_of_one_cell_is_trained_as_if_it_had_two(kind: str) -> None:
    side = KINDS[kind][2]
    image, network = torch.randn(1, 1, side - 2, side - 3), network_of(kind).train()
    doubled = torch.from_numpy(np.pad(image.numpy(), ((0, 0), (0, 0), (0, 2), (0, side + 3)), "edge"))

    torch.manual_seed(1)  # of what the encoder drops
    found = network(image)
    torch.manual_seed(1)
    whole = network(doubled)

    maps = found.stages[-1].heatmaps
    torch.testing.assert_close(maps, whole.stages[-1].heatmaps[..., : maps.shape[2], : maps.shape[3]], rtol=0, atol=0)
    maps.square().mean().backward()


def test_one_region_of_one_cell_is_trained() -> None:
    options = {"name": "zian", "backbone": "resnet10", "roi_sizes": [32, 64]}
    marks = [{"name": "a", "description": "a point"}]
    task = {"name": "task", "title": "Task", "channels": "grey", "landmarks": marks, "network": options}
    network = build_network(Protocol.model_validate(task)).train()  # the image is one cell of the coarse backbone
    shapes = [tuple(stage.heatmaps.shape[2:]) for stage in network(torch.randn(1, 1, 128, 128)).stages]
    assert shapes == [(32, 32), (32, 32), (32, 32), (32, 32)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_is_trained_in_one_pass_of_the_encoder(kind: str) -> None:
    network, passes = network_of(kind), []
    try:
        network.find_encoder().register_forward_hook(lambda *_: passes.append(1))
    except InputError:
        passes.append(1)  # it has none
    image, points, status = torch.randn(2, 1, 64, 64), torch.full((2, 3, 2), 30.0), torch.ones(2, 3)

    output = network(image, **network.training_arguments(image, points, status))
    loss = sum(stage.heatmaps.square().mean() for stage in output.stages) + output.presence.square().mean()
    loss.backward()

    assert [name for name, p in network.named_parameters() if p.grad is None] == []
    assert len(passes) == 1


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_a_new_network_takes_every_landmark_to_be_there(kind: str) -> None:
    presence = network_of(kind).eval()(torch.rand(3, 1, 64, 64)).presence.sigmoid()
    torch.testing.assert_close(presence, torch.full((3, 3), 0.95))


@pytest.mark.parametrize("shape", [(2, 3, 64, 64), (1, 64, 64)])
@pytest.mark.parametrize("kind", KINDS)
def test_other_images_are_one_sentence(kind: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"takes images \(B, (1|C), H, W\), not \(.*\)\.$"):
        network_of(kind)(torch.zeros(shape))
