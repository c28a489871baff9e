"""Wide tables and napari's points."""

from __future__ import annotations

import re

import pytest

from monai_ext.formats import read_table, recognise
from monai_ext.landmarks import InputError, Status, TablePoint

WIDE = "image,left_eye_x,left_eye_y,nose tip x,nose tip y\na.png,10.25,3.5,0,0\nb.png,,,59,39\n"


@pytest.fixture
def write(tmp_path):
    def write(text, name="points.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    "text", [WIDE, re.sub(r"(\d)\.(\d)", r"\1,\2", WIDE.replace(",", ";")), "sep=;\n" + WIDE.replace(",", ";")]
)
def test_a_wide_table_has_a_row_per_image(write, text) -> None:
    path = write(text)
    table = read_table(path)
    assert recognise(path).name == "wide"
    assert table.names == ("left_eye", "nose tip")
    assert table.images["a.png"].points == {"left_eye": TablePoint(10.25, 3.5), "nose tip": TablePoint(0, 0)}
    assert table.images["b.png"].points["left_eye"].status is Status.UNDEFINED
    assert table.images["b.png"].points["nose tip"] == TablePoint(59, 39)


def test_other_columns_of_a_wide_table_are_named(write) -> None:
    with pytest.warns(UserWarning, match="these columns are ignored: 'Usage'"):
        read_table(write("Usage,Image,a_x,a_y\nPublic,1.png,1,2\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,a_x,a_y,b_x\na.png,1,2,3\n", "'b' has only the column x"),
        ("image,id,a_x,a_y\na.png,1,2,3\n", "one column must name the image .*, not image, id"),
        ("image,a_x,a_y,a_x\na.png,1,2,3\n", "the column 'a_x' occurs twice"),
        ("image,eye_x,eye_y,eye_X,eye_Y\na.png,1,2,3,4\n", "columns 'eye_x' and 'eye_X' both hold x of 'eye'"),
        ("image,a_x,a-y,a_y\na.png,1,2,3\n", "columns 'a-y' and 'a_y' both hold y of 'a'; keep one"),
        ("image,a_x,a_y\na.png,1\n", "line 2: 2 fields for 3 columns"),
        ("image,a_x,a_y\na.png,1,\n", "a coordinate of 'a' must be a finite number, not ''"),
        ("image,a_x,a_y\na.png,1,2\na.png,1,2\n", "line 3: the image 'a.png' occurs twice"),
        (f"Image,a_x,a_y\n{'238 ' * 400},1,2\n", "Image holds pixels instead of names"),
    ],
)
def test_a_malformed_wide_table_is_refused(write, text, message) -> None:
    with pytest.raises(InputError, match=message):
        read_table(write(text))


def test_napari_writes_the_row_first_and_an_index_that_may_have_decimals(write) -> None:
    path = write("index,axis-0,axis-1\n0.0,3.5,10.25\n1.0,0.0,0.0\n", "eye 1.csv")
    assert recognise(path).name == "napari"
    assert read_table(path).images["eye 1"].points == {"1": TablePoint(10.25, 3.5), "2": TablePoint(0, 0)}
    assert read_table(path, ["tip", "base"]).images["eye 1"].points["tip"] == TablePoint(10.25, 3.5)


def test_a_feature_of_the_points_may_name_them(write) -> None:
    path = write("index,axis-0,axis-1,confidence,label\n0,3.5,10.25,0.5,tip\n", "a.csv")
    assert read_table(path).images["a"].points == {"tip": TablePoint(10.25, 3.5)}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["index,axis-0,axis-1,axis-2\n0,1,2,3\n"], "the points have the axes axis-0, axis-1, axis-2"),
        (
            ["index,axis-0,axis-1\n0,1,2\n", "index,axis-0,axis-1\n0,1,2\n1,3,4\n"],
            "1.csv: there are 2 points for 1 land",
        ),
        (
            ["index,axis-0,axis-1\n0,1,2\n", "index,axis-0,axis-1,label\n0,1,2,a\n"],
            "the names are in different columns",
        ),
        (["index,axis-0,axis-1\n0,1,nan\n"], "the coordinate of '1' must be a finite number, not 'nan'"),
    ],
)
def test_points_in_doubt_are_refused(tmp_path, files, message) -> None:
    for number, text in enumerate(files):
        (tmp_path / f"{number}.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_table(tmp_path)
