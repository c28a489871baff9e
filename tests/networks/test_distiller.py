"""The distiller: what source and target see, what changes in training, and copies, files and processes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from cross_task_case import ARCHITECTURES, batch, com_loss, detector, fingerprint, source
from torch import nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from monai_ext.landmarks import InputError
from monai_ext.networks import ZIAN, HeatmapNet, ZianConfig
from monai_ext.networks.backbones import UNetOnEncoder
from monai_ext.networks.cross_task import Distiller, SourceClassifier
from monai_ext.networks.network import Halves, LandmarkNetwork
from monai_ext.networks.pretrained import Weights, load_backbone_weights


def stepped(distiller: Distiller, steps: int = 2) -> set[str]:
    """Names of the network's tensors that optimiser steps under the whole loss change."""
    before = {name: tensor.clone() for name, tensor in distiller.network.state_dict().items()}
    optimizer = torch.optim.Adam(distiller.parameters(), lr=1e-3)
    loss = com_loss()
    image, points, status = batch()
    distiller.train()
    for _ in range(steps):
        optimizer.zero_grad()
        loss(distiller(image), points, status).backward()
        optimizer.step()
    after = distiller.network.state_dict()
    return {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}


def names(distiller: Distiller, part: Callable[[str], bool]) -> set[str]:
    return {name for name in distiller.network.state_dict() if part(name)}


def is_statistic(name: str) -> bool:
    return name.rpartition(".")[2] in ("running_mean", "running_var", "num_batches_tracked")


# The pass


@pytest.mark.parametrize(("architecture", "channels"), zip(ARCHITECTURES, (512, 320, 256), strict=True))
@torch.inference_mode()
def test_source_and_target_begin_equal_bit_for_bit(architecture: str, channels: int) -> None:
    of = source(architecture=architecture)
    distiller = Distiller(detector(of), of).eval()
    image, points, status = batch(size_hw=(70, 50))
    output = distiller(image)
    assert output.f_s.shape == (2, channels, 3, 2)
    assert output.f_s.std() > 0
    assert output.g_s.std() > 0
    assert torch.equal(output.f_s, output.f_t)
    assert torch.equal(output.g_s, output.g_t)
    terms = com_loss().terms(output, points, status)
    assert (float(terms.classifier), float(terms.encoder)) == (0.0, 0.0)


@torch.inference_mode()
def test_source_and_target_see_the_same_padded_image() -> None:
    of = source()
    image = torch.randn(1, 3, 40, 70)
    output = Distiller(detector(of), of).eval()(image)
    wanted = of(F.pad(image, (0, 26, 0, 24), mode="replicate"))
    assert torch.equal(output.f_s, wanted.features)
    assert torch.equal(output.g_s, wanted.logits)


@torch.inference_mode()
def test_the_networks_own_answer_is_passed_through() -> None:
    of = source()
    network = detector(of).eval()
    image = torch.randn(2, 3, 64, 96)
    output, plain = Distiller(network, of)(image), network(image)
    assert torch.equal(output.output.heatmaps, plain.heatmaps)
    assert torch.equal(output.stages[-1].heatmaps, plain.heatmaps)
    assert output.stages[-1].frame.scale == 4
    assert output.presence is None


def test_only_the_target_has_a_gradient() -> None:
    of = source()
    output = Distiller(detector(of), of)(batch()[0])
    assert not output.f_s.requires_grad
    assert not output.g_s.requires_grad
    assert output.f_t.requires_grad
    assert output.g_t.requires_grad


@torch.inference_mode()
def test_without_a_source_there_is_nothing_to_compare() -> None:
    distiller = Distiller(detector(source()))
    output = distiller(batch()[0])
    assert output[1:] == (None, None, None, None)
    assert output.stages[-1].heatmaps.shape == (2, 3, 16, 16)
    assert distiller.classifier is None


@torch.inference_mode()
def test_a_source_without_classifier_gives_features_alone() -> None:
    of = SourceClassifier("resnet18", 0)
    output = Distiller(detector(of), of)(batch()[0])
    assert output.f_t is not None
    assert (output.g_s, output.g_t) == (None, None)


