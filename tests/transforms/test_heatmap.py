from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import GenerateHeatmap as MonaiGenerateHeatmap
from monai.transforms import GenerateHeatmapd as MonaiGenerateHeatmapd

from monai_ext.landmarks import InputError
from monai_ext.transforms.heatmap import GenerateHeatmap, GenerateHeatmapd, gaussian_heatmap, gaussian_profiles

NAN = float("nan")


def drawn_by_loops(points, size_hw, sigmas):
    """Independent reference: the formula, one pixel at a time."""
    maps = np.zeros((len(points), *size_hw))
    for k, ((x, y), (sx, sy)) in enumerate(zip(points, sigmas, strict=True)):
        for v in range(size_hw[0]):
            for u in range(size_hw[1]):
                maps[k, v, u] = math.exp(-((u - x) ** 2) / (2 * sx**2) - (v - y) ** 2 / (2 * sy**2))
    return maps


POINTS = [[3.25, 7.5], [0.0, 0.0], [16.4, 10.49], [-0.5, 5.0]]


@pytest.mark.parametrize(
    ("sigma", "per_landmark"),
    [
        (1.5, [[1.5, 1.5]] * 4),
        ([1.0, 1.5, 2.0, 4.0], [[1.0, 1.0], [1.5, 1.5], [2.0, 2.0], [4.0, 4.0]]),
        ([[1.0, 3.0], [3.0, 1.0], [2.0, 2.5], [0.7, 5.0]], [[1.0, 3.0], [3.0, 1.0], [2.0, 2.5], [0.7, 5.0]]),
    ],
)
def test_every_pixel_follows_the_formula(sigma, per_landmark):
    maps = gaussian_heatmap(torch.tensor(POINTS), (11, 17), sigma)
    assert maps.shape == (4, 11, 17)
    np.testing.assert_allclose(maps.numpy(), drawn_by_loops(POINTS, (11, 17), per_landmark), atol=1e-6)


def test_leading_dimensions_are_kept():
    points = torch.rand(2, 3, 19, 2) * 10
    maps = gaussian_heatmap(points, (8, 12), 2.0)
    assert maps.shape == (2, 3, 19, 8, 12)
    torch.testing.assert_close(maps[1, 2, 7], gaussian_heatmap(points[1, 2, 7][None], (8, 12), 2.0)[0])


def test_peak_is_one_only_at_a_pixel_centre():
    maps = gaussian_heatmap(torch.tensor([[4.0, 2.0], [4.5, 2.0]]), (6, 9), 2.0)
    assert maps[0, 2, 4] == 1.0
    assert maps[1].max() == pytest.approx(math.exp(-0.25 / 8), abs=1e-6)


def test_missing_undefined_and_nan_draw_nothing_and_poison_nothing():
    points = torch.tensor([[4.0, 2.0], [4.0, 2.0], [4.0, 2.0], [NAN, NAN], [1.0, float("inf")]])
    status = torch.tensor([1, 0, -1, 1, 1], dtype=torch.int8)
    maps = gaussian_heatmap(points, (6, 9), 2.0, status)
    assert maps[0].max() == 1.0
    assert not maps[1:].any()
    assert maps.isfinite().all()


@pytest.mark.parametrize("centre", [(4.2, 2.7), (-0.5, -0.5), (8.5, 5.4), (-3.0, 2.0), (1e4, -1e4)])
@pytest.mark.parametrize("sigma", [0.5, 2.0, 5.0])
def test_normalised_maps_sum_to_one_over_the_visible_pixels(centre, sigma):
    maps = gaussian_heatmap(torch.tensor([centre]), (6, 9), sigma, normalize=True)
    assert maps.sum() == pytest.approx(1.0, abs=1e-5)
    expected_column = min(max(round(centre[0]), 0), 8)
    assert maps[0].sum(0).argmax() == expected_column


def test_normalised_map_is_the_plain_one_divided_by_its_sum():
    points = torch.tensor([[0.3, 5.1], [7.9, 0.0]])
    plain = gaussian_heatmap(points, (6, 9), [[1.0, 2.0], [2.0, 3.0]])
    scaled = gaussian_heatmap(points, (6, 9), [[1.0, 2.0], [2.0, 3.0]], normalize=True)
    torch.testing.assert_close(scaled, plain / plain.sum((1, 2), keepdim=True))


def test_half_precision_points_are_drawn_in_float32_and_double_stays_double():
    assert gaussian_heatmap(torch.zeros(1, 2, dtype=torch.float16), (4, 4), 1.0).dtype == torch.float32
    assert gaussian_heatmap(torch.zeros(1, 2, dtype=torch.float64), (4, 4), 1.0).dtype == torch.float64


