from __future__ import annotations

import math

import numpy as np
import pytest

from monai_ext.landmarks import (
    Frame,
    InputError,
    Landmarks,
    PointsTable,
    Status,
    TablePoint,
    read_points_table,
    write_points_table,
)

HEADER = "image,landmark,x,y,width,height,split"


@pytest.fixture
def write(tmp_path):
    def write(*lines, header=HEADER):
        path = tmp_path / "points.csv"
        path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return path

    return write


def test_rows_are_grouped_by_image_in_order_of_appearance(write):
    table = read_points_table(
        write("b.jpg,disc,1.5,2,64,48,train", "a.jpg,fovea,3,4,20,30,val", "b.jpg,fovea,5,6,64,48,train")
    )
    assert table.names == ("disc", "fovea")
    assert list(table.images) == ["b.jpg", "a.jpg"]
    assert table.images["b.jpg"].points == {"disc": TablePoint(1.5, 2), "fovea": TablePoint(5, 6)}
    assert (table.images["b.jpg"].size, table.images["b.jpg"].split) == ((64, 48), "train")
    assert (table.images["a.jpg"].size, table.images["a.jpg"].split) == ((20, 30), "val")


def test_only_four_columns_are_needed_and_in_any_order(write):
    table = read_points_table(write("2,1,a,i.png", header="y,x,landmark,image"))
    assert table.images["i.png"].points == {"a": TablePoint(1, 2)}
    assert (table.images["i.png"].size, table.images["i.png"].split) == (None, None)


def test_status_decides_and_coordinates_decide_where_it_is_silent(write):
    rows = ["i,a,1,2,defined", "i,b,,,missing", "i,c,,,undefined", "i,d,,,", "i,e,3,4,"]
    points = read_points_table(write(*rows, header="image,landmark,x,y,status")).images["i"].points
    assert [point.status.word for point in points.values()] == [
        "defined",
        "missing",
        "undefined",
        "undefined",
        "defined",
    ]
    assert (points["e"].x, points["e"].y) == (3, 4)
    assert math.isnan(points["b"].x)
    assert math.isnan(points["d"].y)


def test_spaces_quotes_blank_lines_and_a_byte_order_mark(write):
    path = write(' "i, 1.png" ', header="x")
    path.write_bytes(b'\xef\xbb\xbfimage, landmark ,x,y\r\n\r\n"i, 1.png", a , 1 ,2\r\n,,,\r\n')
    assert read_points_table(path).images["i, 1.png"].points == {"a": TablePoint(1, 2)}


def test_rows_of_an_image_agree_on_its_subject(write):
    header = "image,landmark,x,y,subject"
    table = read_points_table(write("i,a,1,2,S1", "i,b,3,4,S1", "j,a,1,2,", header=header))
    assert {image: entry.subject for image, entry in table.images.items()} == {"i": "S1", "j": None}
    with pytest.raises(InputError, match="line 3: 'i' has the subject S2 here and S1 above; make them agree"):
        read_points_table(write("i,a,1,2,S1", "i,b,3,4,S2", header=header))


def test_another_column_is_ignored_with_a_warning(write):
    with pytest.warns(UserWarning, match=r"points\.csv: these columns are ignored: 'reader'"):
        table = read_points_table(write("i,a,1,2,me", header="image,landmark,x,y,reader"))
    assert table.names == ("a",)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["i,a,1,two,64,48,train"], "line 2: y must be a finite number, not 'two'"),
        (["i,a,1,2,64,48,train", "i,b,nan,2,64,48,train"], "line 3: x must be a finite number, not 'nan'"),
        (
            ["i,a,NA,NA,64,48,train"],
            "line 2: x must be a finite number, not 'NA'; leave the field empty where there is none",
        ),
        (["i,a,inf,2,64,48,train"], "line 2: x must be a finite number, not 'inf'"),
        (["i,a,1_0,2,64,48,train"], "line 2: x must be a finite number, not '1_0'"),
        (["i,a,1,,64,48,train"], "line 2: y must be a finite number, not ''"),
        (["i,a,1,2,64,48,train", "", "i,a,1,2,64,48,train"], "line 4: the landmark 'a' of 'i' occurs twice"),
        (["i,z,1,2,64,48,train"], "line 2: unknown landmark 'z'; the landmarks are a, b"),
        (["i,a,1,2,64,48,train", "i,b,1,2,64,48,val"], "line 3: 'i' has the split val here and train above"),
        (["i,a,1,2,64,48,train", "i,b,1,2,48,64,train"], r"line 3: 'i' has the size \(48, 64\) here and \(64, 48\)"),
        (["i,a,1,2,64,48,dev"], "line 2: unknown split 'dev'; use train, val, test"),
        (["i,a,1,2,64.5,48,train"], "line 2: width must be a whole number of pixels above 0, not '64.5'"),
        (["i,a,1,2,64,0,train"], "line 2: height must be a whole number of pixels above 0, not '0'"),
        (["i,a,1,2,64,,train"], "line 2: height must be a whole number of pixels above 0, not ''"),
        ([",a,1,2,64,48,train"], "line 2: the column 'image' is empty"),
        (["i,,1,2,64,48,train"], "line 2: the column 'landmark' is empty"),
        (["i,a,1,2"], "line 2: 4 fields for 7 columns"),
        (["i,a,1,2,64,48,train,more"], "line 2: 8 fields for 7 columns"),
        (['i,"a,1,2,64,48,train'], "not a comma-separated line"),
    ],
)
def test_refuses_with_file_line_and_value(write, lines, message):
    with pytest.raises(InputError, match=rf"points\.csv.*{message}"):
        read_points_table(write(*lines), ["a", "b"])


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("image,landmark,x", "line 1: the column 'y' is missing from 'image,landmark,x'"),
        ("image|landmark|x|y", "line 1: the column 'image' is missing"),
        ("", "line 1: the column 'image' is missing"),
        ("image,landmark,x,y,x", "line 1: the column 'x' occurs twice"),
        ("image,landmark,x,y,width", "line 1: width and height belong together"),
    ],
)
def test_refuses_a_header(write, header, message):
    with pytest.raises(InputError, match=rf"points\.csv, {message}"):
        read_points_table(write(header=header))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("i,a,1,2,gone", "unknown status 'gone'; use undefined, missing, defined"),
        ("i,a,1,2,missing", r"'a' is missing but has the coordinates \(1, 2\)"),
        ("i,a,,,defined", "x must be a finite number, not ''"),
    ],
)
def test_refuses_a_status(write, line, message):
    with pytest.raises(InputError, match=rf"points\.csv, line 2: {message}"):
        read_points_table(write(line, header="image,landmark,x,y,status"))


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv cannot be read"):
        read_points_table(tmp_path / "none.csv")


