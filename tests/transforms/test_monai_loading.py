"""The way that MONAI's users take: dictionary transforms in a Compose, a CacheDataset and a DataLoader."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import torch
from monai.data import CacheDataset, DataLoader, decollate_batch, list_data_collate
from monai.transforms import Compose
from torch.utils.data import default_collate
from torch.utils.data._utils.pin_memory import pin_memory

from monai_ext.landmarks import Frame
from monai_ext.transforms import (
    DecodeHeatmapd,
    FitLandmarksd,
    GenerateHeatmapd,
    LoadLandmarkImaged,
    LoadMarkupsd,
    RandAffineLandmarksd,
)

NAMES = ("first", "second", "absent")
#: (width, height) of the two images and of the network input.
SIZES = ((37, 23), (29, 53))
INPUT = (64, 48)
#: Whole pixels (x, y) of the images where the first two landmarks lie.
PLACES = (((31, 4), (6, 18)), ((3, 47), (25, 9)))


def write_case(folder: Path, number: int) -> dict[str, str]:
    """An oblique image with anisotropic pixels, and markups whose positions ITK computes."""
    width, height = SIZES[number]
    image = sitk.GetImageFromArray(np.random.default_rng(number).integers(0, 255, (1, height, width), dtype=np.uint8))
    image.SetSpacing((0.5, 0.2 + number, 3.0))
    image.SetOrigin((-40.0, 25.0, 70.0))
    image.SetDirection((0, 0.6, 0.8, 1, 0, 0, 0, 0.8, -0.6))
    sitk.WriteImage(image, str(folder / f"{number}.nrrd"))
    positions = [image.TransformContinuousIndexToPhysicalPoint((*place, 0.0)) for place in PLACES[number]]
    points = [
        {"label": name, "position": position, "positionStatus": "defined"}
        for name, position in zip(NAMES, positions, strict=False)
    ]
    points.append({"label": "absent", "position": [0.0, 0.0, 0.0], "positionStatus": "missing"})
    markup = {"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": points}
    (folder / f"{number}.mrk.json").write_text(json.dumps({"markups": [markup]}))
    return {"image": str(folder / f"{number}.nrrd"), "label": str(folder / f"{number}.mrk.json")}


def labelled_places(case: dict[str, str]) -> np.ndarray:
    """(2, 2) points (x, y) of the label on the image, from the two files by ITK alone."""
    image = sitk.ReadImage(case["image"])
    markup = json.loads(Path(case["label"]).read_text())["markups"][0]
    positions = [point["position"] for point in markup["controlPoints"][:2]]
    return np.array([image.TransformPhysicalPointToContinuousIndex(position)[:2] for position in positions])


def letterboxed(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Points of an image on the network input that it is centred in, by their distance from the middle."""
    scale = min(INPUT[0] / size[0], INPUT[1] / size[1])
    return (points - (np.array(size) - 1) / 2) * scale + (np.array(INPUT) - 1) / 2


