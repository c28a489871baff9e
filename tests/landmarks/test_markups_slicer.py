"""Markups files against 3D Slicer's own reader and writer."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (its own idiom)
from PIL import Image

from monai_ext.images import read_frame
from monai_ext.landmarks import Frame, Landmarks, read_markups, write_markups
from monai_ext.landmarks.markups import mapped_document, read_stated_frame

slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")
vtk = pytest.importorskip("vtk")

UNDEFINED, PREVIEW, DEFINED, MISSING = range(4)


@pytest.fixture
def scene():
    scene = slicer.vtkMRMLScene()
    yield scene
    scene.Clear(True)


def new_list(scene):
    node = slicer.vtkMRMLMarkupsFiducialNode()
    scene.AddNode(node)
    return node


def storage_for(scene, path, system=None):
    json = str(path).endswith(".json")
    storage = (slicer.vtkMRMLMarkupsJsonStorageNode if json else slicer.vtkMRMLMarkupsFiducialStorageNode)()
    scene.AddNode(storage)
    storage.SetFileName(str(path))
    if system is not None:
        storage.SetCoordinateSystem({"RAS": 0, "LPS": 1}[system])
    return storage


def slicer_read(scene, path):
    node = new_list(scene)
    storage = storage_for(scene, path)
    assert storage.ReadData(node) == 1
    assert storage.GetUserMessages().GetNumberOfMessages() == 0, storage.GetUserMessages().GetAllMessagesAsString()
    return node


def slicer_node(scene, landmarks):
    """A point list as a person would make it: positions in RAS, unset points, a description."""
    node = new_list(scene)
    for name, lps, status, confidence in zip(
        landmarks.names, landmarks.lps, landmarks.status, landmarks.confidence, strict=True
    ):
        position = np.nan_to_num(lps) * [-1, -1, 1]
        index = node.AddControlPoint(vtk.vtkVector3d(*position))
        node.SetNthControlPointLabel(index, name)
        if np.isfinite(confidence):
            node.SetNthControlPointDescription(index, f"confidence {confidence:.3f}")
        if status == 0:
            node.SetNthControlPointPositionMissing(index)
        elif status < 0:
            node.UnsetNthControlPointPosition(index)
    return node


def test_slicer_reads_what_we_write(scene, tmp_path, mixed):
    write_markups(tmp_path / "x.mrk.json", mixed, color="#FF0080")
    node = slicer_read(scene, tmp_path / "x.mrk.json")
    count = node.GetNumberOfControlPoints()
    assert [node.GetNthControlPointLabel(i) for i in range(count)] == list(mixed.names)
    assert [node.GetNthControlPointPositionStatus(i) for i in range(count)] == [DEFINED, DEFINED, MISSING, UNDEFINED]
    assert node.GetNthControlPointDescription(0) == "confidence 0.930"
    assert node.GetFixedNumberOfControlPoints()
    for index in range(2):
        np.testing.assert_allclose(node.GetNthControlPointPosition(index), mixed.lps[index] * [-1, -1, 1], atol=1e-9)


def test_slicer_takes_the_colour(scene, tmp_path):
    """As Slicer opens a file: list, storage and display at once."""
    path = tmp_path / "x.mrk.json"
    write_markups(path, Landmarks(["a"], [[1, 2]], Frame(9, 9)), color="#FF0080")
    storage = storage_for(scene, path)
    node = storage.AddNewMarkupsNodeFromFile(str(path))
    np.testing.assert_allclose(node.GetDisplayNode().GetSelectedColor(), [1, 0, 128 / 255])
    np.testing.assert_allclose(node.GetDisplayNode().GetColor(), [1, 0, 128 / 255])


@pytest.mark.parametrize("system", ["LPS", "RAS"])
def test_we_read_what_slicer_writes(scene, tmp_path, mixed, same, system):
    path = tmp_path / "x.mrk.json"
    assert storage_for(scene, path, system).WriteData(slicer_node(scene, mixed)) == 1
    assert f'"coordinateSystem": "{system}"' in path.read_text()
    same(read_markups(path, mixed.frame, mixed.names), mixed)


@pytest.mark.parametrize("system", ["LPS", "RAS"])
def test_we_read_slicers_legacy_format(scene, tmp_path, mixed, same, system):
    path = tmp_path / "x.fcsv"
    assert storage_for(scene, path, system).WriteData(slicer_node(scene, mixed)) == 1
    assert f"# CoordinateSystem = {system}" in path.read_text()
    same(read_markups(path, mixed.frame, mixed.names), mixed, atol=1e-3)


def test_a_correction_in_slicer_survives_our_rewrite(scene, tmp_path, mixed, same):
    """Written here, one point moved and one set in Slicer, saved there, read here, rewritten here, read there."""
    path = tmp_path / "x.mrk.json"
    write_markups(path, mixed)
    node = slicer_read(scene, path)
    corrected = mixed.points.copy()
    corrected[0] += [0.5, -1.25]
    corrected[3] = [8, 9]
    status = [1, 1, 0, 1]
    for index in (0, 3):
        node.SetNthControlPointPosition(index, *(mixed.frame.to_lps(corrected[index]) * [-1, -1, 1]))
    assert storage_for(scene, path).WriteData(node) == 1
    expected = Landmarks(mixed.names, corrected, mixed.frame, status, mixed.confidence)
    got = read_markups(path, mixed.frame, mixed.names)
    same(got, expected)
    write_markups(path, got, template=path)
    again = slicer_read(scene, path)
    assert [again.GetNthControlPointPositionStatus(i) for i in range(4)] == [DEFINED, DEFINED, MISSING, DEFINED]
    np.testing.assert_allclose(again.GetNthControlPointPosition(3), expected.lps[3] * [-1, -1, 1], atol=1e-9)


@pytest.mark.parametrize("code", ["0", "1", "RAS", "LPS"])
def test_slicer_and_we_agree_on_the_codes_of_the_legacy_format(scene, tmp_path, code):
    path = tmp_path / "x.fcsv"
    path.write_text(
        f"# Markups fiducial file version = 4.10\n# CoordinateSystem = {code}\n"
        "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
        "1,-3,4,0,0,0,0,1,1,1,0,a,,\n"
    )
    ras = np.array(slicer_read(scene, path).GetNthControlPointPosition(0))
    np.testing.assert_allclose(read_markups(path, Frame(9, 9)).lps[0], ras * [-1, -1, 1])


OLDER = {
    "1.0.0": {"id": "1", "label": "fovea", "position": [100.0, 90.0, 0.0], "positionStatus": "preview"},
    "1.0.1": {"label": "fovea", "position": [100, 90, 0], "positionStatus": "preview", "selected": True},
    "1.0.3": {"label": "fovea", "position": [100.0, 90.0, 0.0], "visibility": False, "positionStatus": "preview"},
    "1.0.2": {"label": "fovea", "position": [100.0, 90.0, 0.0], "selected": False, "visibility": True},
}


@pytest.mark.parametrize("version", OLDER)
def test_previews_lie_where_slicer_shows_them(scene, tmp_path, version):
    path = tmp_path / "x.mrk.json"
    schema = f"https://raw.githubusercontent.com/slicer/slicer/master/markups-schema-v{version}.json#"
    markup = {"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": [OLDER[version]]}
    path.write_text(json.dumps({"@schema": schema, "markups": [markup]}))
    node = slicer_read(scene, path)
    shown = np.array(node.GetNthControlPointPosition(0)) * [-1, -1, 1]
    got = read_markups(path, Frame(200, 150))
    assert got.status.tolist() == [1]
    np.testing.assert_allclose(got.lps[0], shown, atol=1e-9)
    np.testing.assert_allclose(got.points[0], [100, 90], atol=1e-9)


def test_previews_that_slicer_saves_without_a_position_are_undefined(scene, tmp_path):
    """Slicer drops the position of a preview when it saves .mrk.json, and keeps it in .fcsv."""
    source, path = tmp_path / "old.mrk.json", tmp_path / "x.mrk.json"
    points = [OLDER["1.0.0"], {"label": "disc", "position": [40, 92, 0], "positionStatus": "defined"}]
    markup = {"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": points}
    source.write_text(json.dumps({"@schema": "markups-schema-v1.0.0.json#", "markups": [markup]}))
    node = slicer_read(scene, source)
    assert storage_for(scene, path).WriteData(node) == 1
    assert '"position": ""' in path.read_text()
    got = read_markups(path, Frame(200, 150))
    assert got.status.tolist() == [-1, 1]
    assert storage_for(scene, tmp_path / "x.fcsv", "LPS").WriteData(node) == 1
    np.testing.assert_allclose(read_markups(tmp_path / "x.fcsv", Frame(200, 150)).points, [[100, 90], [40, 92]])


def test_slicer_reads_over_the_frame_of_a_label_and_drops_it(scene, tmp_path, mixed, same):
    """A label that was saved in Slicer states no frame: it opens as labels did that never stated one."""
    path = tmp_path / "x.mrk.json"
    write_markups(path, mixed)
    assert "imageFrame" in path.read_text()
    node = slicer_read(scene, path)
    assert storage_for(scene, path).WriteData(node) == 1
    assert read_stated_frame(path) is None
    same(read_markups(path, mixed.frame), mixed)


@pytest.mark.parametrize("now", [None, (72, 72), (96, 96), (118, 236)])
def test_a_mapped_label_is_shown_at_its_pixels_by_the_image_as_itk_reads_it(scene, tmp_path, now):
    """A JPEG of 300 x 150 dpi whose density is stripped or changed: label mapped, read by Slicer, image read by ITK."""
    pixels = np.random.default_rng(0).integers(0, 255, (48, 80), np.uint8)
    image, path = tmp_path / "x.jpg", tmp_path / "x.mrk.json"
    Image.fromarray(pixels).save(image, dpi=(300, 150))
    points = np.array([[20.25, 11.5], [70.0, 40.75]])
    write_markups(path, Landmarks(["a", "b"], points, read_frame(image)))
    Image.fromarray(pixels).save(image, **({} if now is None else {"dpi": now}))

    path.write_text(json.dumps(mapped_document(path, read_frame(image))))

    node, read = slicer_read(scene, path), sitk.ReadImage(str(image))
    for index, point in enumerate(points.tolist()):
        right, anterior, _ = node.GetNthControlPointPosition(index)
        shown = read.TransformPhysicalPointToContinuousIndex((-right, -anterior))
        np.testing.assert_allclose(shown, point, atol=1e-9)
