from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from monai_ext.importing import place
from monai_ext.importing.placing import picture_frame
from monai_ext.landmarks import Frame, ImagePoints, InputError, Status, TablePoint

FRAME = Frame(64, 48)


def stored_place(orientation: int, x: int, y: int) -> list[int]:
    """Where a pixel of the upright picture is stored: Pillow turns a picture whose pixels hold their own index."""
    image = Image.fromarray(np.arange(48 * 64, dtype=np.int32).reshape(48, 64))
    image.getexif()[0x0112] = orientation
    row, column = divmod(int(np.asarray(ImageOps.exif_transpose(image))[y, x]), 64)
    return [column, row]


def entry(size: tuple[int, int] | None, x: float = 10, y: float = 5, **more) -> ImagePoints:
    return ImagePoints({"a": TablePoint(x, y)}, size, **more)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_upright_points_are_mapped_as_pillow_turns_pixels(orientation) -> None:
    found = place("i.jpg", entry(None), FRAME, orientation, ["a"], "upright")
    assert found.landmarks.points.tolist() == [stored_place(orientation, 10, 5)]
    assert found.upright


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_the_declared_size_tells_which_picture_is_meant(orientation) -> None:
    upright = place("i.jpg", entry((48, 64)), FRAME, orientation, ["a"])
    stored = place("i.jpg", entry((64, 48)), FRAME, orientation, ["a"])
    assert upright.landmarks.points.tolist() == [stored_place(orientation, 10, 5)]
    assert (upright.upright, stored.upright) == (True, False)
    assert stored.landmarks.points.tolist() == [[10, 5]]


@pytest.mark.parametrize(
    ("size", "frame", "orientation"),
    [
        (None, FRAME, 6),
        (None, FRAME, 3),
        ((64, 48), FRAME, 2),
        ((64, 48), FRAME, 3),
        ((64, 48), FRAME, 4),
        ((64, 64), Frame(64, 64), 6),
        ((64, 64), Frame(64, 64), 5),
    ],
)
def test_an_open_question_is_refused_with_exif_and_its_option(size, frame, orientation) -> None:
    with pytest.raises(InputError, match=rf"'i\.jpg' has the EXIF orientation {orientation}, .*--exif upright"):
        place("i.jpg", entry(size), frame, orientation, ["a"])
    assert place("i.jpg", entry(size), frame, orientation, ["a"], "stored").landmarks.points.tolist() == [[10, 5]]


@pytest.mark.parametrize(
    ("size", "orientation", "exif"),
    [((64, 48), 6, "upright"), ((48, 64), 6, "stored"), ((32, 24), 6, None), ((48, 64), 3, None)],
)
def test_a_size_that_contradicts_is_refused_with_exif(size, orientation, exif) -> None:
    with pytest.raises(InputError, match=rf"EXIF orientation {orientation}.*the table says {size[0]} x {size[1]}"):
        place("i.jpg", entry(size), FRAME, orientation, ["a"], exif)


def test_without_a_placed_point_the_orientation_does_not_matter() -> None:
    bare = ImagePoints({"a": TablePoint(np.nan, np.nan, Status.MISSING)})
    found = place("i.jpg", bare, FRAME, 6, ["a", "b"])
    assert (found.landmarks.status.tolist(), found.says_something, found.upright) == ([0, -1], True, False)
    assert place("i.jpg", ImagePoints({}, (48, 64)), FRAME, 6, ["a"]).upright is False


def test_an_image_without_orientation_is_taken_as_it_is() -> None:
    assert place("i.jpg", entry(None), FRAME, 1, ["a"], "upright").landmarks.points.tolist() == [[10, 5]]
    with pytest.raises(InputError, match="48 x 64 pixels"):
        place("i.jpg", entry((48, 64)), FRAME, 1, ["a"])


def test_a_point_far_outside_is_refused_as_in_any_label() -> None:
    with pytest.raises(InputError, match=r"i\.png: The landmark 'a' lies at pixel \(5000.0, 5.0\), outside the image"):
        place("i.png", entry(None, 5000, 5), FRAME, 1, ["a"])


def test_the_picture_whose_size_a_format_needs() -> None:
    assert picture_frame("i", FRAME, 6, "upright").size == (48, 64)
    assert picture_frame("i", FRAME, 3, "upright").size == (64, 48)
    assert picture_frame("i", FRAME, 6, "stored") is FRAME
    assert picture_frame("i", FRAME, 1, None) is FRAME
    with pytest.raises(InputError, match="--exif upright"):
        picture_frame("i", FRAME, 6, None)
