from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scene_fixture import TASK, Log, SceneHost, predicted_work, save_png, scene_host  # noqa: F401

PIXELS = [(60.5, 30.25), (20.0, 90.0), (150.0, 70.0), None]


class Desk:
    """An open image with points, its view and the log of its callbacks."""

    def __init__(self, host: SceneHost, png: Path, pixels: list[object]) -> None:
        self.host, self.view, self.log = host, host.view, Log()
        self.adapter = host.adapter(self.log)
        self.adapter.show_image(png, "eye")
        self.work = predicted_work(self.adapter, pixels)
        self.adapter.show_points(TASK, self.work)
        self.view.picture()

    @property
    def node(self) -> object:
        return self.adapter.points_node

    def at_pixel(self, x: float, y: float) -> tuple[float, float]:
        return self.view.at((-x, -y, 0.0))

    def pixel(self, index: int) -> object:
        return self.adapter.read_points()[index].pixel


@pytest.fixture
def desk(host: SceneHost, tmp_path: Path) -> Desk:
    return Desk(host, save_png(tmp_path / "eye.png"), PIXELS)


def test_a_drag_is_one_start_its_moves_and_one_end(desk: Desk) -> None:
    x, y = desk.at_pixel(150, 70)
    desk.view.drag([(x, y), (x + 4, y), (x + 10, y - 6), (x + 20, y - 10)])
    assert desk.log.names == ["drag_started", "point_moved", "point_moved", "point_moved", "drag_ended"]
    assert {entry[1] for entry in desk.log} == {2}
    assert desk.log[-1][2] == pytest.approx(desk.adapter.read_points()[2].lps)
    # Two view pixels are one image pixel.
    assert desk.pixel(2) == pytest.approx((160.0, 65.0), abs=1e-6)
    assert [desk.pixel(0), desk.pixel(1)] == [pytest.approx((60.5, 30.25)), pytest.approx((20.0, 90.0))]


def test_a_point_is_caught_beside_its_middle_through_the_disc_above_it(desk: Desk) -> None:
    x, y = desk.at_pixel(150, 70)
    desk.view.drag([(x + 3, y - 3), (x + 13, y + 7)])
    assert desk.log.names == ["drag_started", "point_moved", "drag_ended"]
    assert desk.pixel(2) == pytest.approx((155.0, 75.0), abs=1e-6)


def test_the_disc_and_the_lines_follow_during_a_drag(desk: Desk) -> None:
    x, y = desk.at_pixel(150, 70)
    desk.view.enter(x, y)
    desk.view.press(x, y)
    desk.view.move(x + 20, y)
    rows, columns = np.nonzero(_green(desk.view.picture()) & _right_half(desk.view))
    assert columns.mean() == pytest.approx(x + 19.5, abs=0.5)
    assert rows.mean() == pytest.approx(y + 0.5, abs=0.5)
    width = desk.host.scene.GetFirstNodeByClass("vtkMRMLMarkupsLineNode")
    assert width.GetName() == f"width: {np.hypot(140.0, 20.0):.1f} px"
    desk.view.release(x + 20, y)


def test_a_click_without_a_move_selects_and_moves_nothing(desk: Desk) -> None:
    x, y = desk.at_pixel(150, 70)
    desk.view.click(x, y)
    assert desk.log == [("point_selected", 2)]


def test_the_widget_may_refresh_the_points_while_they_are_dragged(desk: Desk) -> None:
    def moved(index: int, lps: object) -> None:
        desk.work.point_moved(index, lps)
        desk.adapter.show_points(TASK, desk.work)

    desk.adapter.callbacks.drag_started = desk.work.begin_drag
    desk.adapter.callbacks.point_moved = moved
    desk.adapter.callbacks.drag_ended = lambda index, lps: desk.work.end_drag(index, lps)
    x, y = desk.at_pixel(150, 70)
    desk.view.drag([(x, y), (x + 4, y), (x + 10, y - 6), (x + 20, y - 10)])
    assert desk.pixel(2) == pytest.approx((160.0, 65.0), abs=1e-6)
    assert desk.work[2].status == "corrected"
    desk.work.undo()
    desk.adapter.show_points(TASK, desk.work)
    assert desk.pixel(2) == pytest.approx((150.0, 70.0), abs=1e-6)
    assert desk.work[2].status == "predicted"


def test_an_unlabelled_point_is_placed_by_a_click(desk: Desk) -> None:
    desk.adapter.start_placing(3)
    assert desk.adapter.placing == 3
    x, y = desk.at_pixel(100, 50)
    desk.view.click(x, y)
    assert desk.log.names == ["point_placed"]
    assert desk.log[0][1] == 3
    assert desk.log[0][2] == pytest.approx((100.0, 50.0, 0.0), abs=1e-6)
    assert desk.adapter.placing is None
    assert desk.node.GetNumberOfControlPoints() == 4
    desk.view.click(*desk.at_pixel(30, 30))
    assert desk.log.names == ["point_placed"]


def test_a_missing_or_placed_point_can_be_placed_again(host: SceneHost, tmp_path: Path) -> None:
    desk = Desk(host, save_png(tmp_path / "eye.png"), ["missing", (20.0, 90.0), (150.0, 70.0), None])
    for index, place in ((0, (80.0, 40.0)), (1, (40.0, 60.0))):
        desk.adapter.start_placing(index)
        desk.view.click(*desk.at_pixel(*place))
        assert desk.pixel(index) == pytest.approx(place, abs=1e-6)
    assert desk.log.names == ["point_placed", "point_placed"]
    assert [point.status for point in desk.adapter.read_points()] == ["defined"] * 3 + ["undefined"]


