from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scene_fixture import TASK, Log, SceneHost, predicted_work, save_png, scene_host, slicer  # noqa: F401

from monai_ext.images import read_frame
from monai_ext.landmarks.markups import read_markups

PIXELS = [(60.5, 30.25), (20.0, 90.0), (150.0, 70.0), (100.0, 110.0)]
COLORS = {"apex": (255, 0, 0), "base": (0, 0, 255)}


@pytest.fixture
def png(tmp_path: Path) -> Path:
    return save_png(tmp_path / "eye.png")


def opened(host: SceneHost, png: Path, pixels: list[object], log: Log | None = None):
    adapter = host.adapter(log)
    adapter.show_image(png, "eye")
    work = predicted_work(adapter, pixels)
    adapter.show_points(TASK, work)
    return adapter, work


def test_the_points_are_one_fiducial_list_of_fixed_length_named_in_protocol_order(host: SceneHost, png: Path) -> None:
    adapter, _ = opened(host, png, PIXELS)
    node = adapter.points_node
    assert node.GetClassName() == "vtkMRMLMarkupsFiducialNode"
    assert node.GetFixedNumberOfControlPoints()
    assert [node.GetNthControlPointLabel(i) for i in range(4)] == list(TASK.names)
    assert node.AddControlPoint((0.0, 0.0, 0.0), "fifth") == -1
    saved = [n for n in slicer.util.getNodesByClass("vtkMRMLMarkupsNode") if n.GetSaveWithScene()]
    assert saved == [node]


def test_missing_and_unlabelled_points_are_unset_and_not_drawn(host: SceneHost, png: Path) -> None:
    adapter, _ = opened(host, png, ["missing", None, (150.0, 70.0), None])
    node = adapter.points_node
    assert node.GetNthControlPointPositionStatus(0) == node.PositionMissing
    assert node.GetNthControlPointPositionStatus(1) == node.PositionUndefined
    assert [point.status for point in adapter.read_points()] == ["missing", "undefined", "defined", "undefined"]
    assert adapter.read_points()[0].lps is None
    adapter.show_measurements(False)
    picture = host.view.picture().astype(int)
    red, green = picture[..., 0], picture[..., 1]
    blue = picture[..., 2]
    assert not ((red > 200) & (green < 80)).any()
    assert not ((blue > 200) & (green < 80)).any()
    assert ((green > 200) & (red < 80)).any()


def test_each_point_is_read_where_it_was_shown(host: SceneHost, png: Path) -> None:
    adapter, work = opened(host, png, PIXELS)
    read = adapter.read_points()
    assert np.allclose([point.pixel for point in read], PIXELS, atol=1e-9)
    assert np.allclose([point.lps for point in read], [point.position for point in work.points], atol=1e-9)


def test_each_disc_has_its_protocol_colour_at_its_place(host: SceneHost, png: Path) -> None:
    adapter, _ = opened(host, png, PIXELS)
    adapter.show_measurements(False)
    adapter.show_names("none")
    picture = host.view.picture().astype(int)
    for index, name in ((0, "apex"), (3, "base")):
        rows, columns = np.nonzero((np.abs(picture - COLORS[name]) < 60).all(axis=2))
        world = [0.0, 0.0, 0.0]
        adapter.points_node.GetNthControlPointPositionWorld(index, world)
        assert len(rows) > 20
        assert np.allclose((columns.mean(), rows.mean()), host.view.drawn_at(world), atol=0.5)


def test_the_confidence_is_stated_until_a_person_moves_the_point(host: SceneHost, png: Path) -> None:
    adapter, work = opened(host, png, PIXELS)
    assert adapter.points_node.GetNthControlPointDescription(0) == "confidence 0.930"
    work.point_moved(0, work.geometry.to_lps(61.0, 33.0))
    adapter.show_points(TASK, work)
    assert adapter.points_node.GetNthControlPointDescription(0) == ""
    assert adapter.points_node.GetNthControlPointDescription(1) == "confidence 0.930"


def test_a_persons_words_in_the_description_stay(host: SceneHost, png: Path) -> None:
    adapter, work = opened(host, png, PIXELS)
    adapter.points_node.SetNthControlPointDescription(0, "under the lid; confidence 0.930")
    work.mark_missing(0)
    adapter.show_points(TASK, work)
    assert adapter.points_node.GetNthControlPointDescription(0) == "under the lid"


