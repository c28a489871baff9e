"""What each format says of one known place: the centre of the top-left pixel, and of a pixel of a 60 x 40 image."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ElementTree

import pytest

from monai_ext.formats import write_table
from monai_ext.landmarks import ImagePoints, PointsTable, TablePoint


@pytest.fixture
def write(tmp_path, frames):
    """Writes the points (0, 0) and (10, 30) and returns the file's text."""
    table = PointsTable(
        ("first", "other"), {"a.png": ImagePoints({"first": TablePoint(0, 0), "other": TablePoint(10, 30)}, (60, 40))}
    )

    def write(format, file=None):
        write_table(tmp_path / "out", table, format, frames=frames)
        return (tmp_path / "out" / file if file else tmp_path / "out").read_text()

    return write


def test_tps_counts_rows_from_the_bottom_one(write) -> None:
    assert write("tps") == "LM=2\n0 39\n10 9\nIMAGE=a.png\nID=0\n"


def test_labelme_counts_from_the_corner(write) -> None:
    document = json.loads(write("labelme", "a.json"))
    assert [shape["points"] for shape in document["shapes"]] == [[[0.5, 0.5]], [[10.5, 30.5]]]
    assert (document["imageWidth"], document["imageHeight"], document["imagePath"]) == (60, 40, "a.png")


def test_label_studio_counts_percent_from_the_corner(write) -> None:
    results = json.loads(write("label-studio"))[0]["annotations"][0]["result"]
    assert [(r["value"]["x"], r["value"]["y"]) for r in results] == [
        (pytest.approx(0.5 / 60 * 100), pytest.approx(0.5 / 40 * 100)),
        (pytest.approx(10.5 / 60 * 100), pytest.approx(30.5 / 40 * 100)),
    ]


def test_cvat_counts_from_the_corner(write) -> None:
    points = ElementTree.fromstring(write("cvat")).findall("image/points")
    assert [(p.get("label"), p.get("points")) for p in points] == [("first", "0.5,0.5"), ("other", "10.5,30.5")]


def test_via_counts_pixels(write) -> None:
    regions = json.loads(write("via"))["a.png-1"]["regions"]
    assert [r["shape_attributes"] for r in regions] == [
        {"name": "point", "cx": 0, "cy": 0},
        {"name": "point", "cx": 10, "cy": 30},
    ]


def test_deeplabcut_counts_pixels(write) -> None:
    assert list(csv.reader(write("deeplabcut").splitlines()))[1:] == [
        ["bodyparts", "", "", "first", "first", "other", "other"],
        ["coords", "", "", "x", "y", "x", "y"],
        ["labeled-data", "images", "a.png", "0", "0", "10", "30"],
    ]


def test_napari_counts_pixels_row_first(write) -> None:
    assert write("napari", "a.csv") == "index,axis-0,axis-1,label\n0,0,0,first\n1,30,10,other\n"


def test_a_wide_table_counts_pixels(write) -> None:
    assert write("wide") == "image,first_x,first_y,other_x,other_y\na.png,0,0,10,30\n"


@pytest.mark.parametrize("format", ["mrk", "fcsv"])
def test_slicer_s_files_hold_the_place_of_the_pixel_centre(write, format) -> None:
    text = write(format, f"a.{'mrk.json' if format == 'mrk' else 'fcsv'}")
    if format == "mrk":
        found = [point["position"] for point in json.loads(text)["markups"][0]["controlPoints"]]
    else:
        found = [[float(v) for v in row[1:4]] for row in csv.reader(text.splitlines()) if not row[0].startswith("#")]
    assert found == [pytest.approx([100.0, -4.0, 9.0]), pytest.approx([97.5, 17.0, 9.0])]
