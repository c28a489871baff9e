from __future__ import annotations

import os
from pathlib import Path

import pytest

from monai_ext.importing import ImageFolder
from monai_ext.landmarks import InputError

NFC, NFD = "œil_\u00e9.png", "œil_e\u0301.png"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name in ("i.png", "train/i.png", "labeled-data/VIDEO/img0.png", "deep/scan.nii.gz", "a b/[x].JPG"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.mark.parametrize(
    ("name", "file", "file_name"),
    [
        ("i.png", "i.png", "i.png"),
        ("./i.png", "i.png", "i.png"),
        ("train/../i.png", "i.png", "i.png"),
        ("i", "i.png", "i.png"),
        ("train/i.png", "train/i.png", "train_i.png"),
        ("train//i.png", "train/i.png", "train_i.png"),
        ("train\\i.png", "train/i.png", "train_i.png"),
        (".\\train\\i.png", "train/i.png", "train_i.png"),
        ("train/i", "train/i.png", "train_i.png"),
        ("labeled-data/VIDEO/img0.png", "labeled-data/VIDEO/img0.png", "labeled-data_VIDEO_img0.png"),
        ("deep/scan.nii.gz", "deep/scan.nii.gz", "deep_scan.nii.gz"),
        ("a b/[x].JPG", "a b/[x].JPG", "a b_[x].JPG"),
    ],
)
def test_each_spelling_finds_its_file_and_id(photos, name, file, file_name) -> None:
    for spelling in (name, str(photos / name)):
        found = ImageFolder(photos).find(spelling, "t.csv")
        assert (found.path, found.file_name) == ((photos / file).resolve(), file_name)
        assert found.id == file_name.removesuffix(".nii.gz").removesuffix(".png").removesuffix(".JPG")


def test_an_absolute_path_elsewhere_has_the_id_of_its_name(photos, tmp_path) -> None:
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "j.png").write_bytes(b"j")
    found = ImageFolder(photos).find(str(tmp_path / "else" / "j.png"), "t.csv")
    assert (found.path, found.id) == ((tmp_path / "else" / "j.png").resolve(), "j")


def test_an_absolute_path_by_way_of_a_link_to_the_folder_is_the_same_image(photos, tmp_path) -> None:
    (tmp_path / "link").symlink_to(photos)
    for folder in (photos, tmp_path / "link"):
        for root in (photos, tmp_path / "link"):
            found = ImageFolder(folder).find(str(root / "train" / "i.png"), "t.csv")
            assert (found.path, found.id) == ((photos / "train" / "i.png").resolve(), "train_i")


@pytest.mark.parametrize(("stored", "asked"), [(NFC, NFD), (NFD, NFC), (NFC, NFC), (NFD, NFD)])
def test_either_unicode_form_is_found_and_the_id_is_composed(photos, stored, asked) -> None:
    (photos / "e\u0301").mkdir()  # a folder in decomposed form
    (photos / "e\u0301" / stored).write_bytes(b"x")
    found = ImageFolder(photos).find(f"\u00e9/{asked}", "t.csv")
    assert (found.path.name, found.file_name) == (stored, f"\u00e9_{NFC}")


def test_of_two_unicode_forms_the_one_that_is_spelled_so_is_meant(photos) -> None:
    for name in (NFC, NFD):
        (photos / name).write_bytes(b"x")
    assert [ImageFolder(photos).find(name, "t").path.name for name in (NFC, NFD)] == [NFC, NFD]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("../escape.png", "t.csv names the image '../escape.png', which leads out of the folder"),
        ("train/../../escape.png", "leads out of the folder"),
        ("..\\escape.png", "leads out of the folder"),
        ("out.png", "a link that leads out of the folder"),
        ("elsewhere/escape.png", "a link that leads out of the folder"),
        ("C:\\data\\i.png", "a path of another computer"),
        ("C:/data/i.png", "a path of another computer"),
        ("\\\\server\\share\\i.png", "a path of another computer"),
        ("/no/such/i.png", "is not in"),
        ("j.png", "is not in"),
        ("i.jpg", "is not in .*; did you mean 'i.png'"),
        ("I.png", "is not in .*; did you mean 'i.png'"),
        ("val/i.png", "is not in"),
        ("train", "is not a file in"),
        ("i.png/i.png", "is not in"),
        ("notes.txt", "not an image that can be read"),
        ("two", "matches two.jpg and two.png: use the complete file name"),
        (".hidden.png", "not an image that can be read"),
        (".dot/i.png", "cannot be an image ID"),
        ("ab:c.png", "'ab:c' cannot be an image ID"),
        ("i\0.png", "characters that are not allowed in a file name"),
        ("i\n.png", "characters that are not allowed in a file name"),
        ("L" * 250 + ".png", "with 250 bytes its label files would exceed the 255 bytes"),
        ("M" * 400 + ".png", "is not in"),
        ("long/" + "é" * 114 + ".png", "with 233 bytes"),
        (".", "is not a file in"),
    ],
)
def test_what_cannot_be_an_image_of_the_folder_is_one_sentence(photos, tmp_path, name, sentence) -> None:
    (tmp_path / "escape.png").write_bytes(b"x")
    (photos / "out.png").symlink_to(tmp_path / "escape.png")
    (photos / "elsewhere").symlink_to(tmp_path)
    files = ("notes.txt", "two.png", "two.jpg", ".hidden.png", ".dot/i.png", "ab:c.png", "L" * 250 + ".png")
    for file in (*files, "long/" + "é" * 114 + ".png"):
        (photos / file).parent.mkdir(exist_ok=True)
        (photos / file).write_bytes(b"x")
    with pytest.raises(InputError, match=sentence) as refused:
        ImageFolder(photos).find(name, "t.csv")
    assert "\n" not in str(refused.value)


def test_a_link_within_the_folder_is_its_target_under_the_name_of_the_link(photos) -> None:
    (photos / "link.png").symlink_to(photos / "train" / "i.png")
    found = ImageFolder(photos).find("link.png", "t.csv")
    assert (found.path, found.id) == ((photos / "train" / "i.png").resolve(), "link")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed_is_entered(photos) -> None:
    (photos / "train").chmod(0o311)
    try:
        assert ImageFolder(photos).find("train/i.png", "t.csv").id == "train_i"
    finally:
        (photos / "train").chmod(0o755)


def test_no_folder(tmp_path) -> None:
    with pytest.raises(InputError, match="There is no folder of images"):
        ImageFolder(tmp_path / "none")
