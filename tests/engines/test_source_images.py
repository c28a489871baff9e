"""Classes from folders and tables, and their split."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from monai_ext.engines.source_images import ClassImage, read_class_folders, read_class_table, split_class_images
from monai_ext.landmarks import InputError


def images(**counts: int) -> list[ClassImage]:
    return [ClassImage(Path(f"{label}_{i}.png"), label) for label, n in counts.items() for i in range(n)]


@pytest.fixture
def folder(tmp_path):
    for name in ("cat/1.png", "cat/2.JPG", "dog/1.png", "dog/.hidden.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_folders_are_classes(folder) -> None:
    found = read_class_folders(folder)

    assert [(image.image.relative_to(folder).as_posix(), image.label, image.split) for image in found] == [
        ("cat/1.png", "cat", None),
        ("cat/2.JPG", "cat", None),
        ("dog/1.png", "dog", None),
    ]


def test_what_is_left_out_is_said(folder) -> None:
    (folder / "dog/notes.txt").touch()
    (folder / "readme.png").touch()

    with pytest.warns(UserWarning, match="2 files or folders .* the first is .*notes.txt"):
        assert len(read_class_folders(folder)) == 3


def test_a_folder_without_class_folders_is_refused(tmp_path) -> None:
    (tmp_path / "loose.png").touch()
    with pytest.raises(InputError, match=r"no folder with images: .* --classes"):
        read_class_folders(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        read_class_folders(tmp_path / "nowhere")


def test_a_table_names_images_classes_and_splits(folder) -> None:
    table = folder / "classes.csv"
    table.write_text("image,class,split\ncat/1.png,feline,val\ncat/2.JPG,feline,\ndog/1.png, canine ,train\n")

    found = read_class_table(table, folder)

    assert [(image.image.name, image.label, image.split) for image in found] == [
        ("1.png", "feline", "val"),
        ("2.JPG", "feline", None),
        ("1.png", "canine", "train"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,label\ncat/1.png,a\n", "line 1: there is no column 'class'"),
        ("image,class\n", "has no row"),
        ("image,class\ncat/1.png,a\ncat/3.png,a\n", "line 3: there is no image 'cat/3.png'"),
        ("image,class\ncat/1.png,a\ncat/1.png,b\n", "line 3: the image 'cat/1.png' occurs twice"),
        ("image,class\ncat/1.png,\n", "line 2: the column 'class' is empty"),
        ("image,class\ncat/1.png\n", "line 2: the column 'class' is empty"),
        ("image,class,split\ncat/1.png,a,held\n", "line 2: unknown split 'held'"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(folder, text, message) -> None:
    (folder / "classes.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_class_table(folder / "classes.csv", folder)


def test_a_table_that_is_no_text_is_refused(folder) -> None:
    (folder / "classes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        read_class_table(folder / "classes.csv", folder)


def test_each_class_holds_out_its_share_and_keeps_one() -> None:
    train, held_out, classes = split_class_images(images(few=2, some=3, many=10), 0.2)

    assert classes == ("few", "many", "some")
    assert Counter(image.label for image in held_out) == {"some": 1, "many": 2}  # 0.4, 0.6 and 2.0
    assert Counter(image.label for image in train) == {"few": 2, "some": 2, "many": 8}
    assert not {image.image for image in train} & {image.image for image in held_out}
    nearly_all, _, _ = split_class_images(images(few=2, many=10), 0.9)
    assert Counter(image.label for image in nearly_all) == {"few": 1, "many": 1}


def test_the_split_depends_neither_on_order_nor_on_other_classes() -> None:
    def held(found: list[ClassImage]) -> set[str]:
        return {image.image.name for image in split_class_images(found, 0.3)[1] if image.label == "a"}

    found = images(a=10, b=4)
    assert len(held(found)) == 3
    assert held(found) == held(found[::-1]) == held(images(c=5, a=10))


def test_stated_splits_are_kept_and_test_is_not_touched() -> None:
    found = [
        ClassImage(Path(f"{label}{i}.png"), label, split)
        for label in "ab"
        for i, split in enumerate(["train", "val", "test", None])
    ]
    train, held_out, _ = split_class_images(found, 0.2)

    assert sorted(image.image.name for image in train) == ["a0.png", "a3.png", "b0.png", "b3.png"]
    assert sorted(image.image.name for image in held_out) == ["a1.png", "b1.png"]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([], "but there is none"),
        (images(a=5), "there is only 'a'"),
        (images(a=5, b=1), "class 'b' has only one image, b_0.png"),
        (images(a=2, b=2), "No image can be held out"),
        (images(a=5) + [ClassImage(Path(f"b{i}"), "b", "val") for i in range(2)], "'b' has no image to train on"),
    ],
)
def test_classes_that_cannot_be_learned_are_refused(found, message) -> None:
    with pytest.raises(InputError, match=message):
        split_class_images(found, 0.2)
