from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from LandmarkDetectionLib.scene.scene import SceneAdapter
from LandmarkDetectionLib.work.records import WorkRecord
from LandmarkDetectionLib.work.work import Work
from PIL import Image
from scene_fixture import TASK, Log, SceneError, SceneHost, predicted_work, save_png, scene_host, slicer  # noqa: F401
from test_scene_geometry import FILES, PIXELS

from monai_ext.images import read_frame, read_image

STATE = ["missing", (20.0, 50.0), (80.0, 30.0), None]


def opened(host: SceneHost, path: Path, log: Log | None = None, pixels: list[object] | None = None):
    adapter = host.adapter(log)
    adapter.show_image(path, "eye 1")
    work = predicted_work(adapter, pixels or STATE, 0.87)
    adapter.show_points(TASK, work)
    return adapter, work


def save(host: SceneHost, folder: Path, kind: str) -> Path:
    if kind == "mrb":
        path = folder / "work.mrb"
        assert host.scene.WriteToMRB(str(path))
        return path
    path = folder / "work.mrml"
    for node in slicer.util.getNodesByClass("vtkMRMLStorableNode"):
        if not node.GetSaveWithScene() or not node.GetModifiedSinceRead():
            continue
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        storage.SetFileName(str(folder / f"{node.GetID()}.{storage.GetDefaultWriteFileExtension()}"))
        assert storage.WriteData(node)
    host.scene.SetURL(str(path))
    assert host.scene.Commit()
    return path


def load(host: SceneHost, path: Path) -> None:
    host.scene.Clear(False)
    if path.suffix == ".mrb":
        assert host.scene.ReadFromMRB(str(path), True)
    else:
        host.scene.SetURL(str(path))
        assert host.scene.Connect()


@pytest.mark.parametrize("kind", ["mrb", "mrml"])
@pytest.mark.parametrize("name", ["anisotropic nrrd", "oblique mirrored nrrd", "jpeg with dpi", "png", "dicom"])
def test_a_saved_scene_keeps_the_work(host: SceneHost, tmp_path: Path, kind: str, name: str) -> None:
    log = Log()
    adapter, work = opened(host, FILES[name](tmp_path), log)
    work.point_moved(1, work.geometry.to_lps(24.0, 47.0))
    adapter.show_points(TASK, work)
    before, content = adapter.read_points(), slicer.util.arrayFromVolume(adapter.volume).copy()
    adapter.save_state({"work": work.record().to_json(), "digest": TASK.digest, "server": "http://localhost:8000"})
    load(host, save(host, tmp_path, kind))
    assert "scene_closed" in log.names
    assert log.names[-1] == "scene_loaded"
    assert adapter.volume is None
    log.clear()

    values = adapter.restore()
    assert values["digest"] == TASK.digest
    assert values["server"] == "http://localhost:8000"
    assert adapter.image_id == "eye 1"
    again = Work.from_record(WorkRecord.from_json(values["work"]))
    assert again.points == work.points
    adapter.show_points(again.task, again)
    after = adapter.read_points()
    assert [point.status for point in after] == ["missing", "defined", "defined", "undefined"]
    assert after[1].pixel == pytest.approx((24.0, 47.0), abs=1e-6)
    assert after[2].lps == pytest.approx(before[2].lps, abs=1e-6)
    node = adapter.points_node
    assert node.GetFixedNumberOfControlPoints()
    assert node.GetNthControlPointDescription(2) == "confidence 0.870"
    assert again[1].predicted == pytest.approx(work[1].predicted)
    assert host.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1
    # Our own list, four marks (a star and three colours), the names, and nothing left over.
    assert host.scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode") == 1 + 5
    assert log == []
    assert np.array_equal(slicer.util.arrayFromVolume(adapter.volume), content)

    host.view.drag([host.view.at(adapter._frame.world((80.0, 30.0))), (200, 140), (210, 160)])
    assert log.names == ["drag_started", "point_moved", "point_moved", "drag_ended"]


def test_points_are_seen_and_named_without_the_module(host: SceneHost, tmp_path: Path) -> None:
    adapter, _ = opened(host, FILES["png"](tmp_path))
    node = adapter.points_node
    display = node.GetDisplayNode()
    assert (display.GetOpacity(), display.GetPointLabelsVisibility()) == (1.0, False)
    adapter.close()
    assert (display.GetOpacity(), display.GetPointLabelsVisibility()) == (1.0, True)
    assert slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode") == [node]
    assert display.GetGlyphTypeAsString(display.GetGlyphType()) == "Cross2D"


