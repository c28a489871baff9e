"""Changes of the image and of the point list by other modules of Slicer: the points stay on their pixels."""

from __future__ import annotations

from pathlib import Path

import pytest
import vtk
from scene_fixture import TASK, Log, SceneHost, predicted_work, save_png, scene_host, slicer  # noqa: F401

PIXELS = [(60.5, 30.25), (20.0, 90.0), (150.0, 70.0), (100.0, 110.0)]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def adapter(host: SceneHost, tmp_path: Path, log: Log):
    adapter = host.adapter(log)
    adapter.show_image(save_png(tmp_path / "eye.png"), "eye")
    adapter.show_points(TASK, predicted_work(adapter, PIXELS))
    return adapter


def shown(adapter) -> list[object]:
    return [pytest.approx(point.pixel, abs=1e-6) for point in adapter.read_points()]


def test_the_points_stay_on_their_pixels_where_a_transform_is_hardened(host: SceneHost, adapter, log: Log) -> None:
    transform = slicer.vtkMRMLLinearTransformNode()
    host.scene.AddNode(transform)
    matrix = vtk.vtkMatrix4x4()
    for row, column, value in ((0, 3, 25.0), (1, 3, -10.0), (0, 0, 0.5), (0, 1, 0.25)):
        matrix.SetElement(row, column, value)
    transform.SetMatrixTransformToParent(matrix)
    adapter.volume.SetAndObserveTransformNodeID(transform.GetID())
    assert shown(adapter) == PIXELS
    adapter.volume.HardenTransform()
    assert adapter.points_node.GetTransformNodeID() is None
    assert shown(adapter) == PIXELS
    assert log == []


def test_the_points_stay_on_their_pixels_where_the_volume_is_centred(adapter, log: Log) -> None:
    x, y, z = adapter.volume.GetOrigin()
    adapter.volume.SetOrigin(x + 7, y - 3, z)
    assert shown(adapter) == PIXELS
    assert log == []
    position = [0.0, 0.0, 0.0]
    adapter.points_node.GetNthControlPointPosition(3, position)
    adapter.points_node.SetNthControlPointPosition(3, position[0] + 1, *position[1:])
    assert [entry[:2] for entry in log] == [("point_moved", 3)]


@pytest.mark.parametrize("gone", [(1,), (3,), (0, 1, 2, 3), ()])
def test_each_place_stays_that_of_its_landmark_in_a_list_of_no_fixed_number(adapter, log: Log, gone: tuple) -> None:
    node = adapter.points_node
    node.SetFixedNumberOfControlPoints(False)
    if not gone:
        node.InsertControlPoint(1, vtk.vtkVector3d(-5.0, -5.0, 0.0), "another")
    elif len(gone) == 1:
        node.RemoveNthControlPoint(gone[0])
    else:
        node.RemoveAllControlPoints()
    points = adapter.read_points()
    assert [point.name for point in points] == list(TASK.names)
    pixels = [None if point.pixel is None else pytest.approx(point.pixel, abs=1e-6) for point in points]
    assert pixels == [None if index in gone else pixel for index, pixel in enumerate(PIXELS)]
    assert log == [("point_unset", index) for index in gone]
    assert (node.GetNumberOfControlPoints(), node.GetFixedNumberOfControlPoints()) == (4, True)


def test_landmarks_are_put_back_in_order(adapter, log: Log) -> None:
    adapter.points_node.SwapControlPoints(0, 1)
    names = [adapter.points_node.GetNthControlPointLabel(index) for index in range(len(TASK.names))]
    assert names == list(TASK.names)
    assert shown(adapter) == PIXELS
    assert log == []


@pytest.mark.parametrize("placement_first", [True, False])
def test_a_volume_that_is_cropped_in_place_is_another_image(adapter, log: Log, placement_first: bool) -> None:
    volume = adapter.volume
    crop = vtk.vtkExtractVOI()
    crop.SetInputData(volume.GetImageData())
    crop.SetVOI(50, 199, 20, 119, 0, 0)
    crop.Update()
    image = vtk.vtkImageData()
    image.DeepCopy(crop.GetOutput())
    image.SetExtent(0, 149, 0, 99, 0, 0)
    x, y, z = volume.GetOrigin()
    if placement_first:
        volume.SetOrigin(x - 50, y - 20, z)
    volume.SetAndObserveImageData(image)
    if not placement_first:
        volume.SetOrigin(x - 50, y - 20, z)
    assert log == [("nodes_removed",)]
    assert (adapter.volume, adapter.read_points()) == (None, [])
