"""Overlays: every mark is where its landmark is, and only those that have a place are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from monai_ext.evaluation import Canvas, Cutout, Marker, draw_overlay
from monai_ext.evaluation.overlay import caption_lines
from monai_ext.landmarks import Frame, InputError, Landmarks

RED, GREEN = "#FF0000", "#00FF00"


def drawn(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(float)


def centre_of(picture: np.ndarray, channel: int) -> np.ndarray:
    """Centroid (x, y) of what a pure colour adds to a black image, weighted by its intensity."""
    others = [c for c in range(3) if c != channel]
    weight = (picture[..., channel] - picture[..., others].max(axis=-1)).clip(min=0)
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


@pytest.mark.parametrize(("width", "height", "longest"), [(64, 40, 640), (37, 81, 500), (700, 450, 500)])
@pytest.mark.parametrize("fraction", [(0.3, 0.6), (0.713, 0.257)])
def test_a_mark_lies_on_its_landmark(tmp_path, width, height, longest, fraction) -> None:
    point = np.array(fraction) * (width, height)
    landmarks = Landmarks(["a"], [point], Frame(width, height))
    image = np.zeros((1, height, width), np.uint8)
    draw_overlay(image, landmarks, tmp_path / "o.png", names=False, colors=[RED], longest_side=longest)
    picture = drawn(tmp_path / "o.png")
    scale = longest / max(width, height)
    expected = (point + 0.5) * np.array(picture.shape[1::-1]) / (width, height) - 0.5
    assert picture.shape[:2] == (round(height * scale), round(width * scale))
    np.testing.assert_allclose(centre_of(picture, 0), expected, atol=0.1)


def test_a_mark_lies_on_its_pixel_of_the_image(tmp_path) -> None:
    # The image's one blue pixel, enlarged, and the mark drawn over it have one centre.
    image = np.zeros((3, 30, 50), np.uint8)
    image[2, 11, 37] = 255
    frame = Frame(50, 30)
    draw_overlay(image, Landmarks(["a"], [(0, 0)], frame, [0]), tmp_path / "b.png", longest_side=500)
    draw_overlay(
        image, Landmarks(["a"], [(37, 11)], frame), tmp_path / "r.png", names=False, colors=[RED], longest_side=500
    )
    blue = centre_of(drawn(tmp_path / "b.png")[:300], 2)
    np.testing.assert_allclose(blue, [374.5, 114.5], atol=0.1)
    np.testing.assert_allclose(centre_of(drawn(tmp_path / "r.png"), 0), blue, atol=0.1)


def test_each_landmark_has_its_own_colour(tmp_path) -> None:
    landmarks = Landmarks(["a", "b"], [(10, 30), (50, 8)], Frame(64, 40))
    draw_overlay(
        np.zeros((1, 40, 64)), landmarks, tmp_path / "o.png", names=False, colors=[RED, GREEN], longest_side=640
    )
    # A flat float image is mid-grey: the centroid takes only what exceeds the other channels.
    picture = drawn(tmp_path / "o.png")
    np.testing.assert_allclose(centre_of(picture, 0), [104.5, 304.5], atol=0.1)
    np.testing.assert_allclose(centre_of(picture, 1), [504.5, 84.5], atol=0.1)


def test_the_truth_is_a_white_cross_at_its_own_place(tmp_path) -> None:
    frame = Frame(64, 40)
    truth = Landmarks(["a"], [(50, 8)], frame)
    prediction = Landmarks(["a"], [(0, 0)], frame, [0])
    draw_overlay(np.zeros((1, 40, 64), np.uint8), prediction, tmp_path / "o.png", truth, False, longest_side=640)
    white = drawn(tmp_path / "o.png")[:400].min(axis=-1)
    rows, columns = np.mgrid[:400, :640]
    centre = [(white * columns).sum() / white.sum(), (white * rows).sum() / white.sum()]
    np.testing.assert_allclose(centre, [504.5, 84.5], atol=0.1)


def test_a_line_joins_truth_and_prediction(tmp_path) -> None:
    frame = Frame(64, 40)
    truth, prediction = Landmarks(["a"], [(10, 20)], frame), Landmarks(["a"], [(50, 20)], frame)
    draw_overlay(np.zeros((1, 40, 64), np.uint8), prediction, tmp_path / "o.png", truth, False, longest_side=640)
    column = drawn(tmp_path / "o.png")[:400, 304].max(axis=-1)
    assert column.argmax() in (204, 205)
    assert column.max() > 100


@pytest.mark.parametrize("status", [0, -1])
def test_a_landmark_without_a_place_is_listed_and_not_drawn(tmp_path, status) -> None:
    landmarks = Landmarks(["fovea", "disc"], [(20, 20), (50, 8)], Frame(64, 40), [1, status])
    draw_overlay(np.zeros((1, 40, 64), np.uint8), landmarks, tmp_path / "o.png", colors=[RED, GREEN], longest_side=640)
    picture = drawn(tmp_path / "o.png")
    assert (picture[..., 1] - picture[..., 0]).max() <= 0
    assert picture.shape[0] > 400
    assert picture[400:].min(axis=-1).max() > 200
    assert caption_lines(landmarks, None) == [{0: "Missing: disc", -1: "No prediction: disc"}[status]]


def test_nothing_to_list_leaves_the_picture_in_the_image_aspect(tmp_path) -> None:
    draw_overlay(np.zeros((1, 40, 64)), Landmarks(["a"], [(1, 1)], Frame(64, 40)), tmp_path / "o.png", longest_side=320)
    assert Image.open(tmp_path / "o.png").size == (320, 200)


def test_the_caption_tells_what_the_picture_cannot_show() -> None:
    frame = Frame(64, 40, spacing=(0.5, 0.25), spacing_source="made up")
    prediction = Landmarks(["a", "b", "c", "d"], [(6, 16), (0, 0), (70, 5), (3, 3)], frame, [1, 0, 1, -1])
    truth = Landmarks(["a", "b", "c", "d"], [(0, 0), (1, 1), (0, 0), (3, 3)], frame, [1, 1, 0, -1])
    assert caption_lines(prediction, truth) == [
        "○ prediction   × truth   mean error 5.00 mm",
        "Missing: b",
        "No prediction: d",
        "Outside the image: c",
        "Missing in the truth: c",
        "Not annotated: d",
    ]


@pytest.mark.parametrize("corner", [(0, 0), (199, 0), (0, 99), (199, 99), (100, 50)])
def test_names_stay_inside_the_image_and_off_their_mark(corner) -> None:
    canvas = Canvas(200, 100)
    marker = Marker(canvas, Cutout((0, 0, 200, 100), 0, 0, 200, 100), 6)
    marker.predictions(np.array([corner], float), [RED])
    before = list(canvas.axes.texts)
    marker.names(np.array([corner], float), ["a_long_name"], [RED], 12)
    (text,) = [t for t in canvas.axes.texts if t not in before]
    width, height = canvas.text_size("a_long_name", 12)
    x, y = text.get_position()
    assert x >= 0
    assert y >= 0
    assert x + width <= 200
    assert y + height <= 100
    nearest = np.clip(corner, (x, y), (x + width, y + height))
    assert np.linalg.norm(nearest - np.array(corner)) > 6


def test_names_of_neighbours_do_not_cover_each_other() -> None:
    canvas = Canvas(400, 300)
    marker = Marker(canvas, Cutout((0, 0, 400, 300), 0, 0, 400, 300), 6)
    points = np.array([(200, 150), (204, 152), (200, 160), (210, 148), (196, 140)], float)
    names = [f"landmark_{i}" for i in range(5)]
    marker.predictions(points, [RED] * 5)
    marker.names(points, names, [RED] * 5, 12)
    boxes = [(*t.get_position(), *canvas.text_size(t.get_text(), 12)) for t in canvas.axes.texts]
    assert len(boxes) == 5
    for i, (x, y, w, h) in enumerate(boxes):
        for u, v, p, q in boxes[:i]:
            assert min(x + w, u + p) <= max(x, u) or min(y + h, v + q) <= max(y, v)


def test_a_name_outside_the_view_is_not_written() -> None:
    canvas = Canvas(200, 100)
    marker = Marker(canvas, Cutout((0, 0, 50, 100), 0, 0, 50, 100), 6)
    marker.names(np.array([(20.0, 20.0), (120.0, 20.0)]), ["in", "out"], [RED, RED], 12)
    assert [t.get_text() for t in canvas.axes.texts] == ["in"]


def test_many_landmarks_with_odd_names(tmp_path, rng) -> None:
    k = 68
    landmarks = Landmarks([f"p$_{i}" for i in range(k)], rng.uniform(0, 39, (k, 2)), Frame(64, 40))
    draw_overlay(rng.normal(size=(3, 40, 64)), landmarks, tmp_path / "o.png", longest_side=400)
    assert Image.open(tmp_path / "o.png").size == (400, 250)


def test_what_does_not_fit_is_refused(tmp_path) -> None:
    landmarks = Landmarks(["a"], [(1, 1)], Frame(64, 40))
    path = tmp_path / "o.png"
    with pytest.raises(InputError, match=r"64 x 40 pixels, but the image to draw on has 40 x 64"):
        draw_overlay(np.zeros((1, 64, 40)), landmarks, path)
    with pytest.raises(InputError, match="1 landmarks need as many colours, not 2"):
        draw_overlay(np.zeros((1, 40, 64)), landmarks, path, colors=[RED, GREEN])
    with pytest.raises(InputError, match=r"\(32, 20\) and \(64, 40\)"):
        draw_overlay(np.zeros((1, 40, 64)), landmarks, path, Landmarks(["a"], [(1, 1)], Frame(32, 20)))
    with pytest.raises(InputError, match=r"'o\.tif'"):
        draw_overlay(np.zeros((1, 40, 64)), landmarks, tmp_path / "o.tif")
    assert list(tmp_path.iterdir()) == []
