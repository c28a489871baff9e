from __future__ import annotations

import json

import pytest

from monai_ext.formats import read_table, write_table
from monai_ext.landmarks import ImagePoints, InputError, PointsTable, Status, TablePoint


def read(path, names=None, **options):
    return read_table(path, names, format="coco", **options)


def document(**changes):
    return {
        "images": [{"id": 7, "file_name": "b.png", "width": 64, "height": 48}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "keypoints": [1.5, 2, 2, 0, 0, 0]}],
        "categories": [{"id": 3, "name": "eye", "keypoints": ["fovea", "disc"]}, {"id": 4, "name": "box"}],
    } | changes


@pytest.fixture
def write(tmp_path):
    def write(**changes):
        path = tmp_path / "coco.json"
        path.write_text(json.dumps(document(**changes)), encoding="utf-8")
        return path

    return write


def annotation(keypoints, **changes):
    return [{"id": 1, "image_id": 7, "category_id": 3, "keypoints": keypoints} | changes]


def test_reads_names_sizes_and_points(write):
    table = read(write())
    assert table.names == ("fovea", "disc")
    entry = table.images["b.png"]
    assert (entry.size, entry.split) == ((64, 48), None)
    assert entry.points["fovea"] == TablePoint(1.5, 2)
    assert entry.points["disc"].status is Status.UNDEFINED


NAMELESS = [{"id": 3, "name": "person"}]


def test_keypoints_without_names_take_those_that_are_given(write):
    table = read(write(categories=NAMELESS), ["left", "right"])
    assert table.names == ("left", "right")
    assert table.images["b.png"].points["left"] == TablePoint(1.5, 2)


@pytest.mark.parametrize("categories", [NAMELESS, [{"id": 3, "name": "person", "keypoints": []}]])
def test_keypoints_without_names_are_refused_where_none_are_given(write, categories):
    with pytest.raises(InputError, match=r"category 'person' have no names: .* --names FILE"):
        read(write(categories=categories))


def test_another_number_of_names_is_refused(write):
    with pytest.raises(InputError, match=r"annotation 1: keypoints must be 9 numbers \(x, y, v each of 3\), not 6"):
        read(write(categories=NAMELESS), ["a", "b", "c"])


def test_coordinates_with_visibility_0_are_counted(write):
    with pytest.warns(UserWarning, match=r"coco\.json: 2 keypoints have coordinates but the visibility 0"):
        table = read(write(annotations=annotation([3, 4, 0, 0, 5, 0])))
    assert [point.status for point in table.images["b.png"].points.values()] == [Status.UNDEFINED] * 2


def test_coordinates_with_visibility_0_can_be_taken(write):
    table = read(write(annotations=annotation([3, 4, 0, 0, 0, 0])), take_v0=True, pixel_origin="corner")
    points = table.images["b.png"].points
    assert (points["fovea"], points["disc"].status) == (TablePoint(2.5, 3.5), Status.UNDEFINED)


@pytest.mark.parametrize("beside", [{}, {"keypoints": []}])
def test_boxes_of_the_same_category_beside_a_skeleton_are_counted(write, beside):
    box = {"id": 2, "image_id": 7, "category_id": 3, "bbox": [1, 1, 2, 2]} | beside
    with pytest.warns(UserWarning, match=r"coco\.json: 1 annotations without keypoints are not read"):
        table = read(write(annotations=[box, *annotation([10, 5, 2, 33, 44, 2])]))
    assert table.images["b.png"].points == {"fovea": TablePoint(10, 5), "disc": TablePoint(33, 44)}


def test_an_annotation_without_a_placed_keypoint_gives_way_to_one_with(write):
    both = annotation([0] * 6) + annotation([10, 5, 2, 33, 44, 2], id=2) + annotation([0] * 6, id=3)
    table = read(write(annotations=both))
    assert table.images["b.png"].points == {"fovea": TablePoint(10, 5), "disc": TablePoint(33, 44)}
    with pytest.raises(InputError, match=r"annotation 4: the image 7 has the annotation 2 already"):
        read(write(annotations=both + annotation([1, 1, 2, 0, 0, 0], id=4)))


@pytest.mark.parametrize(
    ("triple", "status"),
    [
        ([3, 4, 2], Status.DEFINED),
        ([3, 4, 1], Status.DEFINED),
        ([0, 0, 2], Status.DEFINED),
        ([0, 4, 1], Status.DEFINED),
        ([0, 0, 1], Status.MISSING),
        ([0, 0, 0], Status.UNDEFINED),
        pytest.param([3, 4, 0], Status.UNDEFINED, marks=pytest.mark.filterwarnings("ignore:.*visibility 0")),
    ],
)
def test_visibility(write, triple, status):
    point = read(write(annotations=annotation([*triple, 0, 0, 0]))).images["b.png"].points["fovea"]
    assert point.status is status
    if status is Status.DEFINED:
        assert (point.x, point.y) == (triple[0], triple[1])


def test_images_without_annotation_are_left_out_with_a_warning(write):
    images = [*document()["images"], {"id": 8, "file_name": "c.png", "width": 1, "height": 1}]
    with pytest.warns(UserWarning, match=r"coco\.json: 1 of 2 images have no annotation"):
        assert list(read(write(images=images)).images) == ["b.png"]


