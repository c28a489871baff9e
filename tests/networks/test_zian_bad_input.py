"""What a ZIAN answers to images, weights and protocols that do not fit it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError, Protocol
from monai_ext.landmarks.protocol_file import read_protocol
from monai_ext.models import load_network, publish
from monai_ext.networks import build_network

HEAD = """name: task
title: Task
channels: grey
landmarks:
  - {name: a, description: a}
"""
NETWORK = """network:
  name: zian
  backbone: unet_small
  input_size: {width: 96, height: 64}
  roi_sizes: [32, 64]
"""


def read(folder: Path, text: str = NETWORK, head: str = HEAD) -> Protocol:
    (folder / "task.yaml").write_text(head + text)
    return read_protocol(folder / "task.yaml")


def publish_random(folder: Path, protocol: Protocol, state: dict[str, torch.Tensor] | None = None) -> Path:
    card = {
        "protocol": protocol, "labels_used": 1, "val_images": (), "val_error": 1.0, "unit": "px", "epochs": 1,
        "seed": 0, "date": "-",
    }  # fmt: skip
    publish(folder, state or build_network(protocol).state_dict(), card)
    return folder


@pytest.mark.parametrize("size", [(1, 1), (7, 30), (31, 33), (95, 3), (131, 97), (400, 20)])
@pytest.mark.parametrize("halves", [False, True])
def test_images_of_any_size_are_answered_on_the_image(tmp_path, rng, size, halves) -> None:
    head = HEAD.replace("description: a}", "description: a, pair: b}\n  - {name: b, description: b, pair: a}")
    protocol = read(tmp_path, NETWORK + "  halves: true\n", head) if halves else read(tmp_path)
    predictor = Predictor.load(publish_random(tmp_path / "model", protocol))
    width, height = size
    Image.fromarray(rng.integers(0, 255, (height, width), np.uint8)).save(tmp_path / "image.png")

    answer = predictor.predict_stages(tmp_path / "image.png")

    for points in (answer.landmarks.points, answer.coarse):
        assert ((points >= -0.5) & (points <= [width - 0.5, height - 0.5])).all()


@pytest.mark.parametrize("size_hw", [(5, 9), (31, 33), (33, 31), (64, 97)])
def test_an_input_smaller_than_a_region_or_odd_is_padded_by_rule(tmp_path, size_hw) -> None:
    network = build_network(read(tmp_path)).eval()
    image = torch.rand(1, 1, *size_hw)

    output = network(image)

    assert output.coarse.shape[2:] == (-(-size_hw[0] // 4), -(-size_hw[1] // 4))
    assert output.fine.shape == (1, 1, 32, 32)
    # what lies off the image is its nearest pixel: a larger image that repeats them gives the same
    pad = -size_hw[1] % 4, -size_hw[0] % 4
    larger = torch.nn.functional.pad(image, (0, pad[0], 0, pad[1]), mode="replicate")
    torch.testing.assert_close(network(larger).fine, output.fine)


def test_a_wrong_channel_count_is_one_sentence(tmp_path) -> None:
    network = build_network(read(tmp_path))

    with pytest.raises(InputError, match=r"unet_small takes images \(B, 1, H, W\), not \(1, 3, \d+, \d+\)\.$"):
        network(torch.zeros(1, 3, 64, 96))


def test_a_batch_of_no_dimension_is_one_sentence(tmp_path) -> None:
    with pytest.raises(InputError, match=r"takes images \(B, C, H, W\), not \(1, 64, 96\)"):
        build_network(read(tmp_path))(torch.zeros(1, 64, 96))


def test_no_landmark_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match=r"task\.yaml, line 4: landmarks: .*at least 1"):
        read(tmp_path, head=HEAD.split("landmarks:")[0] + "landmarks: []\n")


@pytest.mark.parametrize(
    ("options", "line", "reason"),
    [
        ("  fusion_stride: 3\n", 6, r"fusion_stride.*1, 2 or 4.*\(got 3\)"),
        ("  row: zain\n", 6, r"network\.row.*\(got 'zain'\)"),
        ("  roi_sizes: [64]\n", 6, r"network\.roi_sizes"),
        ("  roi_sizes: [256, 128]\n", 6, r"network\.roi_sizes: the sizes rise, .*\[256, 128\]"),
        ("  roi_sizes: [128, 128]\n", 6, r"network\.roi_sizes: the sizes rise, .*\[128, 128\]"),
        ("  roi_sizes: [100, 200]\n", 6, r"network\.roi_sizes: .*multiple of 32 pixels, unlike \[100, 200\]"),
        ("  jitter: -1\n", 6, r"network\.jitter.*\(got -1\)"),
        ("  sigma: 0\n", 6, r"network\.sigma.*\(got 0\)"),
        ("  dropout: 0.1\n", 6, r"'network\.dropout' is unknown"),
        ("  pretrained: 5\n", 6, r"network\.pretrained.*\(got 5\)"),
        ("  halves: true\n", 0, r"network\.halves needs every landmark in both halves .* 'a' has no pair"),
    ],
)
def test_a_protocol_with_a_mistake_names_its_line(tmp_path, options, line, reason) -> None:
    first = HEAD.count("\n") + 2  # the line after "network:"
    with pytest.raises(InputError, match=reason) as error:
        read(tmp_path, "network:\n  name: zian\n" + options)
    message = str(error.value)
    assert f"line {first + line - 5 if line else 1}: " in message
    assert message.endswith(".")
    assert "\n" not in message


def test_an_unknown_backbone_is_one_sentence(tmp_path) -> None:
    with pytest.raises(InputError, match=r"Unknown backbone 'hrnet': use one of hrnet_w18, [^\n]*\.$"):
        build_network(read(tmp_path, "network:\n  name: zian\n  backbone: hrnet\n"))


def test_weights_of_another_model_are_refused(tmp_path) -> None:
    folder = publish_random(tmp_path / "model", read(tmp_path))
    other = publish_random(tmp_path / "other", read(tmp_path, NETWORK + "  row: mr+sa\n"))
    (folder / "v1.safetensors").write_bytes((other / "v1.safetensors").read_bytes())

    with pytest.raises(InputError, match=r"v1\.safetensors are not those of their card"):
        load_network(folder)


def test_weights_that_fit_their_card_but_not_its_network_are_refused(tmp_path) -> None:
    other = build_network(read(tmp_path, NETWORK + "  share_backbone: true\n")).state_dict()
    folder = publish_random(tmp_path / "model", read(tmp_path), other)

    with pytest.raises(InputError, match=r"do not fit the network of their card: \d+ tensors differ, first 'roi_back"):
        load_network(folder)