def test_slicers_own_file_is_what_the_server_reads(host: SceneHost, png: Path, tmp_path: Path) -> None:
    adapter, _ = opened(host, png, ["missing", None, (150.0, 70.0), (100.0, 110.0)])
    storage = slicer.vtkMRMLMarkupsJsonStorageNode()
    path = tmp_path / "eye.mrk.json"
    storage.SetFileName(str(path))
    assert storage.WriteData(adapter.points_node)
    assert json.loads(path.read_text())["markups"][0]["fixedNumberOfControlPoints"] is True
    landmarks = read_markups(path, read_frame(png), TASK.names)
    assert landmarks.status.tolist() == [0, -1, 1, 1]
    assert np.allclose(landmarks.points[2:], [(150.0, 70.0), (100.0, 110.0)], atol=1e-6)
    assert landmarks.confidence[2:] == pytest.approx([0.93, 0.93])


def test_showing_the_same_work_again_changes_nothing(host: SceneHost, png: Path) -> None:
    log = Log()
    adapter, work = opened(host, png, PIXELS, log)
    node = adapter.points_node
    before = node.GetMTime()
    adapter.show_points(TASK, work)
    assert adapter.points_node is node
    assert node.GetMTime() == before
    assert log == []


def test_our_own_changes_never_call_back(host: SceneHost, png: Path) -> None:
    log = Log()
    adapter, work = opened(host, png, PIXELS, log)
    work.mark_missing(0)
    work.point_moved(1, work.geometry.to_lps(30.0, 80.0))
    work.clear(2)
    adapter.show_points(TASK, work)
    work.undo()
    work.undo()
    adapter.show_points(TASK, work)
    adapter.highlight(2)
    adapter.show_image(png, "eye")
    adapter.clear()
    assert log == []


def test_an_image_of_another_size_than_the_servers_is_refused(host: SceneHost, png: Path, tmp_path: Path) -> None:
    adapter, work = opened(host, png, PIXELS)
    adapter.show_image(save_png(tmp_path / "other.png", (100, 60)), "other")
    with pytest.raises(Exception, match="200 x 120 pixels, the one in Slicer 100 x 60"):
        adapter.show_points(TASK, work)


def test_lines_carry_their_values_in_px_where_nothing_is_calibrated(host: SceneHost, png: Path) -> None:
    opened(host, png, [(60.0, 20.0), (20.0, 90.0), (120.0, 90.0), None])
    lines = lines_of(host)
    assert lines["width"].GetName() == "width: 100.0 px"
    assert lines["drop"].GetName() == "drop: 70.0 px"
    assert lines["turn"].GetName() == "turn: 70.3°"
    foot = [0.0, 0.0, 0.0]
    lines["drop"].GetNthControlPointPositionWorld(1, foot)
    assert np.allclose(foot, (-60.0, -90.0, 0.0))


def test_lines_are_in_mm_only_by_the_servers_calibration(host: SceneHost, png: Path) -> None:
    adapter, work = opened(host, png, [(60.0, 20.0), (20.0, 90.0), (120.0, 90.0), None])
    work.geometry = adapter.image_geometry((0.5, 0.25))
    adapter.show_points(TASK, work)
    lines = lines_of(host)
    assert lines["width"].GetName() == "width: 50.0 mm"
    assert lines["drop"].GetName() == "drop: 17.5 mm"


def test_a_line_without_both_ends_is_hidden(host: SceneHost, png: Path) -> None:
    adapter, work = opened(host, png, PIXELS)
    lines = lines_of(host)
    assert lines["width"].GetDisplayVisibility()
    work.mark_missing(1)
    adapter.show_points(TASK, work)
    assert not lines["width"].GetDisplayVisibility()
    work.undo()
    adapter.show_points(TASK, work)
    assert lines["width"].GetDisplayVisibility()
    adapter.show_measurements(False)
    assert not lines["width"].GetDisplayVisibility()


def lines_of(host: SceneHost) -> dict[str, object]:
    nodes = [*slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode")]
    nodes += slicer.util.getNodesByClass("vtkMRMLMarkupsAngleNode")
    return {node.GetName().split(":")[0]: node for node in nodes}


@pytest.mark.parametrize("persistence", [0, 1])
def test_placing_leaves_slicer_s_persistence_as_it_was(host: SceneHost, png: Path, persistence: int) -> None:
    adapter, _ = opened(host, png, PIXELS)
    interaction = host.logic.GetInteractionNode()
    interaction.SetPlaceModePersistence(persistence)
    adapter.start_placing(1)
    assert interaction.GetPlaceModePersistence() == 1
    adapter.start_placing(2)
    adapter.stop_placing()
    assert interaction.GetPlaceModePersistence() == persistence