def test_the_points_of_a_saved_scene_are_used_not_doubled(host: SceneHost, tmp_path: Path) -> None:
    adapter, work = opened(host, FILES["anisotropic nrrd"](tmp_path))
    adapter.points_node.SetNthControlPointDescription(1, "by hand; confidence 0.870")
    adapter.save_state({"work": work.record().to_json()})
    load(host, save(host, tmp_path, "mrb"))
    values = adapter.restore()
    node = adapter.points_node
    adapter.show_points(TASK, Work.from_record(WorkRecord.from_json(values["work"])))
    assert adapter.points_node is node
    assert node.GetNthControlPointDescription(1) == "by hand; confidence 0.870"
    rows, _ = np.nonzero((host.view.picture() == 255).all(axis=2))
    assert len(rows) > 0


def test_nothing_for_show_is_in_the_file(host: SceneHost, tmp_path: Path) -> None:
    adapter, work = opened(host, FILES["anisotropic nrrd"](tmp_path))
    adapter.highlight(1)
    adapter.save_state({"work": work.record().to_json()})
    text = save(host, tmp_path, "mrml").read_text()
    tags = re.findall(r"<(Markups\w+)\s", text)
    assert sorted(tags) == ["MarkupsFiducial", "MarkupsFiducialDisplay", "MarkupsJsonStorage"]


def test_any_text_survives_the_scene_file(host: SceneHost, tmp_path: Path) -> None:
    adapter, _ = opened(host, FILES["anisotropic nrrd"](tmp_path))
    text = json.dumps({"a": "x<y> & 'é' \"q\" ; 100 %\n\ttab 漢", "b": "\\u00e9"}, ensure_ascii=False)
    adapter.save_state({"work": text})
    load(host, save(host, tmp_path, "mrml"))
    assert adapter.stored_values() == {"work": text}


@pytest.mark.parametrize("name", ["token", "ServerToken", "password"])
def test_a_token_is_never_kept(host: SceneHost, tmp_path: Path, name: str) -> None:
    adapter, _ = opened(host, FILES["png"](tmp_path))
    with pytest.raises(ValueError, match="must not be kept"):
        adapter.save_state({name: "abc"})
    assert adapter.stored_values() == {}


def test_a_scene_of_another_kind_restores_nothing(host: SceneHost, tmp_path: Path) -> None:
    adapter = host.adapter()
    assert adapter.restore() == {}
    assert adapter.read_points() == []


def test_a_scene_whose_image_is_gone_says_so_and_keeps_the_work(host: SceneHost, tmp_path: Path) -> None:
    adapter, work = opened(host, FILES["anisotropic nrrd"](tmp_path))
    adapter.save_state({"work": work.record().to_json()})
    path = save(host, tmp_path, "mrml")
    next(tmp_path.glob("vtkMRMLScalarVolumeNode*")).unlink()
    host.scene.Clear(False)
    host.scene.SetURL(str(path))
    host.scene.Connect()
    with pytest.raises(SceneError, match="image"):
        adapter.restore()
    assert Work.from_record(WorkRecord.from_json(adapter.stored_values()["work"])).points == work.points


def test_closing_the_scene_forgets_everything_and_the_next_image_works(host: SceneHost, tmp_path: Path) -> None:
    log = Log()
    adapter, work = opened(host, FILES["png"](tmp_path), log)
    adapter.save_state({"work": work.record().to_json()})
    adapter.start_placing(3)
    host.scene.Clear(False)
    assert log.names == ["scene_closed"]
    assert (adapter.volume, adapter.points_node, adapter.placing, adapter.image_id) == (None, None, None, "")
    assert adapter.read_points() == []
    assert adapter.stored_values() == {}
    host.view.picture()
    adapter.show_image(tmp_path / "eye.png", "eye 1")
    adapter.show_points(TASK, work)
    assert [point.status for point in adapter.read_points()] == ["missing", "defined", "defined", "undefined"]
    interaction = host.logic.GetInteractionNode()
    assert interaction.GetCurrentInteractionMode() == interaction.ViewTransform


def test_deleting_points_or_image_in_slicer_is_told_and_can_be_mended(host: SceneHost, tmp_path: Path) -> None:
    log = Log()
    adapter, work = opened(host, FILES["png"](tmp_path), log)
    host.scene.RemoveNode(adapter.points_node)
    assert log == [("nodes_removed",)]
    assert adapter.points_node is None
    assert host.scene.GetNumberOfNodesByClass("vtkMRMLMarkupsNode") == 0
    adapter.show_points(TASK, work)
    assert adapter.read_points()[1].pixel == pytest.approx((20.0, 50.0))
    host.scene.RemoveNode(adapter.volume)
    assert log.names == ["nodes_removed"] * 2
    assert adapter.volume is None
    with pytest.raises(SceneError, match="No image is open"):
        adapter.show_points(TASK, work)


def test_another_task_gets_a_list_of_its_own(host: SceneHost, tmp_path: Path) -> None:
    adapter, _ = opened(host, FILES["png"](tmp_path))
    first = adapter.points_node
    other = replace(TASK, name="other", landmarks=TASK.landmarks[:2], measurements=())
    adapter.show_points(other, Work(other, "eye 1", adapter.image_geometry()))
    assert not host.scene.IsNodePresent(first)
    assert [point.name for point in adapter.read_points()] == ["apex", "left_end"]
    assert host.scene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode") == 0


