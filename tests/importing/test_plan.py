from __future__ import annotations

from pathlib import Path

import pytest

from monai_ext.importing import ImageFolder, plan_images
from monai_ext.landmarks import ImagePoints, InputError, PointsTable, Status, TablePoint
from monai_ext.studies import Studies

NOWHERE = TablePoint(float("nan"), float("nan"), Status.UNDEFINED)


@pytest.fixture
def plan(tmp_path: Path):
    """Plans an import of (name, points) pairs; each file holds its own name."""
    folder = tmp_path / "photos"

    def make(files: list[str], *rows: tuple[str, ImagePoints]):
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(file.encode())
        table = PointsTable(("a", "b"), dict(rows))
        return plan_images(table, ImageFolder(folder), Studies(tmp_path / "studies"), "t.csv")

    return make


def at(x: float, y: float, name: str = "a", **more) -> ImagePoints:
    return ImagePoints({name: TablePoint(x, y)}, **more)


def test_folders_make_ids_of_their_own(plan, tmp_path) -> None:
    planned = plan(["train/i.png", "val/i.png"], ("train/i.png", at(1, 2)), ("val/i.png", at(3, 4)))
    assert [(p.name, p.id, p.copy, p.is_new) for p in planned] == [
        ("train/i.png", "train_i", tmp_path / "studies" / "train_i.png", True),
        ("val/i.png", "val_i", tmp_path / "studies" / "val_i.png", True),
    ]
    assert not (tmp_path / "studies").exists()


@pytest.mark.parametrize(
    "names",
    [
        ("i.png", "i.jpg"),
        ("train/i.png", "train_i.png"),
        ("I.png", "i.png"),
        ("Train/i.png", "train/i.png"),
        ("e\u0301.png", "\u00e9.png"),
        ("a/b_c.png", "a_b/c.png"),
        ("STRASSE.png", "straße.png"),
    ],
)
def test_images_of_one_id_are_refused_with_both_names(plan, tmp_path, names) -> None:
    with pytest.raises(InputError, match=r"The images .* would get the IDs? ") as refused:
        plan(list(names), (names[0], at(1, 2)), (names[1], at(3, 4)))
    assert all(repr(name) in str(refused.value) for name in names)
    assert not (tmp_path / "studies").exists()


def test_spellings_of_one_image_are_one_entry(plan, tmp_path) -> None:
    (image,) = plan(
        ["i.png"],
        ("i.png", at(1, 2, split="train")),
        ("./i.png", ImagePoints({"b": TablePoint(3, 4), "a": NOWHERE}, size=(9, 8))),
        (str(tmp_path / "photos" / "i.png"), at(1, 2, mm_per_px=(0.5, 0.5))),
    )
    assert image.name == "i.png"
    assert image.entry == ImagePoints({"a": TablePoint(1, 2), "b": TablePoint(3, 4)}, (9, 8), "train", (0.5, 0.5))


@pytest.mark.parametrize(
    ("one", "other", "sentence"),
    [
        (at(1, 2), at(1, 2.5), "'i.png' and './i.png' are one image, but place 'a' differently"),
        (at(1, 2), ImagePoints({"a": TablePoint(float("nan"), float("nan"), Status.MISSING)}), "place 'a' differently"),
        (at(1, 2, split="val"), at(1, 2, split="train"), "with the split val and train"),
        (at(1, 2, size=(9, 8)), at(1, 2, size=(8, 9)), r"with the size \(9, 8\) and \(8, 9\)"),
    ],
)
def test_spellings_that_disagree_are_refused(plan, one, other, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        plan(["i.png"], ("i.png", one), ("./i.png", other))


def test_an_image_that_is_there_already_is_not_copied(plan, tmp_path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "E\u0301.png").write_bytes("\u00e9.png".encode())
    (image,) = plan(["\u00e9.png"], ("\u00e9.png", at(1, 2)))
    assert (image.id, image.copy.name, image.is_new) == ("E\u0301", "E\u0301.png", False)


@pytest.mark.parametrize("present", ["i.png", "i.jpg", "I.png"])
def test_another_image_of_that_id_in_the_studies_folder_is_refused(plan, tmp_path, present) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / present).write_bytes(b"other")
    with pytest.raises(InputError, match=rf"{present} exists and is another image than 'i\.png'"):
        plan(["i.png"], ("i.png", at(1, 2)))


def test_an_empty_table_is_refused(plan) -> None:
    with pytest.raises(InputError, match=r"t\.csv has no points of any image"):
        plan(["i.png"])


def test_a_studies_folder_that_is_a_file_is_refused(plan, tmp_path) -> None:
    (tmp_path / "studies").write_text("x")
    with pytest.raises(InputError, match="is not a folder"):
        plan(["i.png"], ("i.png", at(1, 2)))
