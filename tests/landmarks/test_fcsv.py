from __future__ import annotations

import pytest

from monai_ext.landmarks import Frame, InputError, Markups, Status, read_markups

COLUMNS = "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID"
ROW = "1,-1.5,2.5,3,0,0,0,1,1,1,0,fovea,,"


@pytest.fixture
def write(tmp_path):
    def write(*lines, system="LPS", version="4.11", columns=COLUMNS):
        path = tmp_path / "x.fcsv"
        header = [f"# Markups fiducial file version = {version}", system and f"# CoordinateSystem = {system}", columns]
        path.write_text("\n".join([line for line in header if line] + list(lines)) + "\n", encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("system", "expected"),
    [("LPS", (-1.5, 2.5, 3)), ("1", (-1.5, 2.5, 3)), ("RAS", (1.5, -2.5, 3)), ("0", (1.5, -2.5, 3))],
)
def test_coordinate_systems(write, system, expected):
    (point,) = Markups.read(write(ROW, system=system)).points
    assert point.lps == expected
    assert (point.label, point.status) == ("fovea", Status.DEFINED)


def test_status_columns_of_slicer_5(write):
    rows = [f"{code},0,0,0,0,0,0,1,1,1,0,p{code},,,{code},0" for code in range(4)]
    got = [point.status for point in Markups.read(write(*rows)).points]
    assert got == [Status.UNDEFINED, Status.UNDEFINED, Status.DEFINED, Status.MISSING]


def test_a_preview_that_has_been_placed_is_a_point(write):
    (point,) = Markups.read(write("1,1.5,0,0,0,0,0,1,1,1,0,fovea,,,1,0", system="LPS")).points
    assert (point.status, point.lps) == (Status.DEFINED, (1.5, 0, 0))


def test_a_missing_landmark_is_no_point_at_the_corner(write):
    got = read_markups(write(ROW.replace(",3,", ",0,", 1), "2,0,0,0,0,0,0,1,1,1,0,disc,,,3,0"), Frame(9, 9))
    assert got.status.tolist() == [1, 0]
    assert got.point("disc") is None


def test_quoted_fields(write):
    row = '1,1,2,0,0,0,0,1,1,1,0,"a, ""b""","blurred, confidence 0.5; confidence 0.250",'
    (point,) = Markups.read(write(row)).points
    assert point.label == 'a, "b"'
    assert point.confidence == 0.25


def test_columns_are_found_by_name_and_may_end_early(write):
    columns = "# columns = label,x,y,z,sel,vis"
    (point,) = Markups.read(write("fovea,1,2,3", columns=columns)).points
    assert (point.label, point.lps) == ("fovea", (1, 2, 3))


def test_empty_lines_and_windows_line_ends(write):
    path = write("", ROW, "", ROW.replace("fovea", "disc"))
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert [point.label for point in Markups.read(path).points] == ["fovea", "disc"]


@pytest.mark.parametrize(
    ("lines", "header", "message"),
    [
        ([ROW, "2,1,2"], {}, "line 5: the line ends before the column 'z': '2,1,2'"),
        ([ROW.replace("2.5", "two")], {}, "line 4: y must be a finite number, not 'two'"),
        ([ROW.replace("2.5", "nan")], {}, "line 4: y must be a finite number, not 'nan'"),
        ([ROW.replace("-1.5", "")], {}, "line 4: x must be a finite number, not ''"),
        (["", ROW.replace("fovea", "a,b") + ",2,0"], {}, "line 5: 17 fields for at most 16 columns"),
        ([ROW + ",9,0"], {}, "line 4: the position status '9' is none of"),
        ([ROW.replace("fovea", '"fovea')], {}, r"line 4: not a comma-separated line"),
        ([ROW], {"system": "IJK"}, "line 2: the coordinate system 'IJK' is none of 0, RAS, 1, LPS"),
        ([ROW], {"system": ""}, "no line '# CoordinateSystem = LPS'"),
        ([ROW], {"columns": ""}, "no line '# columns = id,x,y,z"),
        ([ROW], {"columns": "# columns = id,x,y,label"}, "line 3: the column 'z' is missing"),
    ],
)
def test_refuses_with_file_and_line(write, lines, header, message):
    with pytest.raises(InputError, match=rf"x\.fcsv.*{message}"):
        Markups.read(write(*lines, **header))


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"none\.fcsv cannot be read"):
        Markups.read(tmp_path / "none.fcsv")


def test_labels_are_checked_as_in_json(write):
    with pytest.raises(InputError, match=r"x\.fcsv has the unknown label 'fovea'; the landmarks are disc"):
        read_markups(write(ROW), Frame(9, 9), ["disc"])
    with pytest.raises(InputError, match=r"x\.fcsv has the label 'fovea' more than once"):
        read_markups(write(ROW, ROW), Frame(9, 9))
