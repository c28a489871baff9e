from __future__ import annotations

from threading import Thread

import pytest
import torch
from torch.nn import functional as F

from monai_ext.landmarks import InputError
from monai_ext.networks import (
    ZIAN,
    DeconvNet,
    FeatureTap,
    Halves,
    HeatmapNet,
    LandmarkNetwork,
    ZianConfig,
    encoder_features,
)
from monai_ext.networks.backbones import build_backbone
from monai_ext.networks.hourglass import Hourglass

IMAGE = torch.rand(2, 1, 64, 96, generator=torch.Generator().manual_seed(0))


def zian(backbone: str, **options) -> ZIAN:
    return ZIAN(lambda: build_backbone(backbone, 1), 2, ZianConfig(row="1roi", roi_sizes=(32, 64), **options)).eval()


@torch.no_grad()
def test_of_an_encoder_it_is_its_last_map() -> None:
    network = HeatmapNet(1, 3, "resnet10").eval()
    deconv = DeconvNet(1, 3, "resnet18").eval()

    torch.testing.assert_close(encoder_features(network, IMAGE), network.encoder(IMAGE)[-1].mean((2, 3)))
    torch.testing.assert_close(encoder_features(deconv, IMAGE), deconv.encoder(IMAGE)[-1].mean((2, 3)))
    assert encoder_features(network, IMAGE).shape == (2, 512)


@torch.no_grad()
def test_of_a_stacked_hourglass_it_is_the_bottom_of_the_last_stack() -> None:
    network = Hourglass(1, 3, stacks=1, features=16).eval()

    image = torch.rand(2, 1, 64, 128)

    found = encoder_features(network, image)

    features, module = network.stem(image), network.stacks[0].features[0]
    for _ in range(4):
        features, module = module.down(F.max_pool2d(features, 2)), module.inner
    torch.testing.assert_close(found, module(features).mean((2, 3)))
    assert encoder_features(Hourglass(1, 3, stacks=2, features=16).eval(), IMAGE).shape == (2, 16)


@torch.no_grad()
@pytest.mark.parametrize("share", [False, True])
def test_of_a_zian_it_is_that_of_the_whole_image(share) -> None:
    network = zian("unet_small", share_backbone=share)
    image = torch.rand(2, 1, 128, 256)

    found = encoder_features(network, image)

    down, skip, _ = network.coarse_backbone.unet.model
    inner, deepest, _ = skip.submodule
    expected = deepest.submodule(inner(down(F.avg_pool2d(image, 4)))).mean((2, 3))
    torch.testing.assert_close(found, expected)
    assert found.shape == (2, 32)


@torch.no_grad()
def test_of_an_hrnet_it_is_the_coarsest_branch() -> None:
    network = zian("hrnet_w18")
    encoder = network.coarse_backbone.encoder
    image = torch.rand(1, 1, 128, 256)

    found = encoder_features(network, image)

    x = encoder.act1(encoder.bn1(encoder.conv1(F.avg_pool2d(image, 4))))
    x = encoder.layer1(encoder.act2(encoder.bn2(encoder.conv2(x))))
    branches = encoder.stage2([transition(x) for transition in encoder.transition1])
    branches = encoder.stage3([*branches, encoder.transition2[-1](branches[-1])])
    branches = [*branches, encoder.transition3[-1](branches[-1])]
    for block in encoder.stage4[:-1]:
        branches = block(branches)
    torch.testing.assert_close(found, encoder.stage4[-1].branches[3](branches[3]).mean((2, 3)))
    assert found.shape == (1, 8 * 18)


def test_halves_lie_beside_each_other() -> None:
    network = Halves(HeatmapNet(1, 1, "resnet10"), [0], [1]).eval()

    found, mirrored = encoder_features(network, IMAGE), encoder_features(network, IMAGE.flip(-1))

    assert found.shape == (2, 1024)
    torch.testing.assert_close(found, torch.cat([mirrored[:, 512:], mirrored[:, :512]], 1))
    assert not torch.allclose(found[:, :512], found[:, 512:])


def test_features_come_without_another_pass_and_the_network_is_left_as_it_was() -> None:
    network = HeatmapNet(1, 3, "resnet10").eval()

    with FeatureTap(network) as tap:
        network(IMAGE)

    torch.testing.assert_close(tap.features, encoder_features(network, IMAGE))
    assert not network.encoder._forward_hooks


def test_networks_without_an_encoder_are_refused() -> None:
    with pytest.raises(InputError, match="A LandmarkNetwork has no encoder"):
        encoder_features(LandmarkNetwork(), IMAGE)
    with (
        pytest.raises(InputError, match="run the network inside the block"),
        FeatureTap(HeatmapNet(1, 1, "resnet10")) as tap,
    ):
        _ = tap.features


@torch.no_grad()
def test_all_features_are_means_and_deviations_of_every_map_and_nothing_else_is_computed() -> None:
    network = HeatmapNet(1, 3, "resnet10").eval()
    later: list[str] = []
    network.decoder.register_forward_hook(lambda *_: later.append("decoder"))

    found = encoder_features(network, IMAGE, all_maps=True)

    assert later == []
    parts = [
        values for part in network.encoder(IMAGE) for values in (part.mean((2, 3)), part.std((2, 3), correction=0))
    ]
    assert len(parts) == 10
    torch.testing.assert_close(found, torch.cat(parts, 1))
    halves = Halves(network, [0], [1]).eval()
    left = encoder_features(network, IMAGE[..., :48], all_maps=True)
    torch.testing.assert_close(encoder_features(halves, IMAGE, all_maps=True)[:, : left.shape[1]], left)


@torch.no_grad()
def test_a_pass_of_another_thread_is_not_looked_at() -> None:
    network = HeatmapNet(1, 3, "resnet10").eval()

    with FeatureTap(network) as tap:
        other = Thread(target=network, args=(IMAGE.flip(-1),))
        other.start()
        other.join()
        with pytest.raises(InputError, match="run the network inside the block"):
            _ = tap.features
        network(IMAGE)

    torch.testing.assert_close(tap.all_features, encoder_features(network, IMAGE, all_maps=True))