# What changes in training


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_source_never_changes_and_gets_no_gradient(architecture: str) -> None:
    of = source(architecture=architecture)
    before = fingerprint(of)
    distiller = Distiller(detector(of), of)
    classifier = fingerprint(distiller.classifier)
    assert stepped(distiller, steps=3)
    assert fingerprint(of) == before
    assert all(parameter.grad is None for parameter in of.parameters())
    assert not any(module.training for module in of.modules())
    assert not any(module.training for module in distiller.classifier.modules())
    assert fingerprint(distiller.classifier) == classifier
    assert all(parameter.grad is None for parameter in distiller.classifier.parameters())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_ft_changes_every_tensor(architecture: str) -> None:
    of = source(architecture=architecture)
    distiller = Distiller(detector(of), of)
    assert stepped(distiller) == names(distiller, lambda name: True)


@pytest.mark.parametrize(
    ("architecture", "block"),
    [("resnet18", "layer4."), ("efficientnet-lite0", "blocks.6."), ("efficientnet-b0", "_blocks.6."),
     ("face-resnet", "layer4.")],
)  # fmt: skip
def test_ftp_changes_the_last_block_and_the_decoder(architecture: str, block: str) -> None:
    of = source(architecture=architecture)
    distiller = Distiller(detector(of), of, trainable="last_block")
    learning = f"encoder.{block}"
    assert stepped(distiller) == names(distiller, lambda n: n.startswith(learning) or not n.startswith("encoder."))


def test_fe_changes_the_decoder_alone() -> None:
    distiller = Distiller(detector(source()), source(), trainable="none")
    assert stepped(distiller) == names(distiller, lambda name: not name.startswith("encoder."))
    assert distiller.encoder_parameters() == []


def test_freeze_bn_keeps_the_encoders_statistics_alone() -> None:
    of = source()
    distiller = Distiller(detector(of), of, freeze_bn=True)
    kept = names(distiller, lambda name: name.startswith("encoder.") and is_statistic(name))
    assert len(kept) == 60
    assert stepped(distiller) == names(distiller, lambda name: True) - kept


def test_freeze_bn_holds_in_the_last_block_too() -> None:
    distiller = Distiller(detector(source()), source(), trainable="last_block", freeze_bn=True)
    changed = stepped(distiller)
    assert "encoder.layer4.1.bn2.weight" in changed
    assert not {name for name in changed if name.startswith("encoder.") and is_statistic(name)}


def test_with_frozen_statistics_training_begins_at_the_source() -> None:
    of = source()
    image, points, status = batch()
    held, loose = (Distiller(detector(of), of, freeze_bn=freeze).train() for freeze in (True, False))
    assert float(com_loss().terms(held(image), points, status).encoder.detach()) == 0.0
    assert float(com_loss().terms(loose(image), points, status).encoder.detach()) > 0.1


def test_the_classifier_learns_where_asked() -> None:
    of = source()
    distiller = Distiller(detector(of), of, train_classifier=True)
    before = fingerprint(of), fingerprint(distiller.classifier)
    stepped(distiller)
    assert fingerprint(of) == before[0]
    assert fingerprint(distiller.classifier) != before[1]


def test_evaluation_and_training_alternate() -> None:
    of = source()
    distiller = Distiller(detector(of), of, trainable="last_block")
    distiller.eval()
    assert not any(module.training for module in distiller.modules())
    distiller.train()
    assert distiller.network.decoder.training
    assert distiller.encoder.layer4[0].bn1.training
    assert not distiller.encoder.layer3[0].bn1.training
    assert not distiller.encoder.bn1.training


# Copies, files, processes


