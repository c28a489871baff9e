from __future__ import annotations

import math
import warnings
from dataclasses import replace

import pytest

from monai_ext.formats import read_table, write_table
from monai_ext.landmarks import Frame, InputError, Status, TablePoint

FRAMES = {"a.png": Frame(60, 40), "b.png": Frame(30, 20)}
#: As tpsDig 2 writes it, with a curve that tpsDig traced, and a second specimen as geomorph writes one.
TPSDIG = """LM=2
10.00000 36.00000
0.00000 0.00000
CURVES=1
POINTS=3
1.00000 2.00000
3.00000 4.00000
5.00000 6.00000
IMAGE=C:\\Users\\me\\wings\\a.png
ID=0
SCALE=0.012500

LM=2
NA NA
12.5 19
ID=b.png
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "wings.tps"
        path.write_text(text, encoding="utf-8", newline="\r\n")
        return path

    return write


def test_reads_several_specimens_with_y_running_up(write) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        table = read_table(write(TPSDIG), ["tip", "base"], frames=FRAMES)

    assert table.names == ("tip", "base")
    assert table.images["a.png"].points == {"tip": TablePoint(10, 3), "base": TablePoint(0, 39)}
    assert table.images["a.png"].size == (60, 40)
    assert table.images["a.png"].mm_per_px is None
    assert table.images["b.png"].points["tip"].status is Status.MISSING
    assert table.images["b.png"].points["base"] == TablePoint(12.5, 0)
    assert [str(item.message).split(": ", 1)[1] for item in said] == [
        "1 curves or outlines are left out.",
        "1 SCALE lines are left out: state their unit (--scale-unit mm) to use them.",
        "1 landmarks at -1 -1 are read as missing, as tpsDig marks them.",
    ]


@pytest.mark.parametrize(("unit", "mm"), [("mm", 0.0125), ("cm", 0.125), ("um", 0.0000125), ("inch", 0.3175)])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_scale_counts_with_its_unit(write, unit, mm) -> None:
    table = read_table(write(TPSDIG), frames=FRAMES, scale_unit=unit)
    assert table.images["a.png"].mm_per_px == pytest.approx((mm, mm))
    assert table.images["b.png"].mm_per_px is None


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_unknown_unit_of_the_scale_is_refused(write) -> None:
    with pytest.raises(InputError, match="The unit of SCALE is mm, cm, um, inch, not 'px'"):
        read_table(write(TPSDIG), frames=FRAMES, scale_unit="px")


def test_a_pixel_size_is_written_as_the_scale(tmp_path, table) -> None:
    table.images["a.png"] = replace(table.images["a.png"], mm_per_px=(0.2, 0.2))
    table.images["b.png"] = replace(table.images["b.png"], mm_per_px=(0.2, 0.3))
    with pytest.warns(UserWarning, match="1 images have unequal pixel sizes along x and y"):
        write_table(tmp_path / "x.tps", table, "tps")
    lines = (tmp_path / "x.tps").read_text().splitlines()
    assert [line for line in lines if line.startswith(("IMAGE", "SCALE"))] == [
        "IMAGE=a.png",
        "SCALE=0.2",
        "IMAGE=b.png",
    ]


def test_a_specimen_that_nobody_digitised_is_an_image_without_points(write) -> None:
    table = read_table(write("LM=0\nIMAGE=a.png\nLM=1\n1 2\nIMAGE=b.png\n"), ["tip"], frames=FRAMES)
    assert table.images["a.png"].points == {}
    assert table.images["b.png"].points == {"tip": TablePoint(1, 17)}


def test_a_key_that_stands_twice_counts_once(write) -> None:
    table = read_table(write("LM=1\n1 2\nIMAGE=IMAGE=C:\\wings\\a.png\n"), frames=FRAMES)
    assert list(table.images) == ["a.png"]


def test_points_just_outside_of_the_bottom_left_corner_are_points(write) -> None:
    table = read_table(write("LM=2\n-0.5 -0.4\n-1 5\nIMAGE=a.png\n"), frames=FRAMES)
    assert table.images["a.png"].points == {"1": TablePoint(-0.5, 39.4), "2": TablePoint(-1, 34)}


def test_a_place_that_means_missing_is_not_written(tmp_path, table) -> None:
    table.images["a.png"].points["tip"] = TablePoint(-1, 40)
    with pytest.raises(
        InputError, match=r"'tip' of 'a\.png' lies at \(-1, -1\), which TPS uses for a missing landmark"
    ):
        write_table(tmp_path / "x.tps", table, "tps")
    assert not (tmp_path / "x.tps").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("LM=2\n1 2\nIMAGE=a.png\n", r"line 1: 2 points are announced, but only 1 follow"),
        ("LM=1\n1 2\n3 4\nIMAGE=a.png\n", r"line 3: neither 'KEY=value' nor a point that a count announced: '3 4'"),
        ("LM=1\n1 2 3\nIMAGE=a.png\n", r"line 2: a landmark is two numbers 'x y', not '1 2 3'"),
        ("LM=1\n1 x\nIMAGE=a.png\n", r"line 2: the coordinate must be a finite number, not 'x'"),
        ("LM3=1\n1 2 3\nIMAGE=a.png\n", r"line 1: LM3 has three coordinates per landmark"),
        ("LM=1\n1 2\n", r"line 1: the specimen has neither IMAGE= nor ID="),
        ("ID=a.png\nLM=1\n1 2\n", r"line 1: ID= comes before the first LM="),
        ("LM=1\n1 2\nIMAGE=a.png\nLM=1\n1 2\nIMAGE=a.png\n", r"line 4: the image 'a\.png' occurs twice"),
        (
            "LM=2\n1 2\n3 4\nIMAGE=a.png\nLM=1\n1 2\nIMAGE=b.png\n",
            r"line 5: there are 1 points for 2 landmarks \(1, 2\)",
        ),
        ("LM=1\n1 2\nIMAGE=a.png\nSCALE=0\n", r"line 1: SCALE must be above 0, not 0"),
        ("LM=x\nIMAGE=a.png\nLM=1\n1 2\n", r"line 1: the number of points must be a whole number, not 'x'"),
        ("LM=0\nIMAGE=a.png\n", r"holds no placed point"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(write, text, message) -> None:
    with pytest.raises(InputError, match=message):
        read_table(write(text), frames=FRAMES)


def test_an_image_that_is_not_there_is_named(write) -> None:
    with pytest.raises(InputError, match=r"The frame of the image 'c\.png' is needed"):
        read_table(write("LM=1\n1 2\nIMAGE=c.png\n"), frames=FRAMES)


def test_nothing_is_undefined_in_a_tps_file(tmp_path, table) -> None:
    table.images["a.png"].points["tip"] = TablePoint(math.nan, math.nan, Status.UNDEFINED)
    write_table(tmp_path / "x.tps", table, "tps")
    assert (tmp_path / "x.tps").read_text().startswith("LM=3\n-1.0 -1.0\n0.0 39.0\n59.0 0.0\nIMAGE=a.png\n")
