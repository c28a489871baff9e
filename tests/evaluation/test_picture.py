"""Windowing, views and the canvas, to the pixel."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from monai_ext.evaluation import Canvas, Cutout
from monai_ext.evaluation.picture import to_rgb
from monai_ext.landmarks import InputError


def test_eight_bits_are_shown_as_they_are(rng) -> None:
    image = rng.integers(50, 90, (3, 4, 6)).astype(np.uint8)
    np.testing.assert_array_equal(to_rgb(image), image.transpose(1, 2, 0))


def test_grey_becomes_three_equal_channels() -> None:
    rgb = to_rgb(np.arange(6, dtype=np.uint8).reshape(1, 2, 3))
    assert rgb.shape == (2, 3, 3)
    assert rgb[1, 0].tolist() == [3, 3, 3]


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_other_types_are_windowed_by_percentiles(dtype) -> None:
    values = np.arange(1000, 2001)
    image = np.append(values, 60000)[None, None].astype(dtype)  # one hot pixel must not darken the rest
    low, high = np.percentile(image, [0.5, 99.5])
    rgb = to_rgb(image)[0, :, 0].astype(int)
    expected = np.rint((image[0, 0].astype(float) - low).clip(0, high - low) / (high - low) * 255)
    np.testing.assert_array_equal(rgb, expected)
    assert rgb[500] in (127, 128)


def test_a_flat_image_is_grey_and_nan_is_black() -> None:
    assert np.unique(to_rgb(np.full((1, 3, 4), 7.0))).tolist() == [128]
    image = np.array([[[0.0, np.nan, 1.0]]])
    assert to_rgb(image)[0, :, 0].tolist() == [0, 0, 255]
    assert to_rgb(np.full((1, 2, 2), np.nan)).max() == 0


@pytest.mark.parametrize("shape", [(4, 5), (2, 4, 5), (4, 5, 3), (1, 0, 5)])
def test_a_wrong_shape_is_refused(shape) -> None:
    with pytest.raises(InputError, match=r"\(1, H, W\) or \(3, H, W\)"):
        to_rgb(np.zeros(shape))


def test_a_view_maps_pixel_edges() -> None:
    view = Cutout((10.0, 20.0, 30.0, 60.0), left=5, top=7, width=40, height=80)
    # The first pixel of the box is two canvas pixels wide; its centre lies between them.
    assert view.to_canvas([(10, 20), (29, 59)]).tolist() == [[5.5, 7.5], [43.5, 85.5]]


@pytest.mark.parametrize(("width", "height"), [(333, 271), (44, 36)])
def test_a_rendered_pixel_lies_where_the_view_says(width, height) -> None:
    image = np.zeros((90, 120, 3), np.uint8)
    image[41, 67] = 255
    view = Cutout((22.3, 11.7, 102.8, 76.4), left=0, top=0, width=width, height=height)
    weight = view.render(image)[..., 0].astype(float)
    rows, columns = np.mgrid[:height, :width]
    centre = [(weight * columns).sum() / weight.sum(), (weight * rows).sum() / weight.sum()]
    np.testing.assert_allclose(centre, view.to_canvas([67, 41]), atol=0.1)


def test_a_fitted_view_keeps_the_aspect_and_is_centred() -> None:
    view = Cutout.fitted((0, 0, 50, 100), 10, 20, (200, 200))
    assert (view.left, view.top, view.width, view.height) == (60, 20, 100, 200)


def test_the_canvas_is_exact(tmp_path, rng) -> None:
    rgb = rng.integers(0, 256, (13, 29, 3)).astype(np.uint8)
    canvas = Canvas(113, 57)
    canvas.show(rgb, Cutout((0, 0, 29, 13), 3, 5, 29, 13))
    canvas.save(tmp_path / "a.png")
    drawn = np.asarray(Image.open(tmp_path / "a.png").convert("RGB"))
    assert drawn.shape == (57, 113, 3)
    np.testing.assert_array_equal(drawn[5:18, 3:32], rgb)
    assert (drawn[:5] == 0x1A).all()
