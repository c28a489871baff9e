"""DICOM structured reports on images in the scene: the points lie where the standard's equations put them."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from host import install
from LandmarkDetectionLib.scene.report_points import is_report, load_report
from pydicom import Dataset, dcmread
from scene_fixture import SceneError, SceneHost, save_png, scene_host, slicer, vtk  # noqa: F401

sys.path[:0] = [str(Path(__file__).parents[1] / "structured_reports")]
from dicom_images import CLASSES, dicom_image, write_dicom  # noqa: E402
from dicom_reports import group, report  # noqa: E402

CLASSES.setdefault("MR", "1.2.840.10008.5.1.4.1.1.4")
SPACING = (0.15, 0.4)  # x, y
#: Pixels, (0, 0) the centre of the first: also the corners of the image of 64 x 48.
PIXELS = {"fovea": (10.25, 40.5), "disc": (63.5, -0.5), "nose": (0, 0)}


def radiograph() -> Dataset:
    return dicom_image("DX", spacing=SPACING)


def oblique() -> Dataset:
    """A slice that is turned about all axes."""
    image = dicom_image("MR")
    image.PixelSpacing = [SPACING[1], SPACING[0]]
    image.ImagePositionPatient = [12.5, -40.25, 7]
    angles = np.radians([20, -35, 70])
    (a, b, c), (d, e, f) = np.cos(angles), np.sin(angles)
    turn = np.array([[1, 0, 0], [0, a, -d], [0, d, a]]) @ np.array([[b, 0, e], [0, 1, 0], [-e, 0, b]])
    turn = turn @ np.array([[c, -f, 0], [f, c, 0], [0, 0, 1]])
    image.ImageOrientationPatient = [round(float(value), 9) for value in (*turn[:, 0], *turn[:, 1])]
    return image


def expected(image: Dataset, pixel: Any) -> np.ndarray:
    """LPS by PS3.3, equation C.7.6.2.1-1; a radiograph lies flat at the origin."""
    turn = np.array(image.get("ImageOrientationPatient", [1, 0, 0, 0, 1, 0]), dtype=float).reshape(2, 3)
    origin = np.array(image.get("ImagePositionPatient", [0, 0, 0]), dtype=float)
    return origin + turn[0] * SPACING[0] * pixel[0] + turn[1] * SPACING[1] * pixel[1]


def groups_of(image: Dataset) -> list[Dataset]:
    """The points as a report has them, from the corner of the first pixel; one of the landmarks is absent."""
    groups = [group(image, np.add(pixel, 0.5), identifier=name) for name, pixel in PIXELS.items()]
    return [*groups[:1], group(image, None, identifier="ear", site=("1", "SCT", "Ear")), *groups[1:]]


def lps(node: Any, index: int) -> np.ndarray:
    right, anterior, superior = node.GetNthControlPointPositionWorld(index)
    return np.array([-right, -anterior, superior])


def labels(node: Any) -> list[str]:
    return [node.GetNthControlPointLabel(index) for index in range(node.GetNumberOfControlPoints())]


@pytest.mark.parametrize("make", [radiograph, oblique])
def test_points_lie_where_the_standard_puts_them(host: SceneHost, tmp_path: Path, make: Any) -> None:
    image = make()
    host.load(write_dicom(tmp_path / "other.dcm", make()))
    volume = host.load(write_dicom(tmp_path / "image.dcm", image))
    (node,), absent = load_report(write_dicom(tmp_path / "mine.dcm", report(groups_of(image))), host.scene)
    assert absent == []
    assert node.IsA("vtkMRMLMarkupsFiducialNode")
    assert node.GetName() == "mine"
    assert labels(node) == ["fovea", "ear", "disc", "nose"]
    assert node.GetNthControlPointDescription(1) == "Ear"
    status = [node.GetNthControlPointPositionStatus(index) for index in range(4)]
    assert status == [node.PositionDefined, node.PositionMissing, node.PositionDefined, node.PositionDefined]
    for index, pixel in ((0, PIXELS["fovea"]), (2, PIXELS["disc"]), (3, PIXELS["nose"])):
        np.testing.assert_allclose(lps(node, index), expected(image, pixel), rtol=0, atol=1e-4)

    turn = slicer.vtkMRMLLinearTransformNode()
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy((0, -1, 0, 5, 1, 0, 0, 6, 0, 0, 1, 7, 0, 0, 0, 1))
    turn.SetMatrixTransformToParent(matrix)
    host.scene.AddNode(turn)
    volume.SetAndObserveTransformNodeID(turn.GetID())
    (moved,), _ = load_report(tmp_path / "mine.dcm", host.scene)
    right, anterior, superior = expected(image, PIXELS["fovea"]) * (-1, -1, 1)
    place = moved.GetNthControlPointPositionWorld(0)
    np.testing.assert_allclose(place, (5 - anterior, 6 + right, 7 + superior), rtol=0, atol=1e-4)
    assert moved.GetTransformNodeID() == turn.GetID()


@pytest.mark.parametrize("count", [1, 19])
def test_reports_of_the_library_are_read(host: SceneHost, tmp_path: Path, count: int) -> None:
    pytest.importorskip("highdicom", reason="the extra `dicom-sr` is not installed")
    from monai_ext.images import read_frame
    from monai_ext.landmarks import Landmarks, Protocol, Status
    from monai_ext.structured_reports import Observers, structured_report

    names = [f"point_{number}" for number in range(count)]
    told: dict[str, Any] = {"name": "many", "title": "Many", "channels": "grey"}
    told["landmarks"] = [{"name": name, "description": "A point."} for name in names]
    protocol = Protocol.model_validate(told)
    path = write_dicom(tmp_path / "image.dcm", oblique())
    frame = read_frame(path)
    pixels = np.random.default_rng(3).uniform(0, (63, 47), (count, 2))
    status = np.full(count, Status.DEFINED)
    status[18:], pixels[18:] = Status.MISSING, np.nan
    landmarks = Landmarks(names, pixels, frame, status)
    structured_report(path, landmarks, protocol, Observers("Ada Roe")).save_as(tmp_path / "sr.dcm")
    host.load(path)
    assert is_report(tmp_path / "sr.dcm")
    (node,), _ = load_report(tmp_path / "sr.dcm", host.scene)
    assert labels(node) == names
    missing = [node.GetNthControlPointPositionStatus(k) == node.PositionMissing for k in range(count)]
    assert missing == (status == Status.MISSING).tolist()
    places = [lps(node, k) for k in range(min(count, 18))]
    np.testing.assert_allclose(places, frame.to_lps(pixels[:18]), rtol=0, atol=1e-4)  # reports have single precision


def test_an_image_of_the_panel_is_known_though_its_file_is_forgotten(host: SceneHost, tmp_path: Path) -> None:
    image = radiograph()
    path = write_dicom(tmp_path / "image.dcm", image)
    host.adapter().show_image(path, "eye")
    path.unlink()
    (node,), _ = load_report(write_dicom(tmp_path / "sr", report(groups_of(image))), host.scene)
    np.testing.assert_allclose(lps(node, 0), expected(image, PIXELS["fovea"]), rtol=0, atol=1e-4)


def test_a_series_loaded_by_slicer_s_dicom_module_is_known_by_its_attribute(host: SceneHost, tmp_path: Path) -> None:
    image = radiograph()
    volume = host.load(write_dicom(tmp_path / "image.dcm", radiograph()))
    volume.SetAttribute("DICOM.instanceUIDs", f"1.2.3 {image.SOPInstanceUID}")
    (node,), _ = load_report(write_dicom(tmp_path / "sr", report(groups_of(image))), host.scene)
    assert node.GetNumberOfControlPoints() == 4


@pytest.mark.filterwarnings("ignore:The value length")  # OHIF's own code is too long
def test_names_of_other_programs(host: SceneHost, tmp_path: Path) -> None:
    image = radiograph()
    host.load(write_dicom(tmp_path / "image.dcm", image))
    tool, words = "Cornerstone3DTools@^0.1.0:ArrowAnnotate", ("CORNERSTONEFREETEXT", "CORNERSTONEJS", "Spur")
    structure = ("91723000", "SCT", "Anatomical structure")
    named = [
        group(image, (1, 2), identifier=tool, finding=words, site=("2", "SCT", "Eye")),
        group(image, (1, 2), identifier=tool, finding=structure, site=("2", "SCT", "Iris")),
        group(image, (1, 2), site=("2", "SCT", "Disc")),
        group(image, (1, 2)),
    ]
    (node,), _ = load_report(write_dicom(tmp_path / "sr", report(named)), host.scene)
    assert labels(node) == ["Spur", "Iris", "Disc", "sr-4"]
    assert node.GetNthControlPointDescription(0) == "Eye"


@pytest.fixture
def reader(host: SceneHost) -> Any:
    """The reader as Slicer makes it, with a stand-in for ``qSlicerScriptedFileReader`` and Slicer's own messages."""
    install()
    module = importlib.import_module("LandmarkDetection")
    messages = slicer.vtkMRMLMessageCollection()
    parent = types.SimpleNamespace(userMessages=lambda: messages, loadedNodes=[])
    return module.LandmarkDetectionFileReader(parent)


