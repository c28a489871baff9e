from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch
from torch import nn

from monai_ext.landmarks import InputError
from monai_ext.networks.backbones import build_backbone
from monai_ext.networks.zian import ABLATION_ROWS, ZIAN, ZianConfig

#: The paper gives them in millions (Table 2): 28.544, 57.102, 57.125, 85.705, 85.710.
PARAMETERS = {
    "base": 28_544_017,
    "1roi": 57_101_970,
    "1roi+sa": 57_125_140,
    "mr+sa": 85_705_332,
    "zian": 85_709_972,
}
WITH_W_AND_GATE = {"weight": True, "gate": True, "shared_roi_head": False}


@pytest.fixture(scope="module")
def hrnet() -> nn.Module:
    with torch.device("meta"):
        return build_backbone("hrnet_w32", 3)


def size_of(backbone: nn.Module, config: ZianConfig, num_landmarks: int = 1) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in ZIAN(backbone, num_landmarks, config).parameters())


@pytest.mark.parametrize("row", PARAMETERS)
def test_every_row_has_the_papers_number_of_parameters(hrnet, row: str) -> None:
    assert size_of(hrnet, ZianConfig.row(row)) == PARAMETERS[row]


def test_w_and_gate_have_the_reference_s_number_of_parameters(hrnet) -> None:
    assert size_of(hrnet, ZianConfig.row("zian", **WITH_W_AND_GATE)) == 85_714_918


def test_shared_backbones_are_counted_once() -> None:
    backbone = nn.Conv2d(3, 16, 1)
    alone, whole = 4 * 16, size_of(backbone, ZianConfig.row("zian"))

    assert size_of(backbone, ZianConfig.row("zian", share_roi_backbone=True)) == whole - alone
    assert size_of(backbone, ZianConfig.row("zian", share_backbone=True)) == whole - 2 * alone


def test_every_further_landmark_adds_an_output_to_each_head() -> None:
    one, many = (size_of(nn.Conv2d(3, 16, 1), ZianConfig.row("zian"), k) for k in (1, 19))

    assert many - one == 18 * (17 + 16 + 17)


def test_the_tensors_of_a_shared_backbone_have_one_name() -> None:
    network = ZIAN(nn.Conv2d(1, 16, 1), 1, ZianConfig.row("zian", share_backbone=True))

    addresses = [tensor.data_ptr() for tensor in network.state_dict().values()]
    assert len(addresses) == len(set(addresses))


def test_a_backbone_that_is_given_is_copied_for_each_region() -> None:
    backbone = nn.Conv2d(1, 16, 1)

    network = ZIAN(backbone, 1, ZianConfig.row("mr+sa"))

    assert network.coarse_backbone is backbone
    for copy in network.roi_backbones:
        assert copy.weight is not backbone.weight
        assert torch.equal(copy.weight, backbone.weight)


def test_the_rows_add_one_part_each() -> None:
    rows = [dataclasses.asdict(ZianConfig.row(name)) for name in ABLATION_ROWS]

    changes = [{key for key in new if new[key] != old[key]} for old, new in itertools.pairwise(rows)]
    assert changes == [{"roi_sizes"}, {"self_attention"}, {"roi_sizes"}, {"co_attention"}]
    assert ZianConfig.row("zian") == ZianConfig()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"roi_sizes": (100, 200)}, r"multiple of 32 pixels; \[100, 200\]"),
        ({"roi_sizes": (256, 128)}, r"rise.*\[256, 128\]"),
        ({"roi_sizes": (256,)}, "two regions of interest, not the 1"),
        ({"roi_sizes": (), "co_attention": False}, "give roi_sizes"),
        ({"co_attention": False, "gate": True}, "set co_attention to true"),
        ({"fusion_stride": 3}, "1, 2 or 4, not 3"),
        ({"sigma": 0.0}, "positive number of heatmap pixels, not 0"),
    ],
)
def test_options_without_meaning_are_refused(options, message) -> None:
    with pytest.raises(InputError, match=message):
        ZianConfig(**options)


def test_an_unknown_row_is_refused_with_the_rows_there_are() -> None:
    with pytest.raises(InputError, match=r"no ZIAN 'sa'.*base, 1roi, 1roi\+sa, mr\+sa, zian"):
        ZianConfig.row("sa")
    with pytest.raises(InputError, match="at least one landmark, not 0"):
        ZIAN(nn.Conv2d(1, 16, 1), 0)
