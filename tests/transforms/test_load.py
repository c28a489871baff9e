from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import torch
from monai.data import MetaTensor
from PIL import Image

from monai_ext.landmarks import Frame, InputError
from monai_ext.transforms import LoadLandmarkImage, LoadLandmarkImaged, LoadMarkupsd
from monai_ext.transforms.load import index_to_ras

NAMES = ("nasion", "sella", "menton")


def write_markups(path: Path, points: dict[str, tuple[list[float], str]]) -> Path:
    control_points = [
        {"id": str(i), "label": name, "position": position, "positionStatus": status}
        for i, (name, (position, status)) in enumerate(points.items())
    ]
    markup = {"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": control_points}
    path.write_text(json.dumps({"markups": [markup]}), encoding="utf-8")
    return path


@pytest.fixture
def oblique_file(tmp_path: Path, smooth: np.ndarray) -> Path:
    image = sitk.GetImageFromArray(smooth[None])
    image.SetSpacing((0.5, 0.2, 3.0))
    image.SetOrigin((-40.0, 25.0, 70.0))
    image.SetDirection((0, 0.6, 0.8, 1, 0, 0, 0, 0.8, -0.6))
    sitk.WriteImage(image, str(tmp_path / "oblique.nrrd"))
    return tmp_path / "oblique.nrrd"


def test_image_is_a_metatensor_whose_affine_maps_row_and_column_to_ras(oblique_file: Path, smooth: np.ndarray) -> None:
    image, frame = LoadLandmarkImage("grey")(oblique_file)
    assert isinstance(image, MetaTensor)
    assert image.dtype == torch.float32
    np.testing.assert_array_equal(image.numpy(), smooth[None])
    assert image.meta["filename_or_obj"] == str(oblique_file)
    row, column = 7.0, 11.0
    left, posterior, superior = frame.to_lps([column, row])
    np.testing.assert_allclose(image.affine.numpy() @ [row, column, 0, 1], [-left, -posterior, superior, 1], atol=1e-9)
    np.testing.assert_allclose([left, posterior, superior], [-40 + 1.4 * 0.6, 25 + 5.5, 70 + 1.4 * 0.8], atol=1e-9)


def test_affine_can_be_inverted_and_its_third_axis_is_the_normal() -> None:
    frame = Frame(4, 3, np.array([[0.5, 0.0, 1.0], [0.0, 0.0, 2.0], [0.0, 0.2, 3.0]]))
    affine = index_to_ras(frame)
    np.testing.assert_allclose(np.abs(affine[:3, 2]), [0, 1, 0])
    assert abs(np.linalg.det(affine)) == pytest.approx(0.1)


def test_dictionary_version_sets_the_frame_and_channels(tmp_path: Path, smooth: np.ndarray) -> None:
    Image.fromarray(smooth).save(tmp_path / "a.png")
    load = LoadLandmarkImaged(keys="image", channels="rgb", frame_key="where")
    sample = load({"image": str(tmp_path / "a.png"), "id": "a"})
    assert sample["image"].shape == (3, 23, 37)
    assert sample["where"].size == (37, 23)
    assert sample["id"] == "a"


def test_missing_keys(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        LoadLandmarkImaged(keys="image")({"id": "a"})
    assert LoadLandmarkImaged(keys="image", allow_missing_keys=True)({"id": "a"}) == {"id": "a"}
    with pytest.raises(ValueError, match="one image"):
        LoadLandmarkImaged(keys=["image", "other"])


def test_unreadable_image_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"a\.png"):
        LoadLandmarkImaged()({"image": tmp_path / "a.png"})


def test_markups_become_pixel_points_in_the_order_of_names(tmp_path: Path, oblique_file: Path) -> None:
    frame = LoadLandmarkImage()(oblique_file)[1]
    path = write_markups(
        tmp_path / "a.mrk.json",
        {
            "menton": (frame.to_lps([30.25, 4.5]).tolist(), "defined"),
            "nasion": (frame.to_lps([2.0, 20.0]).tolist(), "missing"),
        },
    )
    sample = LoadMarkupsd(keys="label", names=NAMES)({"label": path, "frame": frame})
    assert sample["points"].dtype == torch.float32
    assert sample["status"].dtype == torch.int8
    assert sample["status"].tolist() == [0, -1, 1]
    np.testing.assert_allclose(sample["points"].numpy(), [[0, 0], [0, 0], [30.25, 4.5]], atol=1e-4)
    assert sample["label"] == path


def test_no_nan_enters_a_batch(tmp_path: Path) -> None:
    path = write_markups(tmp_path / "a.mrk.json", {"nasion": ([3.0, 4.0, 0.0], "undefined")})
    sample = LoadMarkupsd(names=NAMES)({"label": path, "frame": Frame(37, 23)})
    assert torch.isfinite(sample["points"]).all()
    assert sample["status"].tolist() == [-1, -1, -1]


def test_one_and_nineteen_landmarks(tmp_path: Path) -> None:
    for count in (1, 19):
        names = [f"p{i}" for i in range(count)]
        expected = np.array([[1.5 * i, 20.0 - i] for i in range(count)])
        points = {n: ([x, y, 0.0], "defined") for n, (x, y) in zip(names, expected.tolist(), strict=True)}
        path = write_markups(tmp_path / f"{count}.mrk.json", points)
        sample = LoadMarkupsd(names=names)({"label": path, "frame": Frame(37, 23)})
        np.testing.assert_allclose(sample["points"].numpy(), expected)


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    path = write_markups(tmp_path / "a.mrk.json", {"chin": ([3.0, 4.0, 0.0], "defined")})
    with pytest.raises(InputError, match="chin"):
        LoadMarkupsd(names=NAMES)({"label": path, "frame": Frame(37, 23)})


def test_load_of_a_dicom_radiograph(tmp_path: Path, smooth: np.ndarray, write_dicom: Callable[..., Path]) -> None:
    path = write_dicom(tmp_path / "a.dcm", smooth, ImagerPixelSpacing=["0.2", "0.1"])
    sample = LoadLandmarkImaged()({"image": path})
    np.testing.assert_array_equal(sample["image"].numpy(), smooth[None])
    assert sample["frame"].spacing == (0.1, 0.2)
