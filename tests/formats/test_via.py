from __future__ import annotations

import json

import pytest

from monai_ext.formats import read_table, recognise
from monai_ext.landmarks import InputError, TablePoint


def point(x, y, **attributes):
    return {"shape_attributes": {"name": "point", "cx": x, "cy": y}, "region_attributes": attributes}


BOX = {"shape_attributes": {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4}, "region_attributes": {}}


def image(*regions, name="a.png"):
    return {"filename": name, "size": 129855, "regions": list(regions), "file_attributes": {}}


@pytest.fixture
def write(tmp_path):
    def write(document):
        path = tmp_path / "via.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("form", ["annotations", "project", "version 1"])
def test_reads_annotations_and_projects(write, form) -> None:
    images = {"a.png129855": image(point(10, 3, part="tip"), point(0, 0, part="base"))}
    if form == "project":
        images = {"_via_settings": {"ui": {}}, "_via_img_metadata": images, "_via_attributes": {"region": {"part": {}}}}
    if form == "version 1":
        images["a.png129855"]["regions"] = {"0": point(10, 3, part="tip"), "1": point(0, 0, part="base")}
    path = write(images)
    assert recognise(path).name == "via"
    assert read_table(path).images["a.png"].points == {"tip": TablePoint(10, 3), "base": TablePoint(0, 0)}


CSV = """filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes
a.png,129855,"{}",2,0,"{""name"":""point"",""cx"":10,""cy"":3}","{""part"":""tip""}"
a.png,129855,"{}",2,1,"{""name"":""point"",""cx"":0,""cy"":0}","{""part"":""base""}"
b.png,7,"{}",0,0,"{}","{}"
"""


@pytest.mark.parametrize("header", [CSV, f"#{CSV}"])
def test_reads_csv(tmp_path, header) -> None:
    (tmp_path / "via.csv").write_text(header)
    table = read_table(tmp_path / "via.csv")
    assert recognise(tmp_path / "via.csv").name == "via-csv"
    assert table.images["a.png"].points == {"tip": TablePoint(10, 3), "base": TablePoint(0, 0)}
    assert table.images["b.png"].points == {}


def test_a_name_may_be_ticked(write) -> None:
    path = write({"a": image(point(10, 3, part={"tip": True, "base": False}))})
    assert read_table(path).images["a.png"].points == {"tip": TablePoint(10, 3)}


def test_of_several_attributes_one_is_stated_to_be_the_name(write) -> None:
    path = write({"a": image(point(10, 3, part="tip", quality="good"))})
    with pytest.raises(InputError, match=r"the regions have several attributes \(part, quality\)"):
        read_table(path)
    assert list(read_table(path, attribute="part").images["a.png"].points) == ["tip"]


def test_regions_without_attributes_are_named_in_order(write) -> None:
    path = write({"a": image(point(10, 3), point(0, 0))})
    assert list(read_table(path).images["a.png"].points) == ["1", "2"]
    assert read_table(path, ["tip", "base"]).images["a.png"].points["base"] == TablePoint(0, 0)


def test_an_image_that_lacks_one_of_the_unnamed_points_is_refused(write) -> None:
    path = write({"a": image(point(10, 3), point(0, 0)), "b": image(point(1, 2), name="b.png")})
    with pytest.raises(InputError, match=r"'b\.png': there are 1 points for 2 landmarks \(1, 2\)"):
        read_table(path)


def test_other_regions_are_counted(write) -> None:
    with pytest.warns(UserWarning, match="1 regions that are not points are left out"):
        read_table(write({"a": image(point(10, 3, part="tip"), BOX)}))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"a": image(point(1, 2, part="tip"), point(3, 4, part="tip"))}, "the landmark 'tip' of 'a.png' occurs twice"),
        ({"a": image(point(1, 2, part="tip"), point(3, 4))}, "the attribute 'part' must be one name, not None"),
        ({"a": image(point(1, None, part="tip"))}, "the coordinate of 'tip' must be a finite number, not None"),
        ({"a": image(point(1, 2, part="x")), "b": image(point(1, 2, part="x"))}, "the image 'a.png' occurs twice"),
        ({"a": image({"shape_attributes": {}})}, "a region needs shape_attributes and region_attributes"),
    ],
)
def test_a_malformed_file_is_refused(write, document, message) -> None:
    with pytest.raises(InputError, match=message):
        read_table(write(document))