def test_a_copy_is_whole_and_apart() -> None:
    of = source()
    distiller = Distiller(detector(of), of, freeze_bn=True)
    distiller(batch()[0])
    twin = copy.deepcopy(distiller)
    with torch.no_grad():
        first = twin.eval()(batch()[0])
    stepped(distiller)
    with torch.no_grad():
        again = twin(batch()[0])
    assert torch.equal(first.f_t, again.f_t)
    assert torch.equal(first.output.heatmaps, again.output.heatmaps)
    alone = copy.deepcopy(distiller.network)
    assert not any(isinstance(module, SourceClassifier) for module in alone.modules())
    assert not any(module._forward_hooks for module in distiller.modules())


@torch.inference_mode()
def test_a_checkpoint_brings_everything_back() -> None:
    of, other = source(0), source(9)
    distiller = Distiller(detector(of), of).eval()
    fresh = Distiller(detector(other, seed=8), other).eval()
    fresh.load_state_dict(distiller.state_dict())
    image = batch()[0]
    found, wanted = fresh(image), distiller(image)
    assert all(torch.equal(a, b) for a, b in zip(found[1:], wanted[1:], strict=True))
    assert torch.equal(found.output.heatmaps, wanted.output.heatmaps)


def test_what_is_published_has_no_source_in_it() -> None:
    of = source()
    distiller = Distiller(detector(of), of)
    assert distiller.network.state_dict().keys() == detector(of).state_dict().keys()


@pytest.mark.parametrize("trainable", ["all", "last_block", "none"])
def test_in_several_processes_no_parameter_is_unused(trainable: str, tmp_path: Path) -> None:
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        of = source()
        network = DistributedDataParallel(Distiller(detector(of), of, trainable=trainable))
        loss = com_loss()
        image, points, status = batch()
        for _ in range(2):  # an unused parameter stops the second pass
            value = loss(network(image), points, status)
            value.backward()
        assert torch.isfinite(value)
        learning = [p for p in network.parameters() if p.requires_grad]
        assert all(parameter.grad is not None for parameter in learning)
    finally:
        torch.distributed.destroy_process_group()


# Other networks


def test_a_heatmap_net_is_kept_close_as_well() -> None:
    network = HeatmapNet(3, 3, "resnet18", decoder_channels=(32, 16, 16, 8, 8), presence=False)
    of = source()
    distiller = Distiller(network, of)
    before = fingerprint(of)
    changed = stepped(distiller)
    assert changed == names(distiller, lambda name: True)
    assert fingerprint(of) == before
    output = distiller(batch()[0])
    assert output.stages[-1].heatmaps.shape == (2, 3, 64, 64)
    assert output.f_t.shape == output.f_s.shape == (2, 512, 2, 2)


def test_a_zian_compares_its_first_look_at_the_whole_image() -> None:
    of = source()
    torch.manual_seed(0)
    config = ZianConfig(roi_sizes=(32, 64), share_backbone=True, presence=False)
    network = ZIAN(UNetOnEncoder("resnet18", 3), 2, config)
    load_backbone_weights(network.coarse_backbone, Weights(of.encoder.state_dict(), "The source's weights"))
    distiller = Distiller(network, of).eval()
    image, points, _ = batch(2, (256, 128))
    with torch.no_grad():
        output = distiller(image, roi_centers=points)
        wanted = of(F.avg_pool2d(image, 4)).features
    torch.testing.assert_close(output.f_s, wanted)
    torch.testing.assert_close(output.f_t, output.f_s, rtol=1e-3, atol=1e-4)
    assert output.stages[-1].name == "fine"
    distiller.train()
    output = distiller(image, roi_centers=points)
    com_loss()(output, points, torch.ones(2, 2, dtype=torch.int8)).backward()
    assert all(p.grad is not None for p in distiller.encoder_parameters())


def second_look() -> LandmarkNetwork:
    return HeatmapNet(3, 3, "resnet18", (32, 16, 16, 8, 8), presence=False, second_look=True)


def in_halves() -> LandmarkNetwork:
    return Halves(second_look(), (0, 2, 4), (1, 3, 5))


def own_roi_backbones() -> LandmarkNetwork:
    config = ZianConfig(roi_sizes=(32, 64), share_backbone=False, share_roi_backbone=False, second_look=True)
    return ZIAN(lambda: UNetOnEncoder("resnet18", 3), 3, config)


