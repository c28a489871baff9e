"""The second look of a ZIAN: what it sees, how it learns, and how both looks answer together."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from zian_case import config_of, image_of, network_of

from monai_ext.landmarks import Protocol
from monai_ext.losses import build_training_loss
from monai_ext.networks import build_network, is_finite
from monai_ext.networks.local_contrast import local_contrast
from monai_ext.networks.zian import ZIAN, peak_pixels


class Seen(nn.Module):
    """Keeps what it is given and answers with heatmaps of its own; the coarse image is 24 x 32 cells."""

    def __init__(self, heights: dict[tuple[int, int], float]) -> None:
        super().__init__()
        self.heights = heights
        self.images: list[torch.Tensor] = []

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        self.images.append(image)
        features = torch.zeros(len(image), 16, *image.shape[2:])
        for (x, y), height in self.heights.items():
            features[:, 0, y, x] = height
        return features


def two_looks(first: dict, second: dict) -> tuple[ZIAN, Seen, Seen]:
    network = ZIAN(Seen(first), 1, config_of("base", second_look=True)).eval()
    network.second_backbone = Seen(second)
    for head in (network.coarse_head, network.second_head):
        with torch.no_grad():
            head.conv.weight.copy_(torch.eye(16)[:1, :, None, None])
            head.conv.bias.zero_()
    return network, network.coarse_backbone, network.second_backbone


def test_it_sees_the_local_contrast_of_the_reduced_image() -> None:
    network, first, second = two_looks({}, {})
    image = image_of(90, 131)
    network(image)
    reduced = F.avg_pool2d(F.pad(image, (0, 1, 0, 2), mode="replicate"), 4)
    assert reduced.shape[2:] == (23, 33)
    torch.testing.assert_close(first.images[0][..., :23, :33], reduced)
    torch.testing.assert_close(second.images[0][..., :23, :33], local_contrast(reduced))
    assert second.images[0].shape == first.images[0].shape == (2, 2, 32, 64)


def test_a_place_that_one_look_rules_out_is_no_peak() -> None:
    network, _, _ = two_looks({(3, 4): 9.0, (20, 10): 8.0}, {(3, 4): -30.0, (20, 10): 7.0})
    with torch.no_grad():
        answer = network(image_of())
    assert answer.second is None
    assert [stage.name for stage in answer.stages] == ["coarse"]
    assert peak_pixels(answer.coarse).tolist() == [[[20.0, 10.0]]] * 2
    assert float(answer.coarse[0, 0, 10, 20]) == pytest.approx(7.5)


def test_in_training_each_look_learns_by_itself() -> None:
    protocol = protocol_of(second_look=True)
    torch.manual_seed(1)
    network = build_network(protocol).train()
    image = torch.randn(2, 1, 64, 96, generator=torch.Generator().manual_seed(5))
    points, status = torch.tensor([[[20.0, 30.0], [60.0, 40.0]]]).expand(2, 2, 2), torch.tensor([[1, 1], [1, 2]])
    loss = build_training_loss(protocol)
    output = network(image, points)
    assert bool(is_finite(output))
    assert [stage.name for stage in output.stages] == ["coarse", "coarse", "roi", "roi", "fine"]
    first, second = (loss.heatmap(s.heatmaps, s.frame.from_image(points), status) for s in output.stages[:2])
    alone = torch.autograd.grad(2.0 * second, [network.second_head.conv.weight], retain_graph=True)
    others = list(network.second_backbone.parameters())
    of_first = torch.autograd.grad(first, others, allow_unused=True, retain_graph=True)
    assert all(gradient is None for gradient in of_first)
    whole = torch.autograd.grad(loss(output, points, status), [network.second_head.conv.weight])
    torch.testing.assert_close(alone, whole)  # the coarse weight of this protocol is 2


def protocol_of(**network: object) -> Protocol:
    return Protocol.model_validate(
        {
            "name": "spots",
            "title": "Spots",
            "channels": "grey",
            "landmarks": [{"name": name, "description": "One."} for name in ("a", "b")],
            "network": {
                "name": "zian",
                "backbone": "unet_small",
                "input_size": {"width": 96, "height": 64},
                "roi_sizes": [32, 64],
                "share_backbone": True,
                "coarse_weight": 2.0,
                **network,
            },
        }
    )


def test_a_protocol_asks_for_it() -> None:
    network = build_network(protocol_of(second_look=True))
    first, second = (next(part.parameters()) for part in (network.coarse_backbone, network.second_backbone))
    assert not torch.equal(first, second)
    assert len(network.roi_backbones) == 0
    plain = build_network(protocol_of())
    assert plain.second_backbone is None
    assert not any(name.startswith("second") for name in network_of("zian").state_dict())


@pytest.mark.parametrize(("option", "value"), [("norm", "group"), ("spatial_prior", True)])
def test_options_that_are_gone_are_refused_and_their_other_value_is_not(option: str, value: object) -> None:
    with pytest.raises(ValueError, match=option):
        protocol_of(**{option: value})
    assert protocol_of(norm="batch", spatial_prior=False) == protocol_of()