def test_annotations_of_another_category_do_not_matter(write):
    boxes = [{"id": 2, "image_id": 7, "category_id": 4, "bbox": [0, 0, 1, 1]}]
    assert read(write(annotations=document()["annotations"] + boxes)).names == ("fovea", "disc")


def test_the_category_can_be_chosen(write):
    categories = [*document()["categories"], {"id": 5, "name": "face", "keypoints": ["nose"]}]
    assert read(write(categories=categories), category="eye").names == ("fovea", "disc")
    with pytest.raises(InputError, match=r"coco\.json has several categories with keypoints \('eye', 'face'\)"):
        read(write(categories=categories))
    with pytest.raises(InputError, match="no category 'box' with keypoints; those with keypoints: 'eye', 'face'"):
        read(write(categories=categories), category="box")


def image(**changes):
    return [document()["images"][0] | changes]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": None}, "not a COCO file: it has no list 'images'"),
        ({"annotations": {}}, "no list 'annotations'"),
        (
            {"categories": [{"id": 3, "name": "eye"}], "annotations": []},
            "no category with keypoints; those with keypoints: none",
        ),
        ({"categories": [{"id": 3, "keypoints": ["a", "a"]}]}, "keypoint 'a' occurs twice"),
        ({"categories": [{"id": 3, "keypoints": "ab"}]}, "must be a list of names, not 'ab'"),
        (
            {"categories": [{"id": 3, "keypoints": ["fovea", "z"]}]},
            "unknown landmark 'z'; the landmarks are fovea, disc",
        ),
        ({"images": [{"file_name": "b.png"}]}, "entry 1 of 'images' has no number or text as its id"),
        ({"images": image() * 2}, "the id 7 occurs twice in 'images'"),
        ({"images": image(file_name=3)}, "image 7: file_name must be text, not 3"),
        ({"images": image(width="64")}, "image 7: width must be a whole number of pixels above 0, not '64'"),
        ({"images": image(height=0)}, "image 7: height must be .* not 0"),
        (
            {
                "images": [*image(), *image(id=8)],
                "annotations": annotation([0] * 6) + annotation([0] * 6, id=2, image_id=8),
            },
            "two images with the file_name 'b.png'",
        ),
        ({"annotations": annotation([0] * 6, image_id=9)}, "annotation 1: there is no image with the id 9"),
        (
            {"annotations": annotation([0] * 6) + annotation([0] * 6, id=2)},
            "annotation 2: the image 7 has the annotation 1 already",
        ),
        ({"annotations": annotation([0] * 5)}, "annotation 1: keypoints must be 6 numbers .* not 5"),
        ({"annotations": annotation(None)}, "annotation 1: keypoints must be 6 numbers .* not None"),
        ({"annotations": annotation([1, 2, 3, 0, 0, 0])}, "keypoint 'fovea': the visibility must be 0, 1 or 2, not 3"),
        ({"annotations": annotation([1, 2, True, 0, 0, 0])}, "visibility must be 0, 1 or 2, not True"),
        ({"annotations": annotation([1, 2, [], 0, 0, 0])}, r"visibility must be 0, 1 or 2, not \[\]"),
        (
            {"annotations": annotation([0, 0, 0, 1, float("nan"), 2])},
            r"keypoint 'disc': the coordinates must be finite numbers, not \[1, nan\]",
        ),
        ({"annotations": annotation([0, 0, 0, "1", 2, 2])}, r"finite numbers, not \['1', 2\]"),
    ],
)
def test_refuses_with_file_and_entry(write, changes, message):
    with pytest.raises(InputError, match=rf"coco\.json.*{message}"):
        read(write(**changes), ["fovea", "disc"])


def test_written_document(tmp_path):
    points = {"a": TablePoint(2, 3), "b": TablePoint(5.5, 1), "c": TablePoint(0, 0, Status.MISSING)}
    table = PointsTable(("a", "b", "c", "d"), {"i.png": ImagePoints(points, (64, 48), "val")})
    write_table(tmp_path / "c.json", table, "coco")
    assert json.loads((tmp_path / "c.json").read_text()) == {
        "images": [{"id": 1, "file_name": "i.png", "width": 64, "height": 48}],
        "annotations": [
            {
                "id": 1,
                "image_id": 1,
                "category_id": 1,
                "keypoints": [2, 3, 2, 5.5, 1, 2, 0.0, 0.0, 1, 0.0, 0.0, 0],
                "num_keypoints": 3,
                "bbox": [2, 1, 3.5, 2],
                "area": 7.0,
                "iscrowd": 0,
            }
        ],
        "categories": [{"id": 1, "name": "landmarks", "keypoints": ["a", "b", "c", "d"], "skeleton": []}],
    }


def test_an_image_without_a_point_has_an_empty_box(tmp_path):
    table = PointsTable(("a",), {"i.png": ImagePoints({}, (64, 48))})
    write_table(tmp_path / "c.json", table, "coco")
    (written,) = json.loads((tmp_path / "c.json").read_text())["annotations"]
    assert (written["bbox"], written["area"], written["num_keypoints"]) == ([0, 0, 0, 0], 0, 0)
    assert read(tmp_path / "c.json").images["i.png"].points["a"].status is Status.UNDEFINED


def test_writing_needs_sizes(tmp_path):
    table = PointsTable(("a",), {"i.png": ImagePoints({"a": TablePoint(1, 2)})})
    with pytest.raises(InputError, match=r"width and height of 'i\.png'"):
        write_table(tmp_path / "c.json", table, "coco")
