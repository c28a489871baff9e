from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from monai_ext.landmarks import InputError, Protocol, input_size, new_protocol_text, read_protocol
from monai_ext.landmarks.new_protocol import INPUT_AREA, MULTIPLE


def write_new_protocol(path: Path, names: Sequence[str], channels: str, sizes: Sequence[tuple[int, int]]) -> Protocol:
    path.write_text(new_protocol_text(path, names, channels, sizes))
    return read_protocol(path)


def test_the_file_reads_back_as_the_protocol(tmp_path):
    protocol = write_new_protocol(tmp_path / "wing_veins.yaml", ["tip", "base"], "grey", [(640, 480)])
    assert (protocol.name, protocol.channels, protocol.landmark_names) == ("wing_veins", "grey", ("tip", "base"))


@pytest.mark.parametrize("sizes", [[(640, 480)], [(300, 900)], [(1000, 100), (2000, 200), (50, 50)]])
def test_the_network_input_has_the_typical_shape_of_the_images(tmp_path, sizes):
    size = write_new_protocol(tmp_path / "task.yaml", ["a"], "rgb", sizes).network.input_size
    width, height = sizes[0]
    assert size.width % MULTIPLE == size.height % MULTIPLE == 0
    assert (size.width > size.height) == (width > height)
    assert 0.6 * INPUT_AREA < size.width * size.height < 1.6 * INPUT_AREA


def test_a_file_name_that_is_no_name_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"'my task\.yaml' cannot name a protocol"):
        write_new_protocol(tmp_path / "my task.yaml", ["a"], "rgb", [(10, 10)])
    assert not (tmp_path / "my task.yaml").exists()


@pytest.mark.parametrize("name", ["wings", "wings.txt", "wings.YAML"])
def test_a_file_that_no_command_takes_for_a_protocol_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=rf"{name} must end in \.yaml or \.yml: name it wings\.yaml\."):
        write_new_protocol(tmp_path / name, ["a"], "rgb", [(10, 10)])
    assert not (tmp_path / name).exists()


def test_a_name_that_no_protocol_can_hold_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="'left eye' cannot be used in a protocol"):
        write_new_protocol(tmp_path / "task.yaml", ["a", "left eye"], "rgb", [(10, 10)])
    assert not (tmp_path / "task.yaml").exists()


def test_a_very_long_image_gives_a_size_that_a_protocol_accepts(tmp_path) -> None:
    size = write_new_protocol(tmp_path / "task.yaml", ["a"], "rgb", [(90_000, 20)]).network.input_size

    assert size.wh == (4096, 32)


@pytest.mark.parametrize(("size", "batch_size"), [((640, 480), 4), ((150, 160), 8)])
def test_it_starts_from_public_weights_with_as_many_steps_as_the_images_ask_for(tmp_path, size, batch_size) -> None:
    protocol = write_new_protocol(tmp_path / "task.yaml", ["a"], "rgb", [size])

    assert (protocol.network.backbone, protocol.network.pretrained) == ("efficientnet-lite0", "imagenet")
    assert (protocol.recipe.name, protocol.recipe.max_steps) == ("fine_tune", "auto")
    assert protocol.recipe.batch_size == batch_size


def test_an_input_has_the_images_shape_and_small_images_are_enlarged_only_where_that_is_asked_for() -> None:
    assert input_size([(1200, 800)]) == (416, 288)
    assert input_size([(64, 96)]) == (64, 96)
    assert input_size([(64, 96)], enlarge=True) == (288, 416)