def test_profiles_are_the_factors_of_the_map():
    points = torch.tensor([[2.5, 1.25]])
    along_y, along_x = gaussian_profiles(points, (5, 7), [[1.0, 2.0]])
    assert along_y.shape == (1, 5)
    assert along_x.shape == (1, 7)
    torch.testing.assert_close(along_y[:, :, None] * along_x[:, None], gaussian_heatmap(points, (5, 7), [[1.0, 2.0]]))


@pytest.mark.parametrize("sigma", [0.0, -1.0, NAN, [1.0, 2.0, 3.0], [[1.0, 2.0]]])
def test_a_wrong_sigma_is_refused(sigma):
    with pytest.raises(InputError, match="sigma"):
        gaussian_heatmap(torch.zeros(2, 2), (4, 4), sigma)


def test_wrong_shapes_are_refused():
    with pytest.raises(InputError, match=r"\(5, 3\)"):
        gaussian_heatmap(torch.zeros(5, 3), (4, 4), 1.0)
    with pytest.raises(InputError, match="status"):
        gaussian_heatmap(torch.zeros(5, 2), (4, 4), 1.0, status=torch.ones(4))


ROW_COLUMN = np.array([[10.0, 15.0], [0.0, 0.0], [29.0, 39.0], [NAN, 3.0], [5.0, 41.0], [22.0, 3.0]], dtype=np.float32)


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("sigma", [2.0, 5.0, (2.0, 4.0)])
def test_agrees_with_monai_at_integer_centres(sigma, normalize, kind):
    points = kind(ROW_COLUMN)
    options = {"sigma": sigma, "spatial_shape": (30, 40), "normalize": normalize}
    ours, theirs = GenerateHeatmap(point_order="yx", **options)(points), MonaiGenerateHeatmap(**options)(points)
    assert type(ours) is type(theirs)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), atol=0.01)
    assert not np.asarray(ours)[3:5].any()


def test_truncation_cuts_where_monai_does():
    points = np.array([[10.0, 15.0]], dtype=np.float32)
    ours = GenerateHeatmap(2.0, (30, 40), truncated=2.0, point_order="yx")(points)
    theirs = MonaiGenerateHeatmap(2.0, (30, 40), truncated=2.0)(points)
    np.testing.assert_array_equal(ours > 0, theirs > 0)
    assert (GenerateHeatmap(2.0, (30, 40), point_order="yx")(points) > 0).sum() > (ours > 0).sum()


def test_the_centre_is_not_rounded_unlike_monai():
    point = np.array([[10.4, 15.3]], dtype=np.float32)
    heatmap = GenerateHeatmap(2.0, (30, 40), point_order="yx")(point)[0]
    rows, columns = np.mgrid[:30, :40]
    centre = [(heatmap * rows).sum() / heatmap.sum(), (heatmap * columns).sum() / heatmap.sum()]
    np.testing.assert_allclose(centre, point[0], atol=1e-3)


def test_points_are_column_then_row_as_everywhere_in_the_package():
    heatmap = GenerateHeatmap(1.0, (30, 40))(torch.tensor([[35.0, 4.0]]))
    assert heatmap[0, 4, 35] == 1.0
    torch.testing.assert_close(heatmap, gaussian_heatmap(torch.tensor([[35.0, 4.0]]), (30, 40), 1.0))


@pytest.mark.parametrize(("order", "sigmas"), [("xy", (2.0, 5.0)), ("yx", (5.0, 2.0))])
def test_a_sigma_per_axis_is_in_the_order_of_the_points(order, sigmas):
    point = [20.0, 15.0] if order == "xy" else [15.0, 20.0]
    heatmap = GenerateHeatmap(sigmas, (30, 40), point_order=order)(torch.tensor([point]))
    torch.testing.assert_close(heatmap, gaussian_heatmap(torch.tensor([[20.0, 15.0]]), (30, 40), [[2.0, 5.0]]))


def test_monais_own_space_is_there_by_its_name():
    points = torch.as_tensor(ROW_COLUMN)
    options = {"keys": "p", "sigma": (2.0, 4.0), "spatial_shape": (30, 40), "coordinate_space": "voxel"}
    ours, theirs = GenerateHeatmapd(**options)({"p": points}), MonaiGenerateHeatmapd(**options)({"p": points})
    assert (ours["p_heatmap"] - theirs["p_heatmap"]).abs().max() < 0.01
    swapped = GenerateHeatmapd("p", 2.0, spatial_shape=(30, 40))({"p": points.flip(-1)})
    same = GenerateHeatmapd("p", 2.0, spatial_shape=(30, 40), coordinate_space="voxel")({"p": points})
    torch.testing.assert_close(swapped["p_heatmap"], same["p_heatmap"], rtol=0, atol=0)


def test_the_status_of_a_sample_is_looked_at_unasked():
    points = torch.tensor([[8.0, 1.0], [0.0, 0.0]])
    sample = {"points": points, "status": torch.tensor([1, 0], dtype=torch.int8)}
    heatmaps = GenerateHeatmapd("points", 1.0, spatial_shape=(6, 9))(sample)["points_heatmap"]
    assert heatmaps[0, 1, 8] == 1.0
    assert not heatmaps[1].any()
    heatmaps = GenerateHeatmapd("points", 1.0, spatial_shape=(6, 9))({"points": points})["points_heatmap"]
    assert heatmaps[1, 0, 0] == 1.0


