"""The plots of errors: the step line itself, and what the files show."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from scipy.integrate import trapezoid

from monai_ext.evaluation import Comparison, draw_ced, draw_distances, evaluate_landmarks
from monai_ext.evaluation.error_plots import draw_step_line
from monai_ext.landmarks import InputError
from monai_ext.metrics import cumulative_error_area


def corners(errors, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """The corners of the drawn line."""
    line = draw_step_line(Figure().add_subplot(), errors, limit)
    assert line.get_drawstyle() == "steps-post"
    x, y = line.get_data()
    return np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]


def test_the_line_steps_at_the_errors_from_0_to_the_limit() -> None:
    x, y = corners([3.0, 1.0, float("nan"), 1.0, 4.0], 5.0)
    x, y = (values[np.r_[True, (np.diff(x) != 0) | (np.diff(y) != 0)]] for values in (x, y))
    assert x.tolist() == [0, 1, 1, 1, 3, 3, 4, 4, 5]
    assert y.tolist() == [0, 0, 0.25, 0.5, 0.5, 0.75, 0.75, 1, 1]


@pytest.mark.parametrize("n", [1, 19])
def test_the_area_under_the_line_is_the_auc(rng, n) -> None:
    errors = rng.uniform(0, 3, n)
    x, y = corners(errors, 2.0)
    shown = np.append(x[x <= 2.0], 2.0)
    area = trapezoid(np.append(y[x <= 2.0], y[x <= 2.0][-1]), shown) / 2.0
    assert area == pytest.approx(float(cumulative_error_area(torch.from_numpy(errors), 2.0)))


def test_several_models_in_one_plot(tmp_path, pairs) -> None:
    evaluation = evaluate_landmarks(pairs, [2], 4, 10)
    better = evaluate_landmarks([(i, t, t) for i, t, _ in pairs], [2], 4, 10)
    draw_ced({"one $5": evaluation, "two": better}, tmp_path / "ced.png")
    pixels = np.asarray(Image.open(tmp_path / "ced.png").convert("RGB")).reshape(-1, 3)
    for color in [(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)]:
        assert (pixels == color).all(axis=1).sum() > 100


def test_plots_without_meaning_are_refused(tmp_path, pairs) -> None:
    mm, px = (evaluate_landmarks(pairs, [2], 4, 10, unit=unit) for unit in ("mm", "px"))
    other = evaluate_landmarks(pairs, [2], 4, 20)
    path = tmp_path / "ced.png"
    with pytest.raises(InputError, match="at least one"):
        draw_ced({}, path)
    with pytest.raises(InputError, match="some in px"):
        draw_ced({"a": mm, "b": px}, path)
    with pytest.raises(InputError, match=r"\[10.0, 20.0\]; give one limit"):
        draw_ced({"a": mm, "b": other}, path)
    with pytest.raises(InputError, match=r"'ced\.jpg'"):
        draw_ced({"a": mm}, tmp_path / "ced.jpg")
    assert not path.exists()
    draw_ced({"a": mm, "b": other}, path, limit=15)
    assert path.exists()


def test_a_comparison_without_a_distance_has_no_boxes_beside_one_that_has(tmp_path) -> None:
    measured = Comparison("ann", "ben", "px", ("tip",), ("i",), np.array([[1.0]]))
    nothing = Comparison("ann", "eve", "px", ("tip",), ("j",), np.array([[np.nan]]))

    draw_distances([measured, nothing], tmp_path / "agreement.png")

    assert Image.open(tmp_path / "agreement.png").size[0] == 896
