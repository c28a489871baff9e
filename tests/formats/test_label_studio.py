from __future__ import annotations

import json

import pytest

from monai_ext.formats import read_table, recognise
from monai_ext.landmarks import InputError, TablePoint


def region(label="tip", x=50.0, y=25.0, **changes):
    """A result as Label Studio exports it."""
    return {
        "id": "WkbhEzaN",
        "type": "keypointlabels",
        "origin": "manual",
        "to_name": "image",
        "from_name": "kp",
        "image_rotation": 0,
        "original_width": 60,
        "original_height": 40,
        "value": {"x": x, "y": y, "width": 0.4, "keypointlabels": [label]},
    } | changes


def task(*results, image="/data/upload/3/0f3a9c1e-eye_1.png", annotations=None):
    return {
        "id": 12,
        "annotations": annotations or [{"id": 5, "was_cancelled": False, "result": list(results)}],
        "file_upload": "0f3a9c1e-eye_1.png",
        "predictions": [],
        "data": {"image": image},
    }


@pytest.fixture
def write(tmp_path):
    def write(*tasks):
        path = tmp_path / "project-1-at-2024-05-01.json"
        path.write_text(json.dumps(tasks), encoding="utf-8")
        return path

    return write


def test_percent_are_of_the_whole_image_from_its_corner(write) -> None:
    table = read_table(write(task(region("tip", 50.0, 25.0), region("base", 0.0, 100.0))))
    entry = table.images["eye_1.png"]
    assert entry.points == {"tip": TablePoint(29.5, 9.5), "base": TablePoint(-0.5, 39.5)}
    assert entry.size == (60, 40)


def test_json_min_has_the_regions_under_the_name_of_the_control(write) -> None:
    point = {"x": 50.0, "y": 25.0, "width": 0.4, "keypointlabels": ["tip"], "original_width": 60, "original_height": 40}
    path = write({"image": "a.png", "id": 1, "kp": [point], "annotator": 1, "lead_time": None})
    assert recognise(path).name == "label-studio"
    assert read_table(path).images["a.png"].points == {"tip": TablePoint(29.5, 9.5)}


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ("/data/upload/3/0f3a9c1e-eye_1.png", "eye_1.png"),
        ("/data/local-files/?d=eyes/left/eye%201.png", "eyes/left/eye 1.png"),
        ("s3://bucket/eyes/eye%201.png", "eye 1.png"),
        ("https://example.org/eyes/0f3a9c1e-eye.png?size=1", "0f3a9c1e-eye.png"),
        ("left/eye 1.png", "left/eye 1.png"),
    ],
)
def test_the_name_of_an_image_is_found_in_its_address(write, stated, name) -> None:
    assert list(read_table(write(task(region(), image=stated))).images) == [name]


def test_other_regions_and_skipped_annotations_are_left_out(write) -> None:
    box = {"type": "rectanglelabels", "value": {"x": 1, "y": 2, "width": 3, "height": 4, "rectanglelabels": ["eye"]}}
    annotations = [{"was_cancelled": True, "result": [region("tip", 1, 1)]}, {"result": [region("tip"), box]}]
    with pytest.warns(UserWarning, match="1 regions that are not key points are left out"):
        table = read_table(write(task(annotations=annotations)))
    assert table.images["eye_1.png"].points == {"tip": TablePoint(29.5, 9.5)}


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (
            [task(annotations=[{"result": [region()]}, {"result": [region()]}])],
            "task 12: there are 2 annotations of one",
        ),
        ([task(region(image_rotation=90))], "the image was turned by 90 degrees"),
        (
            [task(region(), region("base", original_width=61))],
            r"several sizes of the image: \[\(60, 40\), \(61, 40\)\]",
        ),
        ([task(region(original_height=None))], "the height must be a finite number, not None"),
        ([task(region(), region())], "the landmark 'tip' of 'eye_1.png' occurs twice"),
        ([task(region(x=None))], "x of 'tip' must be a finite number, not None"),
        (
            [task(region(value={"x": 1, "y": 2, "keypointlabels": ["a", "b"]}))],
            r"a point needs one label, not \['a', 'b'\]",
        ),
        ([task(region()) | {"data": {"text": "a", "other": "b"}}], "the data contain no image under 'image'"),
    ],
)
def test_what_leaves_a_point_in_doubt_is_refused(write, tasks, message) -> None:
    with pytest.raises(InputError, match=message):
        read_table(write(*tasks))