def peaks(heatmaps: torch.Tensor) -> list[list[int]]:
    """Whole pixels [x, y] where the maps (K, H, W) are highest."""
    return [[int(i) % heatmaps.shape[-1], int(i) // heatmaps.shape[-1]] for i in heatmaps.flatten(1).argmax(1)]


@pytest.fixture
def cases(tmp_path: Path) -> list[dict[str, str]]:
    return [write_case(tmp_path, number) for number in (0, 1)]


def load(cases: list[dict[str, str]], *transforms: Any, num_workers: int = 0, **options: Any) -> dict[str, Any]:
    """The only batch."""
    chain = Compose([LoadLandmarkImaged("image"), LoadMarkupsd("label", names=NAMES), *transforms])
    dataset = CacheDataset(cases, chain, progress=False, **options)
    (batch,) = DataLoader(dataset, batch_size=2, num_workers=num_workers)
    return batch


@pytest.mark.parametrize("number", [0, 1])
def test_load_and_draw_peaks_at_the_pixel_of_the_label(cases: list[dict[str, str]], number: int) -> None:
    batch = load([cases[number]] * 2, GenerateHeatmapd("points", 2.0, ref_image_keys="image"))

    width, height = SIZES[number]
    assert batch["points_heatmap"].shape == (2, 3, height, width)
    np.testing.assert_allclose(labelled_places(cases[number]), PLACES[number], atol=1e-9)
    for heatmaps in batch["points_heatmap"]:
        assert peaks(heatmaps[:2]) == [list(place) for place in PLACES[number]]
        np.testing.assert_allclose(heatmaps[:2].amax((-2, -1)), 1.0, atol=1e-6)
        assert not heatmaps[2].any()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_images_of_two_sizes_fitted_and_drawn_in_a_batch(cases: list[dict[str, str]], num_workers: int) -> None:
    fit, draw = FitLandmarksd("image", size_wh=INPUT), GenerateHeatmapd("points", 2.0, ref_image_keys="image")
    batch = load(cases, fit, draw, DecodeHeatmapd("points_heatmap", "gaussian_fit"), num_workers=num_workers)

    assert batch["image"].shape == (2, 1, INPUT[1], INPUT[0])
    assert batch["points_heatmap"].shape == (2, 3, INPUT[1], INPUT[0])
    assert batch["status"].tolist() == [[1, 1, 0]] * 2
    assert not batch["points_heatmap"][:, 2].any()
    for number, case in enumerate(cases):
        expected = letterboxed(labelled_places(case), SIZES[number])
        np.testing.assert_allclose(batch["points"][number, :2], expected, atol=1e-4)
        np.testing.assert_allclose(batch["points_heatmap_points"][number, :2], expected, atol=1e-3)
        assert peaks(batch["points_heatmap"][number, :2]) == expected.round().astype(int).tolist()


def test_the_heatmap_follows_a_random_affine_map(cases: list[dict[str, str]]) -> None:
    move = RandAffineLandmarksd("image", size_wh=INPUT, rotation=20.0, scale=0.1).set_random_state(3)
    draw = GenerateHeatmapd("points", 2.0, ref_image_keys="image")
    batch = load(cases, move, draw, DecodeHeatmapd("points_heatmap", "gaussian_fit"))

    for number, case in enumerate(cases):
        matrix = batch["matrix"][number].numpy()
        expected = labelled_places(case) @ matrix[:2, :2].T + matrix[:2, 2]
        assert abs(matrix[0, 1]) > 0.01
        np.testing.assert_allclose(batch["points_heatmap_points"][number, :2], expected, atol=1e-3)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_frames_of_a_batch_are_a_list(cases: list[dict[str, str]], num_workers: int) -> None:
    batch = load(cases, FitLandmarksd("image", size_wh=INPUT), num_workers=num_workers)

    assert [frame.size for frame in batch["frame"]] == list(SIZES)
    assert [frame.spacing for frame in batch["frame"]] == [(0.5, 0.2), (0.5, 1.2)]
    for frame, place, case in zip(batch["frame"], PLACES, cases, strict=True):
        assert isinstance(frame, Frame)
        world = sitk.ReadImage(case["image"]).TransformContinuousIndexToPhysicalPoint((*place[0], 0.0))
        np.testing.assert_allclose(frame.to_lps(place[0]), world, atol=1e-9)
    assert batch["label"] == [case["label"] for case in cases]
    first, second = decollate_batch(batch)
    assert (first["frame"], second["frame"]) == tuple(batch["frame"])
    assert first["points"].shape == (3, 2)
    assert pin_memory(batch["frame"]) == batch["frame"]


@pytest.mark.parametrize("collate", [default_collate, list_data_collate])
def test_frames_collate_wherever_they_lie(collate: Any) -> None:
    frames = [Frame(4, 3), Frame(2, 5, spacing=(0.1, 0.2), spacing_source="NRRD")]
    assert collate(frames) == frames
    assert collate([{"frame": frame} for frame in frames]) == {"frame": frames}
    assert collate([(frame, 1.0) for frame in frames])[0] == frames


def test_a_frame_keeps_its_values_between_processes() -> None:
    frame = Frame(4, 3, np.array([[0.5, 0.0, 1.0], [0.0, 0.2, 2.0], [0.0, 0.0, 3.0]]), (0.5, 0.2), "NRRD")
    copy = pickle.loads(pickle.dumps(frame))
    assert (copy.size, copy.spacing, copy.spacing_source) == ((4, 3), (0.5, 0.2), "NRRD")
    np.testing.assert_array_equal(copy.placement, frame.placement)
    with pytest.raises(ValueError, match="read-only"):
        copy.placement[0, 0] = 9.0
