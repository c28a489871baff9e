"""The exported preparation against the transforms that training and prediction use."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from export_case import SIZES, protocol_of
from PIL import Image

from monai_ext.images import read_image
from monai_ext.landmarks import InputError
from monai_ext.model_export import Preparation
from monai_ext.networks import onnx_graph
from monai_ext.transforms import inference_transforms


@pytest.mark.parametrize("size", [*SIZES, (128, 96), (1, 40)])
@pytest.mark.parametrize(
    ("channels", "network"),
    [
        ("grey", {}),
        ("rgb", {"normalization": "imagenet", "resize": {"width": 150, "height": 101}}),
        ("grey", {"normalization": "radimagenet", "input_size": {"width": 33, "height": 64}}),
    ],
)
def test_it_is_what_the_transforms_do(tmp_path, rng, size, channels, network) -> None:
    shape = (size[1], size[0], 3) if channels == "rgb" else size[::-1]
    Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(tmp_path / "noise.png")
    protocol = protocol_of(1, channels, **network)
    wanted = inference_transforms(protocol)({"image": str(tmp_path / "noise.png")})

    image, matrix, found_size = Preparation(protocol)(torch.from_numpy(read_image(tmp_path / "noise.png", channels)[0]))

    torch.testing.assert_close(image[0], torch.as_tensor(wanted["image"]).as_subclass(torch.Tensor), atol=2e-4, rtol=0)
    torch.testing.assert_close(matrix[0], wanted["matrix"], atol=1e-12, rtol=0)
    assert found_size.tolist() == [[*map(float, size)]]


#: A side of 2 mod 4, and images of which 1.75 pixels per pixel of it are a whole number and a half: 94.5.
TIE, TIES = {"width": 54, "height": 160}, (99, 105, 111, 122, 163)


@pytest.mark.parametrize("key", ["input_size", "resize"])
@pytest.mark.parametrize("width", TIES)
def test_a_reduced_length_between_two_whole_numbers_is_rounded_alike(tmp_path, rng, width, key) -> None:
    Image.fromarray(rng.integers(0, 256, (238, width), np.uint8)).save(tmp_path / "noise.png")
    protocol = protocol_of(1, **{"input_size": {"width": 50, "height": 160}, key: TIE})
    wanted = inference_transforms(protocol)({"image": str(tmp_path / "noise.png")})

    image, matrix, _ = Preparation(protocol)(torch.from_numpy(read_image(tmp_path / "noise.png")[0]))

    torch.testing.assert_close(image[0], torch.as_tensor(wanted["image"]).as_subclass(torch.Tensor), atol=2e-4, rtol=0)
    torch.testing.assert_close(matrix[0], wanted["matrix"], atol=1e-12, rtol=0)


@pytest.mark.slow
def test_its_onnx_graph_rounds_them_alike(tmp_path, rng) -> None:
    protocol = protocol_of(1, input_size=TIE)
    example = {"image": torch.rand(1, 97, 131) * 255}
    graph = onnx_graph(Preparation(protocol).eval(), example, ["fitted", "matrix", "size"], {"image": {1: "H", 2: "W"}})
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    for width in TIES:
        Image.fromarray(rng.integers(0, 256, (238, width), np.uint8)).save(tmp_path / "noise.png")
        wanted = inference_transforms(protocol)({"image": str(tmp_path / "noise.png")})

        fitted, matrix, _ = session.run(None, {"image": read_image(tmp_path / "noise.png")[0]})

        np.testing.assert_allclose(fitted[0], np.asarray(wanted["image"]), atol=2e-4, rtol=0)
        np.testing.assert_allclose(matrix[0], wanted["matrix"].numpy(), atol=1e-12, rtol=0)


def test_a_constant_image_becomes_zeros() -> None:
    image, _, _ = Preparation(protocol_of(1))(torch.full((1, 40, 70), 91.0))

    assert image.abs().max() == 0


def test_a_lit_circle_is_not_found_in_torch() -> None:
    with pytest.raises(InputError, match="lit circle of a photograph is found outside of torch"):
        Preparation(protocol_of(1, "rgb", field_of_view=True))