#: Where the encoders of networks with several lie.
ENCODERS = {
    second_look: ("encoder", "second.encoder"),
    in_halves: ("network.encoder", "network.second.encoder"),
    own_roi_backbones: (
        "coarse_backbone.encoder",
        "second_backbone.encoder",
        "roi_backbones.0.encoder",
        "roi_backbones.1.encoder",
    ),
}


@pytest.mark.parametrize("build", ENCODERS)
def test_the_encoders_of_a_network_are_those_that_take_weights(build: Callable[[], LandmarkNetwork]) -> None:
    torch.manual_seed(0)
    network, of = build(), source()
    assert {id(part) for part in network.find_encoders()} == {id(network.get_submodule(n)) for n in ENCODERS[build]}
    assert network.find_encoders()[0] is network.find_encoder()

    network.take_encoder("resnet18", Weights(of.encoder.state_dict(), "The source's weights"))

    for encoder in network.find_encoders():
        state = encoder.state_dict()
        assert all(torch.equal(tensor, state[name]) for name, tensor in of.encoder.state_dict().items())


@pytest.mark.parametrize("trainable", ["none", "last_block", "all"])
@pytest.mark.parametrize("build", ENCODERS)
def test_what_is_frozen_is_frozen_in_each_encoder(build: Callable[[], LandmarkNetwork], trainable: str) -> None:
    torch.manual_seed(0)
    distiller = Distiller(build(), trainable=trainable, freeze_bn=True)  # type: ignore[arg-type]
    distiller.train()

    parts = tuple(f"{path}." for path in ENCODERS[build])
    blocks = tuple(f"{path}layer4." for path in parts)
    learning = {name for name, parameter in distiller.network.named_parameters() if parameter.requires_grad}
    assert learning == {
        name
        for name, _ in distiller.network.named_parameters()
        if not name.startswith(parts) or trainable == "all" or (trainable == "last_block" and name.startswith(blocks))
    }
    norms = [name for name, part in distiller.network.named_modules() if isinstance(part, nn.BatchNorm2d)]
    held = {name for name in norms if not distiller.network.get_submodule(name).training}
    assert held == {name for name in norms if name.startswith(parts)}
    assert len(held) == 20 * len(parts)


def test_no_statistic_of_a_second_looks_encoder_changes() -> None:
    distiller = Distiller(second_look(), source(), trainable="none")
    assert stepped(distiller) == names(distiller, lambda n: not n.startswith(("encoder.", "second.encoder.")))


def test_other_features_than_the_sources_are_refused() -> None:
    network = HeatmapNet(3, 2, "efficientnet-b0")
    with pytest.raises(InputError, match=r"features \(1, 320, 2, 2\) and the source resnet18 with \(1, 512, 2, 2\)"):
        Distiller(network, source())(torch.zeros(1, 3, 64, 64))


def test_wrong_arguments_are_refused() -> None:
    of = source()
    other = detector(of)
    other.encoder_path = "backbone"
    with pytest.raises(InputError, match=r"no part 'backbone'.*encoder, decoder, heatmap_head"):
        Distiller(other, of)
    with pytest.raises(InputError, match="all, last_block, none, not 'half'"):
        Distiller(detector(of), of, trainable="half")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="only where the source has one"):
        Distiller(detector(of), train_classifier=True)


def test_a_part_that_is_not_used_is_refused() -> None:
    of = source()
    network = detector(of)
    network.other = nn.Conv2d(3, 3, 1)
    network.encoder_path = "other"
    with pytest.raises(InputError, match="DeconvNet does not use its part 'other'"):
        Distiller(network, of)(batch()[0])


def test_grey_images_under_a_colour_source_are_refused() -> None:
    network = HeatmapNet(1, 2, "resnet18", decoder_channels=(32, 16, 16, 8, 8))
    with pytest.raises(InputError, match=r"The source takes images \(B, 3, H, W\), not \(1, 1, 64, 64\)"):
        Distiller(network, source())(torch.zeros(1, 1, 64, 64))
