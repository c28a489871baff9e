"""Every format gives back what was written, and knows its own files among those of all others."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import replace

import pytest

from monai_ext.formats import FORMAT_NAMES, FORMATS, read_table, recognise, write_table
from monai_ext.landmarks import InputError, PointsTable, Status, TablePoint

BY_ID = ("mrk", "fcsv", "napari")  #: one file per image, named after it: the images come back as IDs


def target(tmp_path, format):
    return tmp_path / ("folder" if FORMATS[format].folder else "points.txt")


def expected(format: str, table: PointsTable) -> PointsTable:
    """The table with the names of images and landmarks that a format can keep."""
    images = dict(table.images)
    names = table.names
    if format in BY_ID:
        images = {image.removesuffix(".png"): entry for image, entry in images.items()}
    if format.startswith("deeplabcut"):
        images = {f"labeled-data/images/{image}": entry for image, entry in images.items()}
    if format == "tps":
        new = {name: str(k) for k, name in enumerate(names, 1)}
        images = {
            image: replace(entry, points={new[name]: point for name, point in entry.points.items()})
            for image, entry in images.items()
        }
        names = tuple(new.values())
    return PointsTable(names, images)


def optional(format: str) -> None:
    if format in ("deeplabcut-h5", "sleap"):
        pytest.importorskip("tables" if format == "deeplabcut-h5" else "sleap_io")


@pytest.mark.parametrize("format", FORMAT_NAMES)
def test_what_is_written_is_recognised_and_read_back(tmp_path, table, frames, same_points, format) -> None:
    optional(format)
    path = target(tmp_path, format)
    write_table(path, table, format, frames=frames)

    assert recognise(path).name == format
    same_points(read_table(path, frames=frames), expected(format, table))


@pytest.mark.parametrize("format", FORMAT_NAMES)
def test_a_landmark_without_a_place_keeps_the_status_that_the_format_can_hold(
    tmp_path, table, frames, same_points, format
) -> None:
    optional(format)
    nowhere = (math.nan, math.nan)
    table.images["b.png"].points["tip"] = TablePoint(*nowhere, Status.MISSING)
    table.images["b.png"].points["base"] = TablePoint(*nowhere, Status.UNDEFINED)
    holds = FORMATS[format].holds
    write_table(target(tmp_path, format), table, format, frames=frames)

    with pytest.warns() if format == "tps" else nullcontext():
        got = read_table(target(tmp_path, format), frames=frames)

    if "missing" not in holds:
        table.images["b.png"].points["tip"] = TablePoint(*nowhere, Status.UNDEFINED)
    if "undefined" not in holds:
        table.images["b.png"].points["base"] = TablePoint(*nowhere, Status.MISSING)
    same_points(got, expected(format, table))


@pytest.mark.parametrize("format", FORMAT_NAMES)
def test_an_image_without_a_placed_point_is_kept_where_the_format_can_hold_it(tmp_path, table, frames, format) -> None:
    optional(format)
    entry = table.images["b.png"]
    table.images["b.png"] = replace(
        entry, points={name: TablePoint(math.nan, math.nan, Status.UNDEFINED) for name in entry.points}
    )
    path = target(tmp_path, format)
    write_table(path, table, format, frames=frames)

    with pytest.warns() if format == "tps" else nullcontext():
        got = read_table(path, frames=frames)

    kept = "images without points" in FORMATS[format].holds
    assert len(got.images) == (2 if kept else 1)


@pytest.mark.parametrize("format", [name for name in FORMAT_NAMES if "sizes" in FORMATS[name].holds])
def test_sizes_are_kept(tmp_path, table, frames, format) -> None:
    write_table(target(tmp_path, format), table, format, frames=frames)
    assert [entry.size for entry in read_table(target(tmp_path, format), frames=frames).images.values()] == [
        (60, 40)
    ] * 2


@pytest.mark.parametrize("format", FORMAT_NAMES)
def test_only_formats_that_need_it_ask_for_the_frame_of_an_image(tmp_path, table, frames, format) -> None:
    optional(format)
    path = target(tmp_path, format)
    write_table(path, table, format, frames=frames)

    if format in ("tps", "mrk", "fcsv"):
        with pytest.raises(InputError, match=r"The frame of the image '(a|a\.png)' is needed"):
            read_table(path)
        with pytest.raises(InputError, match=r"The frame of the image '(a|a\.png)' is needed"):
            read_table(path, frames={})
    else:
        assert len(read_table(path).images) == 2


@pytest.mark.parametrize("format", [name for name in FORMAT_NAMES if FORMATS[name].centre is not None])
@pytest.mark.parametrize("origin", ["centre", "corner"])
def test_a_stated_pixel_origin_counts_instead_of_the_format_s_own(tmp_path, table, frames, format, origin) -> None:
    optional(format)
    path = target(tmp_path, format)
    write_table(path, table, format, frames=frames)

    first = next(iter(next(iter(read_table(path, frames=frames, pixel_origin=origin).images.values())).points.values()))

    own = FORMATS[format].centre
    shift = own - (0.5 if origin == "corner" else 0.0)
    assert (first.x, first.y) == pytest.approx((10.25 + shift, 3.5 + (-shift if format == "tps" else shift)))


@pytest.mark.parametrize("format", [name for name in FORMAT_NAMES if FORMATS[name].centre is None])
def test_positions_in_millimetres_have_no_pixel_origin(tmp_path, table, frames, format) -> None:
    write_table(target(tmp_path, format), table, format, frames=frames)
    with pytest.raises(InputError, match="are not in pixels: leave out the pixel origin"):
        read_table(target(tmp_path, format), frames=frames, pixel_origin="corner")


@pytest.mark.parametrize("format", FORMAT_NAMES)
def test_a_name_that_is_not_expected_is_refused(tmp_path, table, frames, format) -> None:
    optional(format)
    path = target(tmp_path, format)
    write_table(path, table, format, frames=frames)

    with pytest.raises(InputError, match="unknown l" if format != "tps" else "3 points for 2 landmarks"):
        read_table(path, ["tip", "base"], frames=frames)


@pytest.mark.parametrize("format", [name for name in FORMAT_NAMES if FORMATS[name].folder])
def test_two_images_that_would_get_one_file_are_refused_before_anything_is_written(
    tmp_path, table, frames, format
) -> None:
    table.images["a.jpg"] = table.images["a.png"]

    with pytest.raises(InputError, match=r"'a\.png' and 'a\.jpg' would both be written as a\."):
        write_table(tmp_path / "folder", table, format, frames=frames)
    assert not (tmp_path / "folder").exists()