def test_a_status_of_other_points_is_refused():
    with pytest.raises(InputError, match=r"status of 2 points .* \(2,\), not \(3,\)"):
        GenerateHeatmapd("p", spatial_shape=(6, 9))({"p": torch.zeros(2, 2), "status": torch.ones(3)})
    with pytest.raises(KeyError, match="absent"):
        GenerateHeatmapd("p", spatial_shape=(6, 9), status_keys="absent")({"p": torch.zeros(2, 2)})


def test_status_keeps_a_landmark_off_the_map():
    heatmaps = GenerateHeatmap(1.0, (30, 40))(torch.tensor([[4.0, 5.0], [4.0, 5.0]]), status=torch.tensor([1, 0]))
    assert heatmaps[0].any()
    assert not heatmaps[1].any()


def test_dictionary_version_equals_monais_in_world_space():
    affine = torch.tensor([[0.0, 2.0, 0.0, 5.0], [3.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    image = MetaTensor(torch.zeros(1, 30, 40), affine=affine)
    world = MetaTensor(torch.as_tensor(ROW_COLUMN) @ affine[:2, :2].T + affine[:2, 3])
    options = {
        "keys": "points",
        "heatmap_keys": "maps",
        "ref_image_keys": "image",
        "coordinate_space": "world",
        "visibility_keys": "seen",
        "sigma": 2.0,
    }
    ours = GenerateHeatmapd(**options)({"points": world, "image": image})
    theirs = MonaiGenerateHeatmapd(**options)({"points": world, "image": image})
    assert (ours["maps"] - theirs["maps"]).abs().max() < 0.01
    assert ours["seen"].tolist() == theirs["seen"].tolist() == [True, True, True, False, False, True]
    assert isinstance(ours["maps"], MetaTensor)
    torch.testing.assert_close(ours["maps"].affine, theirs["maps"].affine)
    assert ours["maps"].meta["spatial_shape"] == (30, 40)


def test_world_points_with_a_planar_affine():
    affine = torch.tensor([[0.0, 2.0, 5.0], [3.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    image = MetaTensor(torch.zeros(1, 30, 40), affine=affine)
    world = torch.tensor([[2.0 * 15 + 5, 3.0 * 10 + 1]])
    sample = GenerateHeatmapd("p", 1.0, ref_image_keys="image", coordinate_space="world")({"p": world, "image": image})
    assert sample["p_heatmap"][0, 10, 15] == pytest.approx(1.0, abs=1e-5)


def test_dictionary_version_with_shapes_and_status_per_key():
    transform = GenerateHeatmapd(
        ["a", "b"],
        sigma=1.0,
        heatmap_keys=["ha", "hb"],
        spatial_shape=[(6, 9), (9, 6)],
        visibility_keys=["va", "vb"],
        status_keys="status",
    )
    points = np.array([[8.0, 1.0], [8.0, 1.0]])
    sample = transform({"a": points, "b": points, "status": np.array([1, -1], dtype=np.int8)})
    assert sample["ha"].shape == (2, 6, 9)
    assert sample["ha"][0, 1, 8] == 1.0
    assert not sample["ha"][1].any()
    assert not sample["hb"].any()
    assert sample["va"].tolist() == [True, True]
    assert sample["vb"].tolist() == [False, False]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma": 0}, "sigma"),
        ({"sigma": (1.0, 2.0, 3.0)}, "sigma"),
        ({"truncated": 0}, "truncated"),
        ({"dtype": np.int32}, "floating"),
        ({"coordinate_space": "lps"}, "'lps'"),
        ({"heatmap_keys": ["a", "b"]}, "heatmap_keys"),
    ],
)
def test_wrong_arguments_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        GenerateHeatmapd("points", spatial_shape=(4, 4), **options)


def test_a_wrong_point_order_is_refused():
    with pytest.raises(InputError, match="'xz'"):
        GenerateHeatmap(point_order="xz")


def test_missing_shape_affine_and_third_dimension_are_refused():
    points = torch.zeros(1, 2)
    with pytest.raises(InputError, match="shape"):
        GenerateHeatmap()(points)
    with pytest.raises(InputError, match="shape"):
        GenerateHeatmapd("p")({"p": points})
    with pytest.raises(InputError, match="affine"):
        GenerateHeatmapd("p", ref_image_keys="i", coordinate_space="world")({"p": points, "i": torch.zeros(1, 4, 4)})
    with pytest.raises(InputError, match=r"\(1, 3\)"):
        GenerateHeatmap(spatial_shape=(4, 4))(torch.zeros(1, 3))