def test_landmarks_of_an_image(write):
    table = read_points_table(write("i,b,3,4,64,48,", "j,a,1,2,64,48,"))
    got = table.landmarks("i", Frame(64, 48), ["a", "b"])
    assert got.status.tolist() == [-1, 1]
    np.testing.assert_array_equal(got.points, [[np.nan, np.nan], [3, 4]])
    assert table.landmarks("i", Frame(64, 48)).names == ("b", "a")
    with pytest.raises(InputError, match="no rows for the image 'k'"):
        table.landmarks("k", Frame(64, 48))
    with pytest.raises(InputError, match="Unknown landmark 'b'"):
        table.landmarks("i", Frame(64, 48), ["a"])


def test_a_transposed_image_is_noticed(write):
    table = read_points_table(write("i,b,3,4,64,48,"))
    with pytest.raises(InputError, match=r"'i' has 64 x 48 pixels .* but the image has 48 x 64"):
        table.landmarks("i", Frame(48, 64))


def test_write_then_read_is_the_identity(tmp_path, mixed, same):
    other = Landmarks(["disc"], [[1 / 3, 1e-7]], mixed.frame)
    table = PointsTable.from_landmarks({"one, 1.png": mixed, "two": other}, {"two": "val"})
    write_points_table(tmp_path / "t.csv", table)
    got = read_points_table(tmp_path / "t.csv", mixed.names)
    assert got.names == mixed.names
    assert {image: (entry.size, entry.split) for image, entry in got.images.items()} == {
        "one, 1.png": (mixed.frame.size, None),
        "two": (mixed.frame.size, "val"),
    }
    unsure = Landmarks(mixed.names, mixed.points, mixed.frame, mixed.status)
    same(got.landmarks("one, 1.png", mixed.frame), unsure, atol=0)
    assert got.images["two"].points == {"disc": TablePoint(1 / 3, 1e-7)}


def test_written_table_without_sizes(tmp_path, write):
    table = read_points_table(write("i,a,1,2", header="image,landmark,x,y"))
    write_points_table(tmp_path / "t.csv", table)
    assert (tmp_path / "t.csv").read_text() == (
        "image,landmark,x,y,width,height,split,status\ni,a,1.0,2.0,,,,defined\n"
    )
    assert read_points_table(tmp_path / "t.csv") == table


def test_a_likely_place_of_a_missing_landmark_is_not_written(tmp_path):
    table = PointsTable.from_landmarks({"i": Landmarks(["a"], [[1, 2]], Frame(9, 9), [0])})
    assert table.images["i"].points["a"].status is Status.MISSING
    write_points_table(tmp_path / "t.csv", table)
    assert "i,a,,,9,9,,missing\n" in (tmp_path / "t.csv").read_text()


def test_real_tables_are_read(shared_data):
    counts = {"wings12": (40, 12), "ceph19": (298, 19), "idrid_fundus2": (103, 2), "faces68": (971, 68)}
    for name, (images, landmarks) in counts.items():
        table = read_points_table(shared_data / name / "landmarks.csv")
        assert (len(table.images), len(table.names)) == (images, landmarks)
        assert all(len(entry.points) == landmarks for entry in table.images.values())
