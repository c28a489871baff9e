"""Markups files against 3D Slicer's own reader and writer."""

from __future__ import annotations

import numpy as np
import pytest

from monai_ext.landmarks import Frame, Landmarks, read_markups, write_markups

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