def test_a_volume_of_the_persons_own_is_never_removed(host: SceneHost, tmp_path: Path) -> None:
    own = host.load(save_png(tmp_path / "own.png"))
    adapter = host.adapter()
    adapter.use_volume(own)
    assert adapter.image_id == ""
    adapter.clear()
    assert host.scene.IsNodePresent(own)
    adapter.use_volume(own, "given")
    assert adapter.image_id == "given"
    adapter.show_image(save_png(tmp_path / "next.png"), "next")
    assert host.scene.IsNodePresent(own)


def test_a_volume_as_read_is_sent_as_its_file(host: SceneHost, tmp_path: Path) -> None:
    source = FILES["jpeg with dpi"](tmp_path)
    node = host.load(source)
    path = host.adapter().export_volume(node, tmp_path / "out")
    assert path.name == "eye.jpg"
    assert path.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("name", ["0123ab", "IM.1.2", "scan.IMA"])
def test_a_dicom_file_of_any_name_is_sent_as_it_is(host: SceneHost, tmp_path: Path, name: str) -> None:
    source = FILES["dicom"](tmp_path)
    node = host.load(source)
    node.GetStorageNode().SetFileName(str(source.rename(tmp_path / name)))
    path = host.adapter().export_volume(node, tmp_path / "out")
    assert (path.name, path.read_bytes()) == ("eye.dcm", (tmp_path / name).read_bytes())
    node.GetStorageNode().SetFileName(str(FILES["png"](tmp_path).rename(tmp_path / "other")))
    assert host.adapter().export_volume(node, tmp_path / "out").name == "eye.nrrd"


def test_a_changed_photograph_is_sent_as_png_without_invented_millimetres(host: SceneHost, tmp_path: Path) -> None:
    node = host.load(FILES["png"](tmp_path))
    node.SetName("my eye/1")
    slicer.util.arrayFromVolume(node)[0, 3, 5] = (1, 2, 3)
    slicer.util.arrayFromVolumeModified(node)
    path = host.adapter().export_volume(node, tmp_path / "out")
    assert path.name == "my_eye_1.png"
    assert np.array_equal(np.asarray(Image.open(path)), slicer.util.arrayFromVolume(node)[0])
    assert read_frame(path).unit == "px"
    slicer.util.updateVolumeFromArray(node, slicer.util.arrayFromVolume(node).astype(np.float32))
    with pytest.raises(SceneError, match=r"^my eye/1 has pixels of 1 mm, .* 3 x float:"):
        host.adapter().export_volume(node, tmp_path / "out")


def test_a_changed_volume_with_a_frame_is_sent_as_nrrd_in_that_frame(host: SceneHost, tmp_path: Path) -> None:
    node = host.load(FILES["oblique mirrored nrrd"](tmp_path))
    frame = read_frame(tmp_path / "eye.nrrd")
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetAndObserveTransformNodeID(transform.GetID())
    slicer.util.arrayFromVolume(node)[0, 3, 5] = 77
    slicer.util.arrayFromVolumeModified(node)
    path = host.adapter().export_volume(node, tmp_path / "out")
    image, sent = read_image(path, "grey")
    assert sent.size == frame.size
    assert np.allclose(sent.to_lps(np.array(PIXELS)), frame.to_lps(np.array(PIXELS)), atol=1e-6)
    assert image[0, 3, 5] == pytest.approx(77, abs=1)


def test_a_folder_that_cannot_be_written_is_said_so(host: SceneHost, tmp_path: Path) -> None:
    node = host.load(FILES["png"](tmp_path))
    (tmp_path / "taken").write_text("")
    with pytest.raises(SceneError, match="cannot be"):
        host.adapter().export_volume(node, tmp_path / "taken")


def test_a_closed_adapter_neither_hears_nor_leaves_marks(host: SceneHost, tmp_path: Path) -> None:
    log = Log()
    adapter, _ = opened(host, FILES["png"](tmp_path), log)
    node = adapter.points_node
    adapter.close()
    node.SetNthControlPointPosition(1, -30.0, -30.0, 0.0)
    host.scene.RemoveNode(node)
    host.scene.Clear(False)
    assert log == []


def test_without_the_view_points_are_still_shown_and_fitting_says_no(host: SceneHost, tmp_path: Path) -> None:
    adapter = SceneAdapter(host.scene, host.logic, host.load, view="Magenta")
    adapter.show_image(FILES["png"](tmp_path), "eye")
    adapter.show_points(TASK, predicted_work(adapter, STATE))
    assert not adapter.fit_image()
    assert not adapter.center_on(1)
    adapter.close()
