"""Nothing that looks like an image is passed over in silence, and a name is found in either Unicode form."""

from __future__ import annotations

import unicodedata
from importlib import import_module
from pathlib import Path

import pytest
from PIL import Image

from monai_ext.images import image_id_of, kind_of_bytes, same_name
from monai_ext.landmarks import InputError
from monai_ext.studies import Studies, StudyFiles, passed_over

DICOM = b"\0" * 128 + b"DICM" + b"\2\0\0\0UL\4\0\0\0\0\0"
REPORT_CLASS = b"1.2.840.10008.5.1.4.1.1.88.33\0"
HEADER_CLASS = b"\2\0\2\0UI" + len(REPORT_CLASS).to_bytes(2, "little") + REPORT_CLASS
BARE = b"\x08\0\5\0CS\n\0ISO_IR 100"
NFC = unicodedata.normalize("NFC", "œil_é")
NFD = unicodedata.normalize("NFD", NFC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    image = Image.new("L", (8, 6), 7)
    for name in ("a.png", "b.jfif", "web.webp", "move.gif"):
        image.save(tmp_path / name, **({"format": "JPEG"} if name.endswith("jfif") else {}))
    (tmp_path / "noext").write_bytes((tmp_path / "a.png").read_bytes())
    for name in ("IM0001", "1.2.840.113619.2", "scan.dicom", "scan2.IMA", "DICOMDIR", ".hidden"):
        (tmp_path / name).write_bytes(DICOM)
    (tmp_path / "points.csv").write_text("image,x\n")
    (tmp_path / "datastore_v2.json").write_text("{}")
    (tmp_path / "pair.raw").write_bytes(bytes(range(48)))
    for name in ("sub/deep/x.png", "sub/IM0002", "labels/final/a.mrk.json", "notes/readme.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(DICOM if name.endswith("2") else b"{}")
    return tmp_path


def test_dicom_of_any_name_is_an_image_and_has_the_whole_name_as_id(folder: Path) -> None:
    assert list(Studies(folder).images()) == ["1.2.840.113619.2", "IM0001", "a", "b", "scan", "scan2"]
    assert image_id_of(folder / "DICOMDIR") is None
    assert image_id_of(folder / ".hidden") is None
    assert image_id_of(folder / "points.csv") is None


def test_all_that_looks_like_an_image_is_named_with_its_reason(folder: Path) -> None:
    assert passed_over(folder) == [
        "DICOMDIR: a directory of DICOM files and no image itself",
        "move.gif: GIF is not opened by 3D Slicer as an image: save it as PNG",
        "noext: PNG without an extension of PNG: rename it",
        "sub/ with 2 images: only images in the folder itself are used: move them there",
        "web.webp: WebP is not opened by 3D Slicer as an image: save it as PNG",
    ]


def test_many_files_of_one_reason_are_counted(tmp_path: Path) -> None:
    for number in range(9):
        Image.new("L", (8, 6)).save(tmp_path / f"{number}.webp")
    (sentence,) = passed_over(tmp_path)
    assert sentence.startswith("0.webp, 1.webp, 2.webp, 3.webp, 4.webp and 4 more: WebP is not opened")


@pytest.mark.parametrize("name", ["a.dcm", "a.sr.dcm", "a.DICOM", "a.ima", "SR0001"])
@pytest.mark.parametrize(
    ("content", "is_image"),
    [
        (DICOM + HEADER_CLASS, False),
        (BARE + b"\x08\0\x16\0UI\x1e\0" + REPORT_CLASS, False),
        (BARE + b"\x08\0\x16\0\x1e\0\0\0" + REPORT_CLASS, False),  # values without their codes
        (DICOM + HEADER_CLASS.replace(b"88.33\0", b"1\0"), True),
        (DICOM + HEADER_CLASS.replace(b"88.33\0", b"1\0") + b"\x08\0\x55\x11UI" + REPORT_CLASS, True),  # names a report
    ],
)
def test_a_structured_report_is_no_image_by_any_name(tmp_path: Path, name: str, content: bytes, is_image: bool) -> None:
    (tmp_path / name).write_bytes(content)
    assert (image_id_of(tmp_path / name) is not None) == is_image
    assert (list(Studies(tmp_path).images()) != []) == is_image
    told = f"{name}: a DICOM structured report, whose points `monai-landmarks import` reads"
    assert passed_over(tmp_path) == ([] if is_image else [told])


def test_a_report_in_the_place_of_an_image_is_noticed_and_nothing_is_read_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    formats = import_module("monai_ext.images.formats")
    image_kind, read = formats.image_kind, []
    monkeypatch.setattr(formats, "image_kind", lambda path: read.append(path.name) or image_kind(path))
    files = StudyFiles(tmp_path)
    for name in ("a.dcm", "b.dcm"):
        (tmp_path / name).write_bytes(DICOM)
    Image.new("L", (8, 6)).save(tmp_path / "c.png")
    for _ in range(3):
        assert files.scan_images({}, pytest.fail) == {"a": ".dcm", "b": ".dcm", "c": ".png"}
    assert sorted(read) == ["a.dcm", "b.dcm"]
    (tmp_path / "b.dcm").write_bytes(DICOM + HEADER_CLASS)
    assert list(files.scan_images({}, pytest.fail)) == ["a", "c"]


@pytest.mark.parametrize("data", [b"", b"\x08\0", bytes(range(256)), b"BM" + bytes(40), b"NDims without any more"])
def test_other_bytes_are_no_image(data: bytes) -> None:
    assert kind_of_bytes(data) == ""


@pytest.mark.parametrize(("on_disk", "asked"), [(NFC, NFD), (NFD, NFC), (NFC, NFC), (NFD, NFD)])
def test_an_image_is_found_in_either_unicode_form(tmp_path: Path, on_disk: str, asked: str) -> None:
    (tmp_path / f"{on_disk}.png").write_bytes(b"")
    assert Studies(tmp_path).image_path(asked) == tmp_path / f"{on_disk}.png"
    assert same_name(asked, [on_disk, "other", "é"]) == on_disk
    with pytest.raises(InputError, match="has no image"):
        Studies(tmp_path).image_path("oeil_e")


def test_two_images_whose_names_look_the_same_share_an_id(tmp_path: Path) -> None:
    for name in (NFC, NFD):
        (tmp_path / f"{name}.png").write_bytes(b"")
    with pytest.raises(InputError, match="share the image ID"):
        Studies(tmp_path).images()
    assert same_name(NFC, [NFC, NFD]) == NFC
