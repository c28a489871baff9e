from __future__ import annotations

import json

import numpy as np
import pytest

from monai_ext.formats import read_table, recognise, write_table
from monai_ext.landmarks import Frame, InputError, Status, TablePoint

FCSV = """# Markups fiducial file version = 4.11
# CoordinateSystem = LPS
# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID
vtkMRMLMarkupsFiducialNode_0,97.5,17.0,9,0,0,0,1,1,1,0,1,,vtkMRMLScalarVolumeNode1
vtkMRMLMarkupsFiducialNode_1,100.0,-4.0,9,0,0,0,1,1,1,0,2,,vtkMRMLScalarVolumeNode1
"""


def test_a_folder_of_numbered_points_as_slicermorph_keeps_it(tmp_path, frames) -> None:
    (tmp_path / "skull 1.fcsv").write_text(FCSV)
    (tmp_path / "skull 2.fcsv").write_text(FCSV.replace("LPS", "RAS").replace("97.5,17.0", "-97.5,-17.0"))
    (tmp_path / "skull 2.fcsv").write_text((tmp_path / "skull 2.fcsv").read_text().replace("100.0,-4.0", "-100.0,4.0"))

    table = read_table(tmp_path, frames=frames)

    assert recognise(tmp_path).name == "fcsv"
    assert list(table.images) == ["skull 1", "skull 2"]
    for entry in table.images.values():
        assert entry.size == (60, 40)
        assert entry.points["1"] == TablePoint(pytest.approx(10.0), pytest.approx(30.0))
        assert entry.points["2"] == TablePoint(pytest.approx(0.0), pytest.approx(0.0))


def test_points_in_the_other_kind_of_file_are_not_left_out_without_a_word(tmp_path, table, frames) -> None:
    write_table(tmp_path, table, "mrk", frames=frames)
    (tmp_path / "a.fcsv").write_text(FCSV)  # of an image that is read
    (tmp_path / "skull.fcsv").write_text(FCSV)
    with pytest.warns(UserWarning, match=r"1 files that end in \.fcsv are left out, as skull\.fcsv: .* --format fcsv"):
        assert list(read_table(tmp_path, frames=frames).images) == ["a", "b"]
    with pytest.warns(UserWarning, match=r"1 files that end in \.mrk\.json are left out, as b\.mrk\.json: .* mrk"):
        assert list(read_table(tmp_path, format="fcsv", frames=frames).images) == ["a", "skull"]


def test_a_point_off_the_plane_of_its_image_is_refused(tmp_path, frames) -> None:
    (tmp_path / "a.fcsv").write_text(FCSV.replace("17.0,9", "17.0,90"))
    with pytest.raises(InputError, match=r"a\.fcsv: The position .* lies 81\.0 mm off the image plane"):
        read_table(tmp_path / "a.fcsv", frames=frames)


def test_a_folder_with_a_broken_file_is_refused(tmp_path, table, frames) -> None:
    write_table(tmp_path / "x", table, "mrk", frames=frames)
    (tmp_path / "x" / "c.mrk.json").write_text("{}")
    with pytest.raises(InputError, match=r"c\.mrk\.json is not a Slicer markups file"):
        read_table(tmp_path / "x", frames=frames)


def test_labels_of_a_studies_folder_are_a_folder_of_markups(tmp_path, table, frames) -> None:
    write_table(tmp_path / "x", table, "mrk", frames=frames)
    assert sorted(item.name for item in (tmp_path / "x").iterdir()) == ["a.mrk.json", "b.mrk.json"]
    points = json.loads((tmp_path / "x" / "a.mrk.json").read_text())["markups"][0]["controlPoints"]
    assert [point["label"] for point in points] == ["tip", "base", "left eye"]


def test_slicer_reads_the_fcsv_that_is_written(tmp_path, table) -> None:
    slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")
    frame = Frame(60, 40, np.array([[0.25, 0, -3], [0, 0.7, 4], [0, 0, 9]]))
    table.images["a.png"].points["base"] = TablePoint(np.nan, np.nan, Status.MISSING)
    table.images["a.png"].points["left eye"] = TablePoint(np.nan, np.nan, Status.UNDEFINED)
    write_table(tmp_path, table, "fcsv", frames=lambda image: frame)
    scene = slicer.vtkMRMLScene()
    node, storage = slicer.vtkMRMLMarkupsFiducialNode(), slicer.vtkMRMLMarkupsFiducialStorageNode()
    scene.AddNode(node)
    scene.AddNode(storage)
    storage.SetFileName(str(tmp_path / "a.fcsv"))

    assert storage.ReadData(node) == 1

    assert [node.GetNthControlPointLabel(k) for k in range(3)] == ["tip", "base", "left eye"]
    assert [node.GetNthControlPointPositionStatus(k) for k in range(3)] == [2, 3, 0]
    lps = frame.to_lps([10.25, 3.5])
    np.testing.assert_allclose(node.GetNthControlPointPosition(0), lps * [-1, -1, 1], atol=1e-9)
    scene.Clear(True)
