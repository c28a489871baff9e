"""The protocols that docs/zian.md shows are valid and are what its text says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from monai_ext.landmarks import Protocol, find_protocol
from monai_ext.landmarks.network_config import ZianConfig

PAGE = Path(__file__).resolve().parents[2] / "docs" / "zian.md"


@pytest.fixture(scope="module")
def examples() -> list[dict]:
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)]


def test_the_paper_s_set_up(examples: list[dict]) -> None:
    protocol = Protocol.model_validate(examples[0])

    network, recipe = protocol.network, protocol.recipe
    assert isinstance(network, ZianConfig)
    assert (network.row, network.backbone, network.sigma, network.jitter) == ("zian", "hrnet_w32", 2.0, 16.0)
    assert (network.coarse_weight, network.roi_weight, network.fine_weight) == (1.0, 0.25, 1.0)
    assert (network.share_backbone, network.share_roi_backbone, network.fusion_stride) == (False, False, 1)
    assert (network.fitted_size.wh, network.input_size.wh) == ((1064, 1064), (1024, 1024))
    assert (recipe.loss, recipe.optimizer, recipe.schedule, recipe.max_epochs) == ("mse", "adam", "step", 140)
    assert recipe.augmentation.crop is not None
    assert recipe.augmentation.crop.wh == (896, 896)


def test_the_cephalometric_zian_replaces_the_shipped_network(examples: list[dict]) -> None:
    shipped = find_protocol("cephalometric").model_dump(mode="json", exclude_unset=True)

    protocol = Protocol.model_validate({**shipped, **examples[1]})

    assert isinstance(protocol.network, ZianConfig)
    assert protocol.networks_landmarks == 19
    assert protocol.recipe.augmentation.flip == 0


def test_halves_as_the_page_says(examples: list[dict]) -> None:
    spurs = find_protocol("scleral_spur").model_dump(mode="json", exclude_unset=True)
    document = {**spurs, **{key: examples[0][key] for key in ("network", "recipe")}}
    document["network"] |= {"halves": True, "input_size": {"width": 2048, "height": 1024}, "resize": None}
    document["recipe"]["augmentation"] |= {"crop": None}

    assert Protocol.model_validate(document).networks_landmarks == 1
