from __future__ import annotations

import re
import sys

import pytest

from monai_ext.formats import read_table, recognise, write_table
from monai_ext.landmarks import InputError, Status, TablePoint

#: As pandas writes DeepLabCut's table: since version 2.2 and before.
NEW = """scorer,,,me,me,me,me
bodyparts,,,tip,tip,base,base
coords,,,x,y,x,y
labeled-data,eyes,img001.png,10.25,3.5,0.0,0.0
labeled-data,eyes,img002.png,,,59.0,39.0
"""
OLD = """scorer,me,me,me,me
bodyparts,tip,tip,base,base
coords,x,y,x,y
labeled-data/eyes/img001.png,10.25,3.5,0.0,0.0
labeled-data\\eyes\\img002.png,,,59.0,39.0
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "CollectedData_me.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def check(table) -> None:
    assert table.names == ("tip", "base")
    assert list(table.images) == ["labeled-data/eyes/img001.png", "labeled-data/eyes/img002.png"]
    first, second = (entry.points for entry in table.images.values())
    assert first == {"tip": TablePoint(10.25, 3.5), "base": TablePoint(0, 0)}
    assert second["tip"].status is Status.UNDEFINED
    assert second["base"] == TablePoint(59, 39)


@pytest.mark.parametrize("text", [NEW, OLD, re.sub(r"(\d)\.(\d)", r"\1,\2", OLD.replace(",", ";"))])
def test_reads_csv_with_the_name_of_an_image_in_one_or_three_columns(write, text) -> None:
    check(read_table(write(text)))


@pytest.mark.parametrize("layout", ["three levels", "one level", "queryable"])
def test_reads_the_h5_file_that_pandas_writes(tmp_path, layout) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    names = ["scorer", "bodyparts", "coords"]
    columns = pandas.MultiIndex.from_product([["me"], ["tip", "base"], ["x", "y"]], names=names)
    rows = [("labeled-data", "eyes", "img001.png"), ("labeled-data", "eyes", "img002.png")]
    index = pandas.MultiIndex.from_tuples(rows) if layout == "three levels" else ["/".join(row) for row in rows]
    frame = pandas.DataFrame([[10.25, 3.5, 0, 0], [None, None, 59, 39]], index=index, columns=columns, dtype=float)
    path = tmp_path / "CollectedData_me.h5"
    frame.to_hdf(path, key="df_with_missing", mode="w", format="table" if layout == "queryable" else "fixed")

    assert recognise(path).name == "deeplabcut-h5"
    check(read_table(path))


def test_pandas_reads_the_h5_file_that_is_written(tmp_path, table) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    write_table(tmp_path / "x.h5", table, "deeplabcut-h5")
    frame = pandas.read_hdf(tmp_path / "x.h5")
    assert list(frame.columns.names) == ["scorer", "bodyparts", "coords"]
    assert frame.loc[("labeled-data", "images", "a.png"), ("monai-landmarks", "left eye", "y")] == 39.0
    assert list(frame.index) == [("labeled-data", "images", "a.png"), ("labeled-data", "images", "b.png")]


def test_an_h5_file_without_its_package_is_one_sentence_that_names_the_extra(tmp_path, table, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tables", None)
    with pytest.raises(
        InputError, match="needs the package 'tables': install it, or this project with the extra 'deeplabcut'"
    ):
        write_table(tmp_path / "x.h5", table, "deeplabcut-h5")


def test_another_hdf5_file_is_of_no_known_format(tmp_path) -> None:
    (tmp_path / "x.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(InputError, match="is not a table of points in a known format"):
        read_table(tmp_path / "x.h5")
    pytest.importorskip("tables")
    with pytest.raises(InputError, match="holds no labels of DeepLabCut"):
        read_table(tmp_path / "x.h5", format="deeplabcut-h5")


def test_images_in_the_layout_of_a_project_keep_their_names(tmp_path, table, same_points) -> None:
    for old, new in (("a.png", "labeled-data/left/a.png"), ("b.png", "labeled-data/right/a.png")):
        table.images[new] = table.images.pop(old)
    write_table(tmp_path / "x.csv", table, "deeplabcut")
    same_points(read_table(tmp_path / "x.csv"), table)


def test_two_images_that_would_get_one_name_are_refused(tmp_path, table) -> None:
    table.images["left/a.png"] = table.images["left_a.png"] = table.images["a.png"]
    with pytest.raises(
        InputError, match=r"Two images would be written to the same name, labeled-data/images/left_a\.png"
    ):
        write_table(tmp_path / "x.csv", table, "deeplabcut")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (NEW.replace("me,me,me,me", "me,me,you,you"), r"the labels of several scorers \(me, you\)"),
        (
            "scorer,me,me,me,me\nindividuals,m1,m1,m2,m2\nbodyparts,tip,tip,tip,tip\ncoords,x,y,x,y\na.png,1,2,3,4\n",
            r"the labels of several animals \(m1, m2\)",
        ),
        ("scorer,me,me,me\nbodyparts,tip,tip,tip\ncoords,x,y,likelihood\n0,1,2,0.9\n", "holds predictions on a video"),
        (NEW.replace("x,y,x,y", "x,y,x,x"), "the bodypart 'base' needs one column x and one column y"),
        (NEW.replace("10.25", "ten"), "line 4: a coordinate must be a finite number, not 'ten'"),
        (NEW.replace(",,,59", ",7,,59"), "the coordinate of 'tip' must be a finite number, not nan"),
        (NEW.replace("img002", "img001"), "the image 'labeled-data/eyes/img001.png' occurs twice"),
        ("scorer,me\nbodyparts,tip\n", "has no row 'coords' among its first four"),
    ],
)
def test_a_malformed_file_is_refused(write, text, message) -> None:
    with pytest.raises(InputError, match=message):
        read_table(write(text))
