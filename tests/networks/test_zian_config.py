from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from monai_ext.landmarks import InputError
from monai_ext.landmarks.network_config import ZIAN_ROWS
from monai_ext.networks import ZianConfig, build_backbone
from monai_ext.networks.zian import ZIAN

#: The paper gives them in millions (Table 2): 28.544, 57.102, 57.125, 85.705, 85.710.
PARAMETERS = {
    "base": 28_544_017,
    "1roi": 57_101_970,
    "1roi+sa": 57_125_140,
    "mr+sa": 85_705_332,
    "zian": 85_709_972,
}
WITH_W_AND_GATE = {"weight": True, "gate": True, "shared_roi_head": False}


def config_of(row: str = "zian", **options) -> ZianConfig:
    return ZianConfig(row=row, presence=False, **options)


@pytest.fixture(scope="module")
def hrnet() -> nn.Module:
    with torch.device("meta"):
        return build_backbone("hrnet_w32", 3)


def size_of(backbone: nn.Module, config: ZianConfig, num_landmarks: int = 1) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in ZIAN(backbone, num_landmarks, config).parameters())


@pytest.mark.parametrize("row", PARAMETERS)
def test_every_row_has_the_papers_number_of_parameters(hrnet, row: str) -> None:
    assert size_of(hrnet, config_of(row)) == PARAMETERS[row]


def test_w_and_gate_have_the_reference_s_number_of_parameters(hrnet) -> None:
    assert size_of(hrnet, config_of(**WITH_W_AND_GATE)) == 85_714_918


def test_shared_backbones_are_counted_once() -> None:
    backbone = nn.Conv2d(3, 16, 1)
    alone, whole = 4 * 16, size_of(backbone, config_of())

    assert size_of(backbone, config_of(share_roi_backbone=True)) == whole - alone
    assert size_of(backbone, config_of(share_backbone=True)) == whole - 2 * alone


def test_every_further_landmark_adds_an_output_to_each_head() -> None:
    one, many = (size_of(nn.Conv2d(3, 16, 1), config_of(), k) for k in (1, 19))

    assert many - one == 18 * (17 + 16 + 17)


def test_the_tensors_of_a_shared_backbone_have_one_name() -> None:
    network = ZIAN(nn.Conv2d(1, 16, 1), 1, config_of(share_backbone=True))

    addresses = [tensor.data_ptr() for tensor in network.state_dict().values()]
    assert len(addresses) == len(set(addresses))


def test_a_backbone_that_is_given_is_copied_for_each_region() -> None:
    backbone = nn.Conv2d(1, 16, 1)

    network = ZIAN(backbone, 1, config_of("mr+sa"))

    assert network.coarse_backbone is backbone
    for copy in network.roi_backbones:
        assert copy.weight is not backbone.weight
        assert torch.equal(copy.weight, backbone.weight)


def test_the_rows_add_one_part_each() -> None:
    changes = [
        {part for part, old, new in zip(before._fields, before, after, strict=True) if old != new}
        for before, after in itertools.pairwise(ZIAN_ROWS.values())
    ]
    assert changes == [{"regions"}, {"self_attention"}, {"regions"}, {"co_attention"}]
    assert [ZianConfig(row=row).regions for row in ZIAN_ROWS] == [(), (256,), (256,), (256, 512), (256, 512)]


def test_no_landmark_is_refused() -> None:
    with pytest.raises(InputError, match="at least one landmark, not 0"):
        ZIAN(nn.Conv2d(1, 16, 1), 0)
