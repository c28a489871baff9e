from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from monai_ext.landmarks import Frame, InputError, Markups, Status, read_markups
from monai_ext.landmarks.control_points import ControlPoint, describe_confidence, gather_landmarks

PATH = Path("some.mrk.json")
COLUMNS = "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID"
ROW = "1,-1.5,2.5,3,0,0,0,1,1,1,0,fovea,,"


def point(label, x=1.0, y=2.0, status=Status.DEFINED):
    return ControlPoint(label, status, (x, y, 0.0))


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("confidence 0.930", 0.93),
        ("confidence 1.000", 1.0),
        ("confidence 0", 0.0),
        ("blurred; confidence 0.25", 0.25),
        ("", None),
        ("confidence 7", None),
        ("confidence 1.5", None),
        ("low confidence 0.5", None),
        ("confidence 0.5 or so", None),
    ],
)
def test_confidence_is_read_from_the_end_of_the_description(description, expected):
    got = ControlPoint("a", Status.DEFINED, description=description).confidence
    assert math.isnan(got) if expected is None else got == expected


@pytest.mark.parametrize(
    ("confidence", "previous", "expected"),
    [
        (0.93, "", "confidence 0.930"),
        (0.93, "confidence 0.100", "confidence 0.930"),
        (math.nan, "confidence 0.100", ""),
        (0.5, "blurred", "blurred; confidence 0.500"),
        (0.5, "blurred; confidence 0.100", "blurred; confidence 0.500"),
        (math.nan, "blurred; confidence 0.100", "blurred"),
        (1.0000001, "", "confidence 1.000"),
        (-1e-9, "", "confidence 0.000"),
    ],
)
def test_describe_confidence_keeps_a_persons_words(confidence, previous, expected):
    assert describe_confidence(confidence, previous) == expected


def test_gather_takes_the_order_of_the_names():
    got = gather_landmarks([point("b", 3, 4), point("a")], Frame(9, 9), ["a", "new", "b"], PATH)
    assert got.names == ("a", "new", "b")
    np.testing.assert_array_equal(got.points, [[1, 2], [np.nan, np.nan], [3, 4]])
    assert got.status.tolist() == [1, -1, 1]


def test_gather_without_names_takes_the_files_order():
    assert gather_landmarks([point("b"), point("a")], Frame(9, 9), None, PATH).names == ("b", "a")
    assert len(gather_landmarks([], Frame(9, 9), None, PATH)) == 0
    assert gather_landmarks([], Frame(9, 9), ["a"], PATH).status.tolist() == [-1]


def test_the_position_of_a_point_that_is_not_defined_does_not_count():
    far = ControlPoint("a", Status.MISSING, (0.0, 0.0, 500.0))
    assert np.isnan(gather_landmarks([far], Frame(9, 9), None, PATH).points).all()


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([point("a"), point("a")], "label 'a' more than once"),
        ([point("z")], "unknown label 'z'; the landmarks are a, b"),
        ([point("A")], "unknown label 'A'"),
        ([point("")], "without a label"),
        ([ControlPoint("a", Status.DEFINED, (0.0, 0.0, 5.0))], r"\[0.0, 0.0, 5.0\] lies 5.0 mm off"),
    ],
)
def test_gather_refuses(points, message):
    with pytest.raises(InputError, match=rf"some\.mrk\.json.*{message}"):
        gather_landmarks(points, Frame(9, 9), ["a", "b"], PATH)


# The legacy files of Slicer


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
