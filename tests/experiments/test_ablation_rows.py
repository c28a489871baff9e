from __future__ import annotations

import pytest
from ablation_study import protocol_of

from monai_ext.experiments import row_names, row_protocol, under_recipe
from monai_ext.experiments.ablation_rows import default_rows, with_backbone
from monai_ext.landmarks import InputError
from monai_ext.networks import build_network

DECONV = {"name": "deconv_net", "encoder": "resnet18", "input_size": {"width": 96, "height": 64}, "sigma": 1.25}
SOURCE = {"source": "faces", "lambda_cd": 9.0, "lambda_ed": 9.0, "temperature": 7.0, "freeze_bn": True}


def cross_task():
    return protocol_of(DECONV, name="cross_task", cross_task=SOURCE)


def parameters(protocol) -> int:
    return sum(parameter.numel() for parameter in build_network(protocol).parameters())


def test_the_rows_of_a_zian_are_networks_of_rising_size_and_nothing_else_changes() -> None:
    protocol = protocol_of()
    rows = [row_protocol(protocol, name) for name in ("base", "1roi", "1roi+sa", "mr+sa", "zian")]

    counts = [parameters(row) for row in rows]

    assert row_names(protocol) == default_rows(protocol) == ("base", "1roi", "1roi+sa", "mr+sa", "zian")
    assert counts == sorted(set(counts))
    for row in rows:
        assert row.recipe == protocol.recipe
        assert row.network.model_copy(update={"row": "zian"}) == protocol.network


def test_a_backbone_replaces_that_of_every_row() -> None:
    assert row_protocol(with_backbone(protocol_of(), "unet"), "1roi").network.backbone == "unet"
    assert row_protocol(with_backbone(cross_task(), "resnet34"), "CD").network.encoder == "resnet34"


@pytest.mark.parametrize(
    ("row", "lambda_cd", "lambda_ed", "trainable"),
    [
        ("FE", 0, 0, "none"),
        ("FTP", 0, 0, "last_block"),
        ("FT", 0, 0, "all"),
        ("CD", 0.002, 0, "all"),
        ("ED", 0, 0.002, "all"),
        ("Com", 0.002, 0.002, "all"),
    ],
)
def test_cross_task_rows_are_those_of_the_paper(row, lambda_cd, lambda_ed, trainable) -> None:
    block = row_protocol(cross_task(), row).recipe.cross_task

    assert (block.lambda_cd, block.lambda_ed, block.trainable) == (lambda_cd, lambda_ed, trainable)
    assert (block.temperature, block.source, block.freeze_bn) == (2.0, "faces", True)
    assert row_protocol(cross_task(), row).network == cross_task().network


def test_an_encoder_with_public_weights_is_compared_with_a_random_one() -> None:
    protocol = protocol_of({"name": "heatmap_net", "backbone": "efficientnet-lite0", "pretrained": "imagenet"})

    assert row_names(protocol) == default_rows(protocol) == ("pretrained", "random")
    assert row_protocol(protocol, "pretrained") == protocol
    random = row_protocol(protocol, "random")
    assert random.network.pretrained is None
    assert random.model_copy(update={"network": protocol.network}) == protocol


def test_the_weight_of_the_regularisers_can_be_chosen() -> None:
    block = row_protocol(cross_task(), "Com", weight=0.5).recipe.cross_task

    assert (block.lambda_cd, block.lambda_ed) == (0.5, 0.5)


def test_a_hourglass_sees_what_the_others_see_and_has_no_source() -> None:
    two, eight = (row_protocol(cross_task(), row) for row in ("HG", "HG8"))

    assert (two.network.name, two.network.stacks, eight.network.stacks) == ("hourglass", 2, 8)
    assert two.network.input_size.wh == (96, 64)
    assert (two.network.sigma, two.network.decoder) == (1.25, cross_task().network.decoder)
    assert two.recipe.cross_task is None
    assert "HG8" not in default_rows(cross_task())
    lit = protocol_of({**DECONV, "field_of_view": True}, name="cross_task", cross_task=SOURCE)
    assert row_protocol(lit, "HG").network.field_of_view


def test_a_zian_with_a_source_has_the_rows_of_both_papers() -> None:
    protocol = protocol_of(cross_task=SOURCE)

    assert row_names(protocol)[:5] == row_names(protocol_of())
    assert row_names(protocol)[5:] == row_names(cross_task())
    assert row_protocol(protocol, "base").recipe.cross_task == protocol.recipe.cross_task


@pytest.mark.parametrize(
    ("protocol", "row", "message"),
    [
        (protocol_of(), "FT", "no row 'FT'.* can have base, 1roi, 1roi\\+sa, mr\\+sa, zian"),
        (cross_task(), "zian", "no row 'zian'.* can have FE, FTP, FT, HG, HG8, CD, ED, Com"),
        (
            protocol_of({"name": "heatmap_net"}),
            "base",
            "is heatmap_net, not zian, network.pretrained names no weights and recipe.cross_task",
        ),
    ],
)
def test_other_rows_are_refused_with_those_that_there_are(protocol, row, message) -> None:
    with pytest.raises(InputError, match=message):
        row_protocol(protocol, row)


def test_a_hourglass_has_no_backbone_to_replace() -> None:
    assert with_backbone(cross_task(), None) == cross_task()
    with pytest.raises(InputError, match="hourglass has no backbone"):
        with_backbone(protocol_of({"name": "hourglass"}), "hrnet_w32")


def test_a_recipe_by_name_keeps_what_belongs_to_the_images() -> None:
    protocol = protocol_of(augmentation={"flip": 0.25}, batch_size=3, patience=4)

    a, default, cross = (under_recipe(protocol, name).recipe for name in ("zian_a", "default", "cross_task"))

    assert (a.optimizer, a.schedule, a.learning_rate, a.max_epochs) == ("adam", "step", 2e-4, 140)
    assert (a.augmentation.flip, a.batch_size, a.patience) == (0.25, 3, 0)
    assert (default.name, default.loss, default.batch_size) == ("default", "spatial_cross_entropy", 3)
    assert (cross.schedule, cross.batch_size, cross.augmentation.flip) == ("polynomial", 2, 0.25)


def test_a_protocols_own_recipe_stays_but_for_what_is_changed_and_never_stops_early() -> None:
    protocol = protocol_of(patience=4)

    recipe = under_recipe(protocol, "protocol", learning_rate=0.5, loss=None).recipe

    assert recipe == protocol.recipe.model_copy(update={"learning_rate": 0.5, "patience": 0})


def test_a_wrong_recipe_is_refused() -> None:
    with pytest.raises(InputError, match=r"no recipe 'zian'.*zian_a, zian_b"):
        under_recipe(protocol_of(), "zian")
    with pytest.raises(InputError, match=r"recipe\.loss"):
        under_recipe(protocol_of(), "zian_a", loss="dice")
