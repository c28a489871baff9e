"""The exported preparation against the transforms that training and prediction use."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from export_case import SIZES, protocol_of
from PIL import Image

from monai_ext.images import read_image
from monai_ext.landmarks import InputError
from monai_ext.model_export import Preparation
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


def test_a_constant_image_becomes_zeros() -> None:
    image, _, _ = Preparation(protocol_of(1))(torch.full((1, 40, 70), 91.0))

    assert image.abs().max() == 0


def test_a_lit_circle_is_not_found_in_torch() -> None:
    with pytest.raises(InputError, match="lit circle of a photograph is found outside of torch"):
        Preparation(protocol_of(1, "rgb", field_of_view=True))
