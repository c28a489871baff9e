"""Tables as spreadsheets and editors save them."""

from __future__ import annotations

import warnings

import pytest

from monai_ext.landmarks import ImagePoints, InputError, PointsTable, TablePoint, read_points_table, write_points_table

PLAIN = "image,landmark,x,y\nœil é.png,pupille à,10.5,20.25\n"
POINTS = {"œil é.png": {"pupille à": TablePoint(10.5, 20.25)}}


def points(path) -> dict[str, dict[str, TablePoint]]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return {image: entry.points for image, entry in read_points_table(path).images.items()}


@pytest.fixture
def saved(tmp_path):
    def save(text: str, encoding: str = "utf-8"):
        path = tmp_path / "t.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return save


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)  # without "-le" and "-be" with a mark
def test_unicode_encodings(saved, encoding):
    assert points(saved(PLAIN, encoding)) == POINTS


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf_16_of_either_byte_order_with_its_mark(saved, order):
    assert points(saved("\ufeff" + PLAIN, f"utf-16-{order}")) == POINTS


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_western_text_is_read_with_a_warning(saved, encoding):
    text = PLAIN if encoding == "cp1252" else PLAIN.replace("œ", "o")
    with pytest.warns(UserWarning, match=r"t\.csv is not in UTF-8: read as Windows-1252 \(Latin-1\)"):
        table = read_points_table(saved(text, encoding))
    assert [*table.images.values()][0].points == {"pupille à": TablePoint(10.5, 20.25)}  # noqa: RUF015
    assert list(table.images) == ["œil é.png" if encoding == "cp1252" else "oil é.png"]


@pytest.mark.parametrize("data", [b"image,landmark\0,x,y\n", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xfe\x00\xd8"])
def test_what_is_no_text_is_refused(tmp_path, data):
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(InputError, match=r"t\.csv is not a table in UTF-8, UTF-16 or Latin-1"):
        read_points_table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", ";").replace("10.5", "10,5").replace("20.25", "20,25"),
        PLAIN.replace(",", "\t").replace("10.5", "10,5").replace("20.25", "20,25"),
        "sep=;\r\n" + PLAIN.replace(",", ";").replace("\n", "\r\n"),
        "sep=,\n" + PLAIN,
        PLAIN.replace(",", ";").replace("\n", ";;\n"),  # empty columns at the end
        "\n\n" + PLAIN,
        PLAIN.replace("\n", "\r"),
        PLAIN.replace("image,landmark,x,y", "Image,Landmark,X,Y"),
        PLAIN.replace("image,landmark,x,y", "IMAGE ;Landmark; X;y").replace(",", ";"),
    ],
)
def test_separators_decimal_commas_and_upper_case_headers(saved, text):
    assert points(saved(text)) == POINTS


def test_a_semicolon_in_a_name_does_not_decide(saved):
    assert points(saved("image,landmark,x,y\na;b;c;d.png,e,1,2\n")) == {"a;b;c;d.png": {"e": TablePoint(1, 2)}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image;landmark;x;y\ni;a;1.234,5;2\n", "line 2: x must be a finite number, not '1.234,5'"),
        (
            "image;landmark;x;y\ni;a;1,5;2.5\n",
            "line 2: y: '2.5' has a decimal point, a number above it a decimal comma",
        ),
        ("image;landmark;x;y\ni;a;1.5;2\ni;b;2,5;1\n", "line 3: x: '2,5' has a decimal comma, .* a decimal point"),
        ('image,landmark,x,y\ni,a,"10,5",2\n', "line 2: x must be a finite number, not '10,5'"),
        ("image,landmark,x,y\ni,a,10,5,20,25\n", "line 2: 6 fields for 4 columns: 'i,a,10,5,20,25'"),
        ("image;landmark;x;y\ni;a;1\n", "line 2: 3 fields for 4 columns: 'i;a;1'"),
        ('image;landmark;x;y\ni;"a;1;2\n', "not a semicolon-separated line"),
        ("Image;landmark;IMAGE;x;y\n", "line 1: the column 'image' occurs twice"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(saved, text, message):
    with pytest.raises(InputError, match=rf"t\.csv.*{message}"):
        read_points_table(saved(text))


def test_the_size_of_a_pixel(saved):
    both = read_points_table(saved("image,landmark,x,y,mm_per_px\ni,a,1,2,0.25\ni,b,1,2,0.25\nj,a,1,2,\n"))
    assert [entry.mm_per_px for entry in both.images.values()] == [(0.25, 0.25), None]
    axes = read_points_table(saved("image;landmark;x;y;MM_per_px_x;mm_per_px_y\ni;a;1;2;0,25;0,5\n"))
    assert axes.images["i"].mm_per_px == (0.25, 0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,landmark,x,y,mm_per_px\ni,a,1,2,0\n", "line 2: mm_per_px must be .* above 0, not 0"),
        ("image,landmark,x,y,mm_per_px\ni,a,1,2,-1\n", "line 2: mm_per_px must be .* above 0, not -1"),
        ("image,landmark,x,y,mm_per_px\ni,a,1,2,inf\n", "line 2: mm_per_px must be a finite number, not 'inf'"),
        ("image,landmark,x,y,mm_per_px\ni,a,1,2,1\ni,b,1,2,2\n", r"line 3: 'i' has the pixel size \(2.0, 2.0\) here"),
        ("image,landmark,x,y,mm_per_px_x\ni,a,1,2,1\n", "line 1: mm_per_px_x and mm_per_px_y belong together"),
        ("image,landmark,x,y,mm_per_px_x,mm_per_px_y\ni,a,1,2,1,\n", "line 2: state mm_per_px, or mm_per_px_x and"),
    ],
)
def test_a_malformed_size_of_a_pixel_is_refused(saved, text, message):
    with pytest.raises(InputError, match=rf"t\.csv, {message}"):
        read_points_table(saved(text))


def test_the_size_of_a_pixel_is_written_where_there_is_one(tmp_path):
    entry = ImagePoints({"a": TablePoint(1, 2)}, mm_per_px=(0.25, 1 / 3))
    table = PointsTable(("a",), {"i": entry, "j": ImagePoints({"a": TablePoint(3, 4)})})
    write_points_table(tmp_path / "t.csv", table)
    assert (
        (tmp_path / "t.csv")
        .read_text()
        .startswith("image,landmark,x,y,width,height,split,status,mm_per_px_x,mm_per_px_y\n")
    )
    assert read_points_table(tmp_path / "t.csv") == table
