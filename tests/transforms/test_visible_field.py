"""Random fields of view, and the surround that is drawn around them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from monai_ext.landmarks import Protocol
from monai_ext.transforms import FieldOfViewd, FitLandmarksd, Region
from monai_ext.transforms.pipeline import training_transforms, validation_transforms
from monai_ext.transforms.visible_field import MARGIN, RandFieldOfViewd, RandSurroundd, VisibleField

WHOLE = VisibleField(300.0, 200.0, 180.0)


def sample(points: list[list[float]], status: list[int]) -> dict:
    return {
        "image": torch.zeros(3, 400, 600),
        "points": torch.tensor(points),
        "status": torch.tensor(status, dtype=torch.int8),
        "field": WHOLE,
        "region": WHOLE.region,
    }


def test_depth_is_the_distance_to_the_outline() -> None:
    cut = VisibleField(10.0, 20.0, 5.0, half_height=3.0)
    np.testing.assert_allclose(
        cut.depth(np.array([10.0, 10.0, 14.0, 13.0]), np.array([20.0, 22.0, 20.0, 24.0])), [3.0, 1.0, 1.0, -1.0]
    )
    square = VisibleField(10.0, 20.0, np.inf, 4.0, 2.0)
    np.testing.assert_allclose(square.depth(torch.tensor([12.0, 15.0]), torch.tensor([20.0, 20.0])), [2.0, -1.0])
    assert square.region == Region(6.0, 18.0, 8.0, 4.0)
    assert cut.region == Region(5.0, 15.0, 10.0, 10.0)
    left = VisibleField(10.0, 20.0, 5.0, half_height=3.0, line=(0.6, 0.8, 24.0))  # 2 pixels from the middle
    np.testing.assert_allclose(left.depth(np.array([10.0, 10.0, 13.0]), np.array([20.0, 18.0, 21.0])), [2.0, 1.0, -0.6])
    np.testing.assert_allclose(left.depth(torch.tensor([9.0]), torch.tensor([18.0])), [1.0])
    assert left.region == cut.region


def test_fields_narrow_in_their_range_and_keep_every_landmark() -> None:
    narrow = RandFieldOfViewd(narrowing=0.4)
    narrow.set_random_state(1)
    fields = []
    data = sample([[320.0, 210.0], [380.0, 190.0], [0.0, 0.0]], [1, 1, -1])
    for _ in range(300):
        changed = narrow(data)
        field = changed["field"]
        assert changed["region"] == field.region
        assert torch.equal(changed["points"], data["points"])
        for x, y in ((320.0, 210.0), (380.0, 190.0)):
            assert field.depth(x, y * np.ones(())) >= MARGIN * WHOLE.radius - 1e-9
        radius = field.half_width * 2**0.5 if np.isinf(field.radius) else field.radius
        assert 0.6 * 180 - 1e-9 <= radius <= 180
        assert np.hypot(field.x - 300, field.y - 200) + radius <= 180 + 1e-9
        fields.append(field)
    squares = [f for f in fields if np.isinf(f.radius)]
    cut = [f for f in fields if np.isfinite(f.radius) and np.isfinite(f.half_height)]
    assert 30 < len(squares) < 80
    assert 70 < len(cut) < 130
    assert all(f.half_width == f.half_height for f in squares)
    shares = [f.half_height / f.radius for f in cut]
    assert 0.6 <= min(shares) < 0.75
    assert max(shares) > 0.93


def test_a_hidden_landmark_is_missing_and_lies_outside_with_a_margin() -> None:
    hide = RandFieldOfViewd(narrowing=0.0, hide=0.5)
    hide.set_random_state(2)
    given = [[270.0, 205.0], [385.0, 180.0], [300.0, 25.0], [20.0, 20.0]]  # two within, one at the rim, one outside
    data = sample(given, [1, 1, -1, 1])
    seen: dict[str, list[tuple[int, ...]]] = {"whole": [], "narrow": [], "straight": []}
    for _ in range(600):
        changed = hide(data)
        field = changed["field"]
        depth = field.depth(changed["points"][:, 0], changed["points"][:, 1]).numpy()
        status = changed["status"].tolist()
        assert status[2:] == [-1, 1]
        assert np.abs(depth[:2]).min() >= MARGIN * WHOLE.radius - 1e-4
        assert status[:2] == [int(inside) for inside in depth[:2] > 0]
        assert torch.equal(changed["points"], data["points"])
        assert changed["region"] == field.region
        radius = field.half_width * 2**0.5 if np.isinf(field.radius) else field.radius
        kind = "straight" if field.line else "whole" if radius > 180 - 1e-9 else "narrow"  # narrowing 0: these hide
        seen[kind].append(tuple(status[:2]))
    assert data["status"].tolist() == [1, 1, -1, 1]
    shares = {
        kind: [found.count(hidden) for hidden in ((1, 1), (0, 1), (1, 0), (0, 0))] for kind, found in seen.items()
    }
    assert shares["whole"] == [len(seen["whole"]), 0, 0, 0]
    assert 260 < len(seen["whole"]) < 340
    assert shares["narrow"][0] == 0
    assert min(shares["narrow"][1:]) > 30  # each alone nearly as often as both
    assert min(shares["straight"]) > 20
    assert max(shares["straight"]) < 60


def test_lines_run_at_any_angle_and_often_upright_or_level() -> None:
    hide = RandFieldOfViewd(narrowing=0.0, hide=1.0)
    hide.set_random_state(3)
    data = sample([[270.0, 205.0], [385.0, 180.0]], [1, 1])
    lines = np.array([line for _ in range(600) if (line := hide(data)["field"].line)])
    np.testing.assert_allclose(np.hypot(lines[:, 0], lines[:, 1]), 1)
    upright_or_level = (np.abs(lines[:, :2]) < 1e-9).any(1)
    assert 0.3 < upright_or_level.mean() < 0.7
    sides = np.unique(np.round(lines[upright_or_level, :2]), axis=0)
    assert sides.tolist() == [[-1, 0], [0, -1], [0, 1], [1, 0]]
    away = (lines[:, 2] - lines[:, 0] * WHOLE.x - lines[:, 1] * WHOLE.y) / WHOLE.radius
    assert -0.6 <= away.min() < -0.4
    assert 0.6 < away.max() <= 0.8


def test_a_line_that_cannot_hide_one_landmark_alone_hides_others_too() -> None:
    hide = RandFieldOfViewd(narrowing=0.0, hide=1.0)
    hide.set_random_state(4)
    data = sample([[300.0, 205.0], [300.0, 206.0]], [1, 1])  # nothing lies between them
    seen = {tuple(hide(data)["status"].tolist()) for _ in range(100)}
    assert seen == {(0, 0), (1, 1)}


def test_a_landmark_at_the_rim_keeps_the_whole_field_and_one_outside_does_not_count() -> None:
    narrow = RandFieldOfViewd(narrowing=0.3)
    narrow.set_random_state(0)
    at_the_rim = narrow(sample([[300.0, 21.0]], [1]))
    assert at_the_rim["field"] == WHOLE
    outside = narrow(sample([[20.0, 20.0]], [1]))
    assert outside["field"] != WHOLE


def test_the_surround_is_black_outside_and_the_field_as_it_was() -> None:
    field = VisibleField(30.0, 20.0, 12.0, half_height=8.0)
    image = torch.full((3, 40, 60), 90.0)
    matrix = torch.tensor([[2.0, 0.0, 0.5], [0.0, 2.0, 0.5], [0.0, 0.0, 1.0]], dtype=torch.float64)  # twice as large
    stretched = torch.full((3, 80, 120), 90.0)
    for drawn, scale, pixels in ((image, torch.eye(3, dtype=torch.float64), 1.0), (stretched, matrix, 2.0)):
        result = RandSurroundd()({"image": drawn, "field": field, "matrix": scale})["image"]
        for row in range(drawn.shape[1]):
            for column in range(drawn.shape[2]):
                x, y = (column - float(scale[0, 2])) / pixels, (row - float(scale[1, 2])) / pixels
                depth = pixels * min(12 - np.hypot(x - 30, y - 20), 8 - abs(y - 20))
                assert result[0, row, column] == pytest.approx(90 * min(max(depth + 0.5, 0), 1), abs=1e-2)


def test_the_border_has_one_random_colour() -> None:
    image = torch.full((3, 40, 60), 200.0)
    draw = RandSurroundd(border=0.5)
    draw.set_random_state(2)
    eye = torch.eye(3, dtype=torch.float64)
    corners = []
    for _ in range(50):
        result = draw({"image": image, "field": VisibleField(30.0, 20.0, 12.0), "matrix": eye})["image"]
        assert result[0, 20, 30] == 200
        assert torch.equal(result[:, 0, 0], result[:, 39, 59])
        corners.append(result[:, 0, 0].tolist())
    assert 0 <= np.min(corners) < 10
    assert 90 < np.max(corners) <= 100
    assert np.abs(np.corrcoef(np.array(corners).T)[0, 1]) < 0.5


def test_without_a_field_nothing_is_drawn() -> None:
    image = torch.rand(3, 60, 90) + 50  # lit everywhere
    data = FieldOfViewd()({"image": image, "points": torch.zeros(1, 2), "status": torch.ones(1)})
    assert data["field"] is None
    narrow = RandFieldOfViewd(narrowing=0.5)
    assert narrow(data)["region"] == Region.of_image(90, 60)
    fitted = RandSurroundd(border=0.5)(FitLandmarksd(points_key=None, size_wh=(90, 60))(narrow(data)))
    assert torch.equal(fitted["image"], image)


def protocol(**augmentation: object) -> dict:
    return {
        "name": "eye",
        "title": "Eye",
        "channels": "rgb",
        "landmarks": [{"name": "fovea", "description": "Centre."}],
        "network": {"field_of_view": True, "input_size": {"width": 128, "height": 128}},
        "recipe": {"augmentation": augmentation},
    }


def test_a_protocol_asks_for_it() -> None:
    task = Protocol.model_validate(protocol(field_of_view=0.3, border=0.1, shade=0.2, haze=0.2, spots=0.2))
    names = [type(step).__name__ for step in training_transforms(task).transforms]
    assert names.index("FieldOfViewd") < names.index("RandFieldOfViewd") < names.index("RandAffineLandmarksd")
    for veil in ("RandSpotsd", "RandHazed"):  # none of it around the lit part
        assert names.index("RandAffineLandmarksd") < names.index(veil) < names.index("RandSurroundd")
    assert names.index("RandSurroundd") < names.index("RandShaded")
    assert names.index("RandShaded") < names.index("NormalizeLandmarkImaged")
    plain = [type(step).__name__ for step in validation_transforms(task).transforms]
    assert plain[-3:] == ["FitLandmarksd", "RandSurroundd", "NormalizeLandmarkImaged"]


@pytest.mark.parametrize("name", ["field_of_view", "hide", "border"])
def test_the_lit_circle_must_be_looked_for(name: str) -> None:
    document = protocol(**{name: 0.2})
    document["network"]["field_of_view"] = False
    with pytest.raises(ValidationError, match=rf"augmentation\.{name} changes the lit circle"):
        Protocol.model_validate(document)