def test_placing_goes_on_with_the_next_landmark_from_the_callback(host: SceneHost, tmp_path: Path) -> None:
    desk = Desk(host, save_png(tmp_path / "eye.png"), [None] * 4)

    def placed(index: int, lps: object) -> None:
        following = desk.work.point_placed(index, lps)
        desk.adapter.show_points(TASK, desk.work)
        if following is not None:
            desk.adapter.start_placing(following)

    desk.adapter.callbacks.point_placed = placed
    places = [(80.0, 40.0), (40.0, 60.0), (120.0, 60.0), (100.0, 100.0)]
    desk.adapter.start_placing(0)
    for place in places:
        desk.view.click(*desk.at_pixel(*place))
    assert np.allclose([point.pixel for point in desk.adapter.read_points()], places, atol=1e-6)
    assert desk.adapter.placing is None
    assert "placing_stopped" not in desk.log.names


@pytest.mark.parametrize(("index", "status"), [(2, "defined"), (3, "undefined")])
def test_stopping_brings_the_former_state_back_without_a_word(desk: Desk, index: int, status: str) -> None:
    desk.adapter.start_placing(index)
    desk.view.enter(*desk.at_pixel(100, 50))
    assert desk.adapter.read_points()[index].status == "undefined"
    desk.adapter.stop_placing()
    assert desk.adapter.read_points()[index].status == status
    assert desk.log == []
    if status == "defined":
        assert desk.pixel(index) == pytest.approx((150.0, 70.0))


def test_another_mouse_mode_stops_placing_and_says_so(desk: Desk) -> None:
    desk.adapter.start_placing(2)
    interaction = desk.host.logic.GetInteractionNode()
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)
    assert desk.log == [("placing_stopped",)]
    assert desk.pixel(2) == pytest.approx((150.0, 70.0))


def test_beginning_to_place_another_brings_the_first_back(desk: Desk) -> None:
    desk.adapter.start_placing(2)
    desk.adapter.start_placing(3)
    assert desk.pixel(2) == pytest.approx((150.0, 70.0))
    assert desk.adapter.placing == 3
    assert desk.log == []


def test_a_right_click_ends_placing_without_a_point(desk: Desk) -> None:
    desk.adapter.start_placing(2)
    x, y = desk.at_pixel(100, 50)
    desk.view.enter(x, y)
    desk.view._event("RightButtonPressEvent", x, y)
    desk.view._event("RightButtonReleaseEvent", x, y)
    assert desk.log == [("placing_stopped",)]
    assert desk.pixel(2) == pytest.approx((150.0, 70.0))


def test_changes_made_elsewhere_in_slicer_are_told(desk: Desk) -> None:
    desk.node.SetNthControlPointPosition(0, -70.0, -35.0, 0.0)
    desk.node.UnsetNthControlPointPosition(1)
    desk.node.SetNthControlPointPositionMissing(2)
    assert [entry[:2] for entry in desk.log] == [("point_moved", 0), ("point_unset", 1), ("point_unset", 2)]
    assert desk.log[0][2] == pytest.approx((70.0, 35.0, 0.0))
    assert [point.status for point in desk.adapter.read_points()][:3] == ["defined", "undefined", "missing"]


def test_gathered_changes_are_told_each_once(desk: Desk) -> None:
    before = desk.node.StartModify()
    desk.node.SetNthControlPointPosition(0, -70.0, -35.0, 0.0)
    desk.node.SetNthControlPointPosition(2, -90.0, -35.0, 0.0)
    desk.node.EndModify(before)
    assert [entry[:2] for entry in desk.log] == [("point_moved", 0), ("point_moved", 2)]


def test_names_and_looks_are_no_moves(desk: Desk) -> None:
    desk.node.SetNthControlPointDescription(0, "seen")
    desk.node.SetNthControlPointSelected(0, False)
    desk.node.GetDisplayNode().SetGlyphScale(4.0)
    assert desk.log == []


def test_an_error_in_a_callback_fails_the_test(host: SceneHost, tmp_path: Path) -> None:
    caught = []
    sys.excepthook = lambda *error: caught.append(error[0])
    desk = Desk(host, save_png(tmp_path / "eye.png"), PIXELS)
    desk.adapter.callbacks.point_selected = lambda index: 1 / 0
    desk.view.click(*desk.at_pixel(150, 70))
    assert caught == [ZeroDivisionError]


def test_slicers_undo_is_told_like_any_change_and_has_none_of_our_marks(desk: Desk) -> None:
    scene = desk.host.scene
    scene.SetUndoOn()
    desk.node.SetUndoEnabled(True)
    scene.SaveStateForUndo()
    desk.node.SetNthControlPointPosition(0, -70.0, -35.0, 0.0)
    desk.log.clear()
    count = scene.GetNumberOfNodes()
    scene.Undo()
    assert scene.GetNumberOfNodes() == count
    assert [entry[:2] for entry in desk.log] == [("point_moved", 0)]
    assert desk.pixel(0) == pytest.approx((60.5, 30.25))


def _green(picture: np.ndarray) -> np.ndarray:
    return (np.abs(picture.astype(int) - (0, 255, 0)) < 60).all(axis=2)


def _right_half(view: object) -> np.ndarray:
    return np.arange(view.size[0])[None] > view.size[0] / 2
