"""Names beside their markers: they cover no marker and no other name where there is room."""

from __future__ import annotations

import numpy as np
import pytest
from LandmarkDetectionLib.scene.point_names import DIRECTIONS, Box, box_beside, place_names

VIEW = (400.0, 300.0)
RADIUS = 10.0


def marker(point: tuple[float, float]) -> Box:
    return Box(point[0] - RADIUS, point[1] - RADIUS, point[0] + RADIUS, point[1] + RADIUS)


def test_the_first_choice_is_right_of_the_marker() -> None:
    chosen, boxes = place_names([(200.0, 150.0)], [(60.0, 12.0)], RADIUS, VIEW)
    assert DIRECTIONS[chosen[0]] == (1, 0)
    assert boxes == [Box(210.0, 144.0, 270.0, 156.0)]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_no_direction_covers_the_marker_itself(direction: tuple[int, int]) -> None:
    box = box_beside((200.0, 150.0), (61.0, 13.0), RADIUS, direction)
    assert box.shared(marker((200.0, 150.0))) == 0
    assert (box.right - box.left, box.top - box.bottom) == (61.0, 13.0)


def test_names_of_close_points_cover_neither_markers_nor_each_other() -> None:
    rng = np.random.default_rng(3)
    grid = [(60.0 + 90 * x, 40.0 + 55 * y) for x in range(4) for y in range(5)]
    points = [(x + rng.uniform(-8, 8), y + rng.uniform(-8, 8)) for x, y in grid]
    _, boxes = place_names(points, [(62.0, 12.0)] * 20, RADIUS, VIEW)
    for index, box in enumerate(boxes):
        assert box is not None
        assert not any(box.shared(marker(point)) for point in points)
        assert not any(box.shared(other) for other in boxes[:index] if other is not None)


def test_a_name_stays_inside_the_view() -> None:
    chosen, _ = place_names([(395.0, 150.0)], [(60.0, 12.0)], RADIUS, VIEW)
    assert DIRECTIONS[chosen[0]] == (-1, 0)


def test_a_name_keeps_its_side_until_something_is_in_its_way() -> None:
    sizes = [(60.0, 12.0), (60.0, 12.0)]
    chosen, _ = place_names([(395.0, 150.0), None], sizes, RADIUS, VIEW)
    again, _ = place_names([(200.0, 150.0), None], sizes, RADIUS, VIEW, chosen)
    assert again[0] == chosen[0]
    moved, _ = place_names([(200.0, 150.0), (160.0, 150.0)], sizes, RADIUS, VIEW, again)
    assert moved[0] != chosen[0]


def test_markers_without_a_name_are_not_covered() -> None:
    chosen, boxes = place_names([(200.0, 150.0), (230.0, 150.0)], [(60.0, 12.0), (0.0, 0.0)], RADIUS, VIEW)
    assert DIRECTIONS[chosen[0]] == (-1, 0)
    assert boxes[1] is None