def told(reader: Any) -> list[tuple[int, str]]:
    messages = reader.parent.userMessages()
    count = messages.GetNumberOfMessages()
    return [(messages.GetNthMessageType(n), messages.GetNthMessageText(n)) for n in range(count)]


def test_slicer_s_reader_takes_reports_alone(reader: Any, tmp_path: Path) -> None:
    image = write_dicom(tmp_path / "image.dcm", radiograph())
    found = write_dicom(tmp_path / "sr.dcm", report(groups_of(dcmread(image))))
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(found.read_bytes()[:140])
    picture = save_png(tmp_path / "a.png")
    assert [reader.canLoadFileConfidence(str(path)) for path in (found, image, cut, picture)] == [0.9, 0.0, 0.0, 0.0]
    assert [type(reader.canLoadFile(str(path))) for path in (found, cut)] == [bool, bool]
    assert reader.extensions()[0] == "Landmarks of a DICOM structured report (*.dcm)"


def test_slicer_s_reader_loads_what_it_can_and_says_the_rest(reader: Any, host: SceneHost, tmp_path: Path) -> None:
    image, other = radiograph(), radiograph()
    path = write_dicom(tmp_path / "sr.dcm", report([*groups_of(image), *groups_of(other)]))
    assert reader.load({"fileName": str(path)}) is False
    sentence = "sr.dcm has points of the image {}, which is not in the scene: load it first."
    assert told(reader) == [(vtk.vtkCommand.ErrorEvent, sentence.format(image.SOPInstanceUID))]
    assert host.scene.GetNumberOfNodesByClass("vtkMRMLMarkupsNode") == 0
    host.load(write_dicom(tmp_path / "image.dcm", image))
    assert reader.load({"fileName": str(path)}) is True
    assert told(reader)[1:] == [(vtk.vtkCommand.WarningEvent, sentence.format(other.SOPInstanceUID))]
    (loaded,) = reader.parent.loadedNodes
    assert labels(host.scene.GetNodeByID(loaded)) == ["fovea", "ear", "disc", "nose"]


def test_what_cannot_be_read_is_one_sentence(host: SceneHost, tmp_path: Path) -> None:
    image = radiograph()
    path = write_dicom(tmp_path / "sr.dcm", report(groups_of(image)))
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"SCOORD") + 20])
    with pytest.raises(SceneError, match=r"^sr\.dcm cannot be read as a structured report: "):
        load_report(path, host.scene)
    with pytest.raises(SceneError, match=r"^none\.dcm holds no points of images\.$"):
        load_report(write_dicom(tmp_path / "none.dcm", report([])), host.scene)
    several = dicom_image("US")
    several.NumberOfFrames, several.PixelData = 2, several.PixelData * 2
    volume = host.load(write_dicom(tmp_path / "frames.dcm", several))
    assert volume.GetImageData().GetDimensions()[2] == 2
    report_of_it = write_dicom(tmp_path / "frames_sr.dcm", report([group(several, (1, 2), identifier="a", frame=2)]))
    with pytest.raises(SceneError, match="has 2 slices, but landmarks are placed in 2D images only"):
        load_report(report_of_it, host.scene)
    assert host.scene.GetNumberOfNodesByClass("vtkMRMLMarkupsNode") == 0
