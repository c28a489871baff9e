from __future__ import annotations

import json
from zipfile import ZipFile

import pytest

from monai_ext.formats import FORMAT_NAMES, read_table, recognise, write_table
from monai_ext.landmarks import ImagePoints, InputError, PointsTable, Status, TablePoint

TABLE = PointsTable(
    ("tip", "base"),
    {"a.png": ImagePoints({"tip": TablePoint(10.25, 3.5), "base": TablePoint(50, 30)}, (60, 40), None)},
)


@pytest.mark.parametrize("format", ["csv", "coco"])
def test_a_table_is_recognised_by_its_content_and_read_back(tmp_path, format) -> None:
    path = tmp_path / "points.txt"  # an extension that says nothing
    write_table(path, TABLE, format)

    assert recognise(path).name == format
    assert read_table(path) == TABLE


def test_the_pixel_origin_of_a_file_may_be_stated(tmp_path) -> None:
    write_table(tmp_path / "p.csv", TABLE, "csv")

    points = read_table(tmp_path / "p.csv", pixel_origin="corner").images["a.png"].points

    assert (points["tip"], points["base"]) == (TablePoint(9.75, 3.0), TablePoint(49.5, 29.5))
    assert read_table(tmp_path / "p.csv", pixel_origin="centre") == TABLE


def test_a_point_without_a_place_is_not_moved_by_the_pixel_origin(tmp_path) -> None:
    (tmp_path / "p.csv").write_text("image,landmark,x,y,status\na.png,tip,,,missing\n")

    point = read_table(tmp_path / "p.csv", pixel_origin="corner").images["a.png"].points["tip"]

    assert point.status is Status.MISSING
    assert point.x != point.x


def test_an_unknown_file_is_refused_with_what_it_starts_with_and_the_formats(tmp_path) -> None:
    (tmp_path / "p.csv").write_text("hello\n1\n")

    with pytest.raises(InputError, match=rf"p\.csv is not a table.*hello.*the formats are {', '.join(FORMAT_NAMES)}\."):
        read_table(tmp_path / "p.csv")


def test_a_workbook_is_to_be_saved_as_csv(tmp_path) -> None:
    with ZipFile(tmp_path / "points.xlsx", "w") as book:
        book.writestr("[Content_Types].xml", "<Types/>")
    with pytest.raises(InputError, match=r"points\.xlsx is a workbook or an archive: save its sheet as CSV in UTF-8"):
        read_table(tmp_path / "points.xlsx")


def test_an_empty_file_is_said_to_be_empty(tmp_path) -> None:
    (tmp_path / "p.csv").write_text("")
    with pytest.raises(InputError, match=r"p\.csv is not a table of points in a known format \(it is empty\)"):
        read_table(tmp_path / "p.csv")


def test_a_folder_without_tables_an_absent_file_and_an_unknown_format_are_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="is not a table of points in a known format"):
        read_table(tmp_path)
    with pytest.raises(InputError, match=r"There is no table .*none\.csv"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(InputError, match="There is no format 'dicom'; the formats are csv, coco"):
        read_table(tmp_path / "none.csv", format="dicom")


def test_an_option_of_another_format_is_refused_and_one_that_is_not_stated_is_not_an_option(tmp_path) -> None:
    write_table(tmp_path / "p.csv", TABLE, "csv")

    assert read_table(tmp_path / "p.csv", category=None) == TABLE
    with pytest.raises(InputError, match="is read as csv, which has no option 'category'"):
        read_table(tmp_path / "p.csv", category="eye")


def test_an_option_reaches_its_format(tmp_path) -> None:
    write_table(tmp_path / "p.json", TABLE, "coco")
    document = json.loads((tmp_path / "p.json").read_text())
    document["categories"].append({"id": 2, "name": "eye", "keypoints": ["tip", "base"]})
    document["annotations"].append(
        {**document["annotations"][0], "id": 2, "category_id": 2, "keypoints": [1, 2, 2] * 2}
    )
    (tmp_path / "p.json").write_text(json.dumps(document))

    points = read_table(tmp_path / "p.json", category="eye").images["a.png"].points

    assert points["tip"] == TablePoint(1, 2)
