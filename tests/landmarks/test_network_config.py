from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from monai_ext.landmarks import InputError, Protocol
from monai_ext.landmarks.network_config import HeatmapNetConfig, ZianConfig
from monai_ext.landmarks.protocol_file import read_protocol
from monai_ext.landmarks.recipe import NAMED_RECIPES, Recipe

HEAD = """name: task
title: Task
channels: grey
landmarks:
  - {name: a, description: a}
"""


def read(tmp_path: Path, text: str) -> Protocol:
    (tmp_path / "task.yaml").write_text(HEAD + text)
    return read_protocol(tmp_path / "task.yaml")


def test_a_network_without_a_name_is_a_heatmap_net(tmp_path: Path) -> None:
    network = read(tmp_path, "network: {input_size: {width: 64, height: 96}}").network
    assert isinstance(network, HeatmapNetConfig)
    assert network.fitted_size.wh == (64, 96)


def test_a_zian_with_its_own_defaults(tmp_path: Path) -> None:
    network = read(tmp_path, "network: {name: zian, row: 1roi+sa, backbone: unet}").network
    assert isinstance(network, ZianConfig)
    assert (network.input_size.wh, network.sigma, network.roi_weight) == ((1024, 1024), 2.0, 0.25)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("network:\n  name: zion\n", 7, "unknown network 'zion'; use one of 'heatmap_net', 'zian'"),
        ("network:\n  name: zian\n  row: 2roi\n", 8, r"network.row: .*'base'.*\(got '2roi'\)"),
        ("network:\n  name: zian\n  dropout: 0.1\n", 8, "the key 'network.dropout' is unknown"),
        ("network:\n  input_size: {width: 64, height: 8}\n", 7, r"network.input_size.height: .*\(got 8\)"),
        (
            "network:\n  input_size: {width: 64, height: 64}\n  resize: {width: 60, height: 80}\n",
            6,
            r"resize \(60, 80\) must not be smaller than input_size \(64, 64\)",
        ),
        ("network: {halves: true}\n", 1, "'a' has no pair"),
        ("recipe:\n  augmentation: {crop: {width: 900, height: 64}}\n", 1, "must not be larger than"),
        ("recipe:\n  name: fast\n", 7, r"recipe.name: .*'zian_a'.*\(got 'fast'\)"),
    ],
)
def test_refusals_name_line_and_value(tmp_path: Path, text: str, line: int, reason: str) -> None:
    with pytest.raises(InputError, match=rf"line {line}: .*{reason}"):
        read(tmp_path, text)


def test_a_named_recipe_fills_in_and_gives_way() -> None:
    recipe = Recipe.model_validate({"name": "zian_b", "max_epochs": 7})
    assert (recipe.schedule, recipe.warmup, recipe.weight_decay, recipe.max_epochs) == ("linear", 0.2, 1e-3, 7)
    assert Recipe.model_validate(recipe.model_dump()) == recipe
    paper = Recipe.model_validate({"name": "zian_a"})
    assert (paper.optimizer, paper.learning_rate, paper.schedule, paper.max_epochs) == ("adam", 2e-4, "step", 140)
    assert paper.gradient_clip is None


def test_every_named_recipe_is_valid_and_known_by_the_field() -> None:
    for name in NAMED_RECIPES:
        assert Recipe.model_validate({"name": name}).name == name
    with pytest.raises(ValidationError, match="zian_a"):
        Recipe.model_validate({"name": "other"})
