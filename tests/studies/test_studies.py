from __future__ import annotations

import json

import pytest

from monai_ext.images import IMAGE_EXTENSIONS, image_id
from monai_ext.landmarks import InputError
from monai_ext.studies import Studies


@pytest.fixture
def root(tmp_path):
    for name in ("b.png", "a.nii.gz", "c.v2.JPG", "readme.txt", "datastore_v2.json", "splits.bak", ".hidden.png"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "d.png").write_bytes(b"")
    return tmp_path


def put_label(root, image, tag="final"):
    path = Studies(root).label_path(image, tag)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")


@pytest.mark.parametrize("extension", IMAGE_EXTENSIONS)
def test_every_extension_is_cut_whole(extension):
    assert image_id(f"eye.left{extension}") == "eye.left"
    assert image_id(f"eye.left{extension.upper()}") == "eye.left"


def test_images_are_sorted_and_nothing_else_is_an_image(root):
    assert list(Studies(root).images().items()) == [
        ("a", root / "a.nii.gz"),
        ("b", root / "b.png"),
        ("c.v2", root / "c.v2.JPG"),
    ]


def test_the_folder_is_looked_at_anew(root):
    studies = Studies(str(root))
    assert "z" not in studies.images()
    (root / "z.mha").write_bytes(b"")
    assert "z" in studies.images()


def test_order_is_that_of_the_ids_and_not_of_the_file_names(tmp_path):
    for name in ("a-1.png", "a.png"):  # "-" sorts before ".", "a" before "a-1"
        (tmp_path / name).write_bytes(b"")
    assert list(Studies(tmp_path).images()) == ["a", "a-1"]


def test_two_images_may_not_share_an_id(root):
    (root / "b.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"b\.jpg and .*b\.png share the image ID 'b'; rename"):
        Studies(root).images()


def test_a_broken_link_is_left_out_with_a_warning(root):
    (root / "link.png").symlink_to(root / "nowhere.png")
    with pytest.warns(UserWarning, match=r"link\.png is left out"):
        assert "link" not in Studies(root).images()


def test_a_missing_folder_is_named(tmp_path):
    studies = Studies(tmp_path / "none")
    with pytest.raises(InputError, match="none does not exist"):
        studies.images()


def test_image_path_names_the_closest_id(root):
    assert Studies(root).image_path("b") == root / "b.png"
    with pytest.raises(InputError, match=r"no image 'c\.v3', did you mean 'c\.v2'\."):
        Studies(root).image_path("c.v3")
    with pytest.raises(InputError, match=r"no image 'quite_other' among its 3\."):
        Studies(root).image_path("quite_other")


def test_label_path_follows_the_layout(root):
    assert Studies(root).label_path("c.v2") == root / "labels" / "final" / "c.v2.mrk.json"
    assert Studies(root).label_path("b", "draft") == root / "labels" / "draft" / "b.mrk.json"


@pytest.mark.parametrize("image", ["", ".", "..", "../b", "a/b", "a\\b", "/etc/passwd", "a\0b"])
def test_an_id_cannot_leave_its_folder(root, image):
    with pytest.raises(InputError, match="file name without folders, not"):
        Studies(root).label_path(image)


@pytest.mark.parametrize("tag", ["", ".", "..", "a/b", "final\n", "-x"])
def test_a_tag_is_a_plain_name(root, tag):
    with pytest.raises(InputError, match="label tag must consist of letters"):
        Studies(root).label_path("b", tag)


def test_labelled_lists_images_with_a_label_of_that_tag(root):
    for image in ("c.v2", "a"):
        put_label(root, image)
    put_label(root, "b", "draft")
    (root / "labels" / "final" / ".b.mrk.json").write_text("{}")
    (root / "labels" / "final" / "b.json").write_text("{}")
    studies = Studies(root)
    assert studies.labelled() == ["a", "c.v2"]
    assert studies.labelled("draft") == ["b"]
    assert studies.labelled("other") == []


def test_a_label_without_its_image_is_warned_of(root):
    put_label(root, "a")
    put_label(root, "gone")
    with pytest.warns(UserWarning, match="labels without an image .*: gone"):
        assert Studies(root).labelled() == ["a"]


def test_splits_round_trip(root):
    studies = Studies(root)
    assert studies.splits() == {}
    studies.write_splits({"c.v2": "train", "b": "val", "a": "train"})
    assert json.loads((root / "splits.json").read_text()) == {"train": ["a", "c.v2"], "val": ["b"]}
    assert studies.splits() == {"a": "train", "c.v2": "train", "b": "val"}
    assert "splits" not in studies.images()


def test_test_is_a_split_too(root):
    Studies(root).write_splits({"a": "test"})
    assert Studies(root).splits() == {"a": "test"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", r"must hold .*not \[1\]"),
        ("{", "line 1: not valid JSON"),
        ('{"train": "a"}', "'train' must be a list of image IDs, not 'a'"),
        ('{"train": ["a", 1]}', r"'train' must be a list of image IDs, not \['a', 1\]"),
        ('{"train": ["a"], "val": ["b", "a"]}', "image 'a' in 'train' and in 'val'"),
        ('{"train": ["a", "a"]}', "image 'a' in 'train' and in 'train'"),
        ('{"validation": ["a"]}', "unknown split 'validation'; use train, val, test"),
        ('{"train": ["a", "bb"]}', "no image 'bb', did you mean 'b'"),
        ('{"train": ["a.nii.gz"]}', r"no image 'a\.nii\.gz'"),
    ],
)
def test_bad_splits_are_refused(root, content, message):
    (root / "splits.json").write_text(content)
    with pytest.raises(InputError, match=rf"splits\.json.*{message}"):
        Studies(root).splits()


def test_images_of_a_subject_follow_the_one_that_has_a_split(root):
    studies = Studies(root)
    assert studies.subjects() == {}
    studies.write_subjects({"c.v2": "S2", "b": "S1", "a": "S1"})
    assert json.loads((root / "subjects.json").read_text()) == {"S1": ["a", "b"], "S2": ["c.v2"]}
    assert studies.subjects() == {"a": "S1", "b": "S1", "c.v2": "S2"}
    assert studies.splits() == {}

    studies.write_splits({"b": "test"})
    assert studies.splits() == {"a": "test", "b": "test"}
    assert studies.stated_splits() == {"b": "test"}

    studies.write_splits({"a": "train", "b": "test"})
    with pytest.raises(InputError, match=r"splits\.json .*'S1' in 'train' \('a'\) and in 'test' \('b'\); give all"):
        studies.splits()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('["a"]', r'must hold \{"SUBJECT": \[IDs\]\}'),
        ('{"S1": "a"}', "the subject 'S1' must be a list of image IDs, not 'a'"),
        ('{"S1": ["a"], "S2": ["a"]}', "image 'a' in 'S1' and in 'S2'"),
        ('{"S1": ["bb"]}', "no image 'bb', did you mean 'b'"),
    ],
)
def test_bad_subjects_are_refused(root, content, message):
    (root / "subjects.json").write_text(content)
    for read in (Studies(root).subjects, Studies(root).splits):
        with pytest.raises(InputError, match=rf"subjects\.json.*{message}"):
            read()


def test_bad_splits_are_not_written(root):
    with pytest.raises(InputError, match="'a' has the unknown split 'dev'"):
        Studies(root).write_splits({"a": "dev"})
    with pytest.raises(InputError, match="no image 'q'"):
        Studies(root).write_splits({"q": "val"})
    assert not (root / "splits.json").exists()
