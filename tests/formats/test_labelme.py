from __future__ import annotations

import json

import pytest

from monai_ext.formats import read_table, recognise, write_table
from monai_ext.landmarks import InputError, TablePoint


def shape(label, points, kind="point"):
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}}


@pytest.fixture
def write(tmp_path):
    """A file as labelme writes it, with the picture in it."""

    def write(name, shapes, **changes):
        document = {
            "version": "5.4.1",
            "flags": {},
            "shapes": shapes,
            "imagePath": f"{name}.png",
            "imageData": "iVBORw0KGgo=",
            "imageHeight": 40,
            "imageWidth": 60,
        }
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(document | changes), encoding="utf-8")
        return path

    return write


def test_the_centre_of_the_first_pixel_is_at_half_a_pixel(write) -> None:
    table = read_table(write("a", [shape("tip", [[0.5, 0.5]]), shape("base", [[59.5, 39.5]])]))
    assert table.images["a.png"].points == {"tip": TablePoint(0, 0), "base": TablePoint(59, 39)}
    assert table.images["a.png"].size == (60, 40)


def test_a_folder_has_a_file_per_image_beside_the_images(tmp_path, write) -> None:
    write("b", [shape("tip", [[3.0, 4.0]])])
    write("a", [shape("tip", [[1.0, 2.0]])])
    (tmp_path / "a.png").write_bytes(b"\x89PNG")

    table = read_table(tmp_path)

    assert recognise(tmp_path).name == "labelme"
    assert {image: entry.points["tip"] for image, entry in table.images.items()} == {
        "a.png": TablePoint(0.5, 1.5),
        "b.png": TablePoint(2.5, 3.5),
    }


def test_other_json_in_the_folder_is_refused_not_passed_over(tmp_path, write) -> None:
    write("a", [shape("tip", [[1.0, 2.0]])])
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(InputError, match=r"other\.json is not a labelme file: it has no list 'shapes'"):
        read_table(tmp_path)


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ("..\\images\\a.png", "a.png"),
        ("../images/a.png", "a.png"),
        ("left\\a.png", "left/a.png"),
        ("C:\\photos\\a.png", "a.png"),
        ("/photos/a.png", "/photos/a.png"),
    ],
)
def test_the_path_of_the_image_is_one_below_the_folder_of_images(write, stated, name) -> None:
    assert list(read_table(write("a", [shape("tip", [[1.0, 2.0]])], imagePath=stated)).images) == [name]


def test_other_shapes_are_counted(write) -> None:
    path = write("a", [shape("tip", [[1.0, 2.0]]), shape("box", [[1, 1], [2, 2]], "rectangle")])
    with pytest.warns(UserWarning, match="1 shapes that are not points are left out"):
        assert list(read_table(path).images["a.png"].points) == ["tip"]


@pytest.mark.parametrize(
    ("shapes", "changes", "message"),
    [
        ([shape("tip", [[1, 2]]), shape("tip", [[3, 4]])], {}, r"shape 2: the landmark 'tip' of 'a\.png' occurs twice"),
        ([shape("tip", [[1, 2], [3, 4]])], {}, r"shape 1: the points must be \[\[x, y\]\]"),
        ([shape("tip", [[1, None]])], {}, r"shape 1: the coordinate of 'tip' must be a finite number, not None"),
        ([shape(7, [[1, 2]])], {}, r"shape 1: a shape needs a text as its label"),
        ([shape("tip", [[1, 2]])], {"imagePath": ""}, r"imagePath must be the name of an image, not ''"),
        ([shape("tip", [[1, 2]])], {"imageWidth": 0}, r"the width must be a whole number of pixels above 0, not 0"),
        ([], {}, "holds no placed point"),
    ],
)
def test_a_malformed_file_is_refused(write, shapes, changes, message) -> None:
    with pytest.raises(InputError, match=message):
        read_table(write("a", shapes, **changes))


def test_files_in_folders_below_are_not_left_out_without_a_word(tmp_path, table) -> None:
    write_table(tmp_path, table, "labelme")
    write_table(tmp_path / "val" / "more", table, "labelme")
    write_table(tmp_path / ".hidden", table, "labelme")
    with pytest.warns(UserWarning, match=r"2 files in folders below are not read, as .*val.more.a\.json: import"):
        assert list(read_table(tmp_path).images) == ["a.png", "b.png"]
