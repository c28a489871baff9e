"""The sheet of the worst images: which, in what order, and where their marks are."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from monai_ext.evaluation import draw_worst_cases, evaluate_landmarks, worst_images
from monai_ext.evaluation.contact_sheet import _GAP, _HEADER, _focus
from monai_ext.landmarks import Frame, InputError, Landmarks

BLACK = np.zeros((1, 120, 200), np.uint8)


def test_the_worst_come_first_and_unmeasured_images_not_at_all(pairs, make_landmarks) -> None:
    nothing = ("none", make_landmarks([(1, 1)] * 3), make_landmarks([(1, 1)] * 3, [0, 0, 0]))
    evaluation = evaluate_landmarks([*pairs, nothing], [2], 4, 10)
    assert [row.image for row in worst_images(evaluation, 9)] == ["eye_2", "eye_1", "eye_3", "eye_0"]
    assert [row.image for row in worst_images(evaluation, 2)] == ["eye_2", "eye_1"]


def test_only_images_on_the_sheet_are_loaded(tmp_path, pairs) -> None:
    loaded = []

    def load(image: str) -> np.ndarray:
        loaded.append(image)
        return BLACK

    evaluation = evaluate_landmarks(pairs, [2], 4, 10)
    draw_worst_cases(evaluation, pairs, load, tmp_path / "s.png", 3, columns=2, tile=100)
    assert loaded == ["eye_2", "eye_1", "eye_3"]
    size = Image.open(tmp_path / "s.png").size
    assert size == (2 * (100 + _GAP) + _GAP, 2 * (100 + _HEADER + _GAP) + _GAP + 20)  # the legend below


def test_the_focus_holds_both_ends_and_lies_inside_the_image() -> None:
    frame = Frame(200, 120)
    for true, pred in [((0, 0), (5, 5)), ((199, 119), (190, 100)), ((10, 10), (180, 100)), ((90, 60), (91, 60))]:
        x0, y0, x1, y1 = _focus(Landmarks(["a"], [true], frame), Landmarks(["a"], [pred], frame), 0)
        assert 0 <= x0 < x1 <= 200
        assert 0 <= y0 < y1 <= 120
        for x, y in (true, pred):
            assert x0 <= x < x1
            assert y0 <= y < y1


def test_a_mark_on_the_sheet_lies_on_its_landmark(tmp_path) -> None:
    frame = Frame(200, 120)
    pair = ("a", Landmarks(["p"], [(60, 61)], frame), Landmarks(["p"], [(63, 57)], frame))
    evaluation = evaluate_landmarks([pair], [2], 4, 10)
    draw_worst_cases(evaluation, [pair], lambda _: BLACK, tmp_path / "s.png", tile=333, colors=["#FF0000"])
    picture = np.asarray(Image.open(tmp_path / "s.png").convert("RGB")).astype(float)[_GAP + _HEADER :]
    x0, y0, x1, _ = _focus(pair[1], pair[2], 0)
    expected = (np.array([63, 57]) + 0.5 - (x0, y0)) * 333 / (x1 - x0) - 0.5 + (_GAP, 0)
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    near = np.hypot(columns - expected[0], rows - expected[1]) < 12  # the name is tinted too
    weight = (picture[..., 0] - picture[..., 1:].max(axis=-1)).clip(min=0) * near
    centre = [(weight * columns).sum() / weight.sum(), (weight * rows).sum() / weight.sum()]
    np.testing.assert_allclose(centre, expected, atol=0.1)


def test_sheets_without_meaning_are_refused(tmp_path, pairs, make_landmarks) -> None:
    evaluation = evaluate_landmarks(pairs, [2], 4, 10)
    path = tmp_path / "s.png"
    with pytest.raises(InputError, match="eye_2, which is not among the pairs"):
        draw_worst_cases(evaluation, pairs[:2], lambda _: BLACK, path)
    with pytest.raises(InputError, match="at least 1, not 0"):
        draw_worst_cases(evaluation, pairs, lambda _: BLACK, path, 0)
    with pytest.raises(InputError, match="200 x 120 pixels, but the image to draw on has 120 x 200"):
        draw_worst_cases(evaluation, pairs, lambda _: BLACK.transpose(0, 2, 1), path)
    nothing = [("none", make_landmarks([(1, 1)] * 3), make_landmarks([(1, 1)] * 3, [0, 0, 0]))]
    with pytest.raises(InputError, match="No image of the evaluation"):
        draw_worst_cases(evaluate_landmarks(nothing, [2], 4, 10), nothing, lambda _: BLACK, path)
    assert not path.exists()
