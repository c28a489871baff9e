"""Pixels, lengths and angles of the module against those of the library."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from LandmarkDetectionLib.errors import BadAnswer
from LandmarkDetectionLib.server.geometry import Geometry
from LandmarkDetectionLib.server.task_definition import TaskDefinition
from LandmarkDetectionLib.work.measurements import measure
from session_parts import GEOMETRY, PROTOCOL, TASK, lps

from monai_ext.landmarks import Frame, Landmarks
from monai_ext.landmarks import measurements as library
from monai_ext.landmarks.protocol import Protocol

#: Turned in the room, sheared, anisotropic.
OBLIQUE = np.array([[0.3, -0.4, 7.0], [0.1, 1.2, -3.0], [-0.2, 0.5, 11.0]])


def geometry_of(frame: Frame) -> Geometry:
    x_step, y_step, origin = (tuple(column) for column in frame.placement.T.tolist())
    return Geometry(origin, x_step, y_step, tuple(frame.scale.tolist()), frame.unit, frame.size)


@pytest.mark.parametrize("spacing", [None, (0.5, 2.0)])
def test_pixels_and_lengths_are_the_librarys(spacing: Any, rng: np.random.Generator) -> None:
    frame = Frame(100, 80, OBLIQUE, spacing, "test")
    geometry = geometry_of(frame)
    pixels = rng.uniform(-5, 100, (20, 2))
    world = frame.to_lps(pixels)
    np.testing.assert_allclose([geometry.to_lps(*p) for p in pixels], world, atol=1e-12)
    np.testing.assert_allclose([geometry.to_pixel(p) for p in world], pixels, atol=1e-9)
    distances = [geometry.distance(a, b) for a, b in zip(world, world[::-1], strict=True)]
    np.testing.assert_allclose(distances, frame.distance(pixels, pixels[::-1]), atol=1e-9)
    np.testing.assert_allclose(
        [geometry.pixel_distance(a, b) for a, b in zip(world, world[::-1], strict=True)],
        np.linalg.norm(pixels - pixels[::-1], axis=1),
        atol=1e-9,
    )


def test_position_off_the_plane_is_taken_straight_onto_it() -> None:
    assert GEOMETRY.to_pixel((lps(3.0, 4.0)[0], 27.0, lps(3.0, 4.0)[2])) == pytest.approx((3.0, 4.0))


@pytest.mark.parametrize("spacing", [None, (0.25, 1.5)])
def test_measurements_are_the_librarys(spacing: Any, rng: np.random.Generator) -> None:
    protocol = Protocol.model_validate(PROTOCOL)
    frame = Frame(100, 80, OBLIQUE, spacing, "test")
    for _ in range(10):
        landmarks = Landmarks(TASK.names, rng.uniform(0, 80, (7, 2)), frame)
        expected = library.measure(protocol, landmarks)
        positions = dict(zip(TASK.names, map(tuple, landmarks.lps.tolist()), strict=True))
        found = measure(TASK, positions, geometry_of(frame))
        assert [(m.definition.name, m.unit) for m in found] == [(e["name"], e["unit"]) for e in expected]
        np.testing.assert_allclose([m.value for m in found], [e["value"] for e in expected], rtol=1e-9)


def test_measurement_without_a_point_or_an_arm_has_no_value() -> None:
    eye = lps(10.0, 10.0)
    found = measure(TASK, {"right_eye": eye, "left_eye": eye, "nose": eye}, GEOMETRY)
    assert [m.value for m in found] == [0.0, None, None]
    assert [m.value for m in measure(TASK, {"right_eye": eye}, GEOMETRY)] == [None] * 3


def test_text_of_values() -> None:
    points = {"right_eye": lps(0.0, 0.0), "left_eye": lps(25.0, 0.0), "nose": lps(0.0, 10.0)}
    assert [m.text for m in measure(TASK, points, GEOMETRY)] == ["12.5 mm", "20.0 mm", "32.0°"]


def test_a_ratio_is_the_librarys_and_has_two_digits() -> None:
    between = ["right_eye", "left_eye", "nose", "left_eye"]
    document = {**PROTOCOL, "measurements": [{"name": "share", "kind": "ratio", "between": between}]}
    task, protocol = TaskDefinition.from_dict(document), Protocol.model_validate(document)
    pixels = np.tile([[3.0, 4.0]], (len(task.names), 1))
    for name, pixel in (("right_eye", (10.0, 20.0)), ("left_eye", (40.0, 20.0)), ("nose", (40.0, 40.0))):
        pixels[task.index(name)] = pixel
    frame = Frame(100, 80, OBLIQUE, (0.5, 2.0), "test")
    landmarks = Landmarks(task.names, pixels, frame)
    positions = dict(zip(task.names, map(tuple, landmarks.lps.tolist()), strict=True))
    (found,) = measure(task, positions, geometry_of(frame))
    assert (found.unit, found.text) == ("1", "0.38")  # 15 mm of 40 mm
    assert found.value == pytest.approx(library.measure(protocol, landmarks)[0]["value"], rel=1e-9)
    (nothing,) = measure(task, {**positions, "nose": positions["left_eye"]}, geometry_of(frame))
    assert (nothing.value, nothing.text) == (None, "–")


def test_frame_of_the_server_and_back() -> None:
    assert Geometry.from_dict(GEOMETRY.to_dict()) == GEOMETRY
    assert Geometry.from_dict({**GEOMETRY.to_dict(), "image": "x", "spacing_source": "y", "size": None}).size is None


@pytest.mark.parametrize(
    "change",
    [
        {"origin": [1, 2]},
        {"spacing": [1.0]},
        {"spacing": [0.0, 1.0]},
        {"unit": None},
        {"y_step": [1.0, 0.0, 0.0]},
        {"x_step": [0.0, 0.0, 0.0]},
        {"x_step": [float("inf"), 0.0, 0.0]},
    ],
)
def test_frame_that_is_none_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer):
        Geometry.from_dict({**GEOMETRY.to_dict(), **change})


def test_task_is_read_from_the_servers_own_words() -> None:
    protocol = Protocol.model_validate(PROTOCOL)
    task = TaskDefinition.from_dict(protocol.model_dump(mode="json", exclude={"network", "recipe"}))
    assert task == TASK
    assert task.digest == TASK.digest
    assert task.pairs == ((0, 1), (3, 4), (5, 6))
    assert task.landmarks[2].optional is True
    assert (task.landmarks[0].title, task.landmarks[0].rgb) == ("right eye", pytest.approx((230 / 255, 159 / 255, 0)))
    assert TaskDefinition.from_dict(task.to_dict()) == task


def _protocol(**change: Any) -> TaskDefinition:
    return TaskDefinition.from_dict({**PROTOCOL, **change})


def test_digest_changes_with_the_meaning_alone() -> None:
    marks = PROTOCOL["landmarks"]
    reworded = [{**m, "description": "Other words.", "color": "#000000"} for m in marks]
    assert _protocol(title="Other", measurements=[], landmarks=reworded).digest == TASK.digest
    assert TASK.difference(_protocol(landmarks=reworded)) == ""
    fewer = _protocol(landmarks=[*marks[:6], {**marks[6], "name": "chin", "pair": None}], measurements=[])
    assert TASK.difference(fewer) == "lacks left_lip and adds chin"
    turned = _protocol(landmarks=marks[::-1])
    assert "another order" in TASK.difference(turned)
    assert "the protocol foot, not head" in TASK.difference(_protocol(name="foot"))
    unpaired = _protocol(landmarks=[{**m, "pair": None} for m in marks])
    assert len({t.digest for t in (TASK, fewer, turned, unpaired)}) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"name": 1},
        {"landmarks": []},
        {"landmarks": [PROTOCOL["landmarks"][0]] * 2},
        {"landmarks": [{"name": None}]},
        {"landmarks": [{"name": "a", "color": "red"}]},
        {"measurements": [{"name": "m", "between": ["right_eye"]}]},
        {"measurements": [{"name": "m", "between": ["right_eye", "toe"]}]},
        {"measurements": [{"name": "m", "kind": "area", "between": ["right_eye", "nose"]}]},
    ],
)
def test_protocol_that_is_none_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer):
        _protocol(**change)
