"""Tables and images as people have them: read right, or refused in one sentence before anything is written."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from PIL import Image

from monai_ext.images import read_frame, read_image
from monai_ext.landmarks.files import StagedFile
from monai_ext.landmarks.markups import read_markups
from monai_ext.studies import Studies


class Case:
    """Photos, a table and what its import makes of them."""

    def __init__(self, cli, root: Path) -> None:
        self.cli, self.root, self.photos, self.studies = cli, root, root / "photos", root / "studies"
        self.photos.mkdir()

    def image(self, name: str, exif: int = 1, level: int = 90) -> Path:
        path = self.photos / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(np.full((48, 64), level, np.uint8))
        image.getexif()[0x0112] = exif
        image.save(path, **({"exif": image.getexif()} if exif > 1 else {}))
        return path

    def table(self, *rows: str, header: str = "image,landmark,x,y") -> Path:
        path = self.root / "t.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    def coco(
        self, images: list[str], annotations: list[dict], names=("a", "b"), size=(64, 48), categories=None
    ) -> Path:
        path = self.root / "t.json"
        listed = [{"id": i, "file_name": n, "width": size[0], "height": size[1]} for i, n in enumerate(images)]
        made = [{"id": i, "category_id": 1, **annotation} for i, annotation in enumerate(annotations)]
        categories = categories or [{"id": 1, "name": "eye", "keypoints": list(names)}]
        path.write_text(json.dumps({"images": listed, "annotations": made, "categories": categories}))
        return path

    def run(self, table: Path, *options: object):
        return self.cli("import", table, "--images", self.photos, "--studies", self.studies, *options)

    def labels(self) -> dict[str, dict[str, list[float]]]:
        studies = Studies(self.studies)
        found = {}
        for image in studies.labelled():
            label = read_markups(studies.label_path(image), read_frame(studies.image_path(image)))
            found[image] = {
                n: p.tolist() for n, p, d in zip(label.names, label.points, label.defined, strict=True) if d
            }
        return found

    def refused(self, answer, *sentences: str) -> None:
        """One sentence, and nothing new below the folder."""
        assert answer.code == 2
        said = [line for line in answer.err.splitlines() if not line.startswith("Checking images: ")]
        assert [line[:7] for line in said] == ["Error: "]
        assert all(sentence in answer.err for sentence in sentences)
        assert not self.studies.exists()


@pytest.fixture
def case(cli, tmp_path) -> Case:
    return Case(cli, tmp_path)


def test_images_in_folders_are_usable_under_ids_of_their_own(case) -> None:
    for folder in ("train", "val"):
        case.image(f"{folder}/i.png", level=len(folder))
    points = [{"image_id": 0, "keypoints": [10, 5, 2, 12, 6, 2]}, {"image_id": 1, "keypoints": [30, 15, 2, 32, 16, 2]}]
    answer = case.run(case.coco(["train/i.png", "val/i.png"], points))
    assert answer.code == 0, answer.err
    assert "2 of them have an ID that differs from the file name: train/i.png is train_i.\n" in answer.out
    assert case.labels() == {"train_i": {"a": [10, 5], "b": [12, 6]}, "val_i": {"a": [30, 15], "b": [32, 16]}}
    assert (case.studies / "val_i.png").read_bytes() == (case.photos / "val" / "i.png").read_bytes()


@pytest.mark.parametrize(
    "name", ["labeled-data/VIDEO/i.png", "labeled-data\\VIDEO\\i.png", "./labeled-data//VIDEO/i.png"]
)
def test_splits_are_kept_by_the_id(case, name) -> None:
    case.image("labeled-data/VIDEO/i.png")
    answer = case.run(case.table(f"{name},a,10.5,20.25,val", header="image,landmark,x,y,split"), "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["ids"] == {name: "labeled-data_VIDEO_i"}
    assert Studies(case.studies).splits() == {"labeled-data_VIDEO_i": "val"}
    assert case.labels() == {"labeled-data_VIDEO_i": {"a": [10.5, 20.25]}}


def test_an_absolute_path_is_copied(case) -> None:
    path = case.image("../else/j.png").resolve()
    assert case.run(case.table(f"{path},a,10.5,20.25")).code == 0
    assert case.labels() == {"j": {"a": [10.5, 20.25]}}


def test_a_name_that_leads_out_is_refused(case) -> None:
    case.image("../escape.png")
    case.refused(case.run(case.table("../escape.png,a,1,2")), "leads out of the folder")


def test_two_spellings_of_one_image_are_one_label(case) -> None:
    case.image("i.png")
    assert case.run(case.table("i.png,a,1,2", "./i.png,b,3,4")).code == 0
    assert case.labels() == {"i": {"a": [1, 2], "b": [3, 4]}}


@pytest.mark.parametrize("other", ["i.jpg", "I.png"])
def test_two_images_of_one_id_are_refused(case, other) -> None:
    case.image("i.png")
    case.image(other)
    case.refused(case.run(case.table("i.png,a,1,2", f"{other},a,3,4")), "'i.png'", f"'{other}'")


def test_names_that_no_protocol_can_have_are_refused_first_and_can_be_renamed(case) -> None:
    case.image("i.png")
    table, protocol = case.table("i.png,1,10.5,20.25", "i.png,2,11.5,20.25"), case.root / "p.yaml"
    case.refused(case.run(table, "--new-protocol", protocol), "'1'", "--rename '1=NAME'")
    answer = case.run(table, "--new-protocol", protocol, "--rename", "1=p1", "--rename", "2=p2")
    assert answer.code == 0, answer.err
    assert case.labels() == {"i": {"p1": [10.5, 20.25], "p2": [11.5, 20.25]}}
    assert protocol.is_file()


@pytest.mark.parametrize("name", ["my task.yaml", "1.yaml"])
def test_a_file_name_that_is_no_protocol_name_is_refused_first(case, name) -> None:
    case.image("i.png")
    case.refused(case.run(case.table("i.png,a,1,2"), "--new-protocol", case.root / name), name)


def test_renaming_two_landmarks_to_one_name_is_refused(case) -> None:
    case.image("i.png")
    answer = case.run(case.table("i.png,a,1,2", "i.png,b,3,4"), "--rename", "a=c", "--rename", "b=c")
    case.refused(answer, "two landmarks would be named 'c'")


@pytest.mark.parametrize("letters", [231, 250])
def test_a_file_name_that_is_too_long_is_refused(case, letters) -> None:
    case.image("L" * letters + ".png")
    case.refused(case.run(case.table(f"{'L' * letters}.png,a,1,2")), f"with {letters} bytes")


def test_an_empty_table_is_refused(case) -> None:
    case.image("i.png")
    case.refused(case.run(case.table()), "no points of any image")


def test_an_image_with_nothing_placed_is_copied_and_stays_unlabelled(case) -> None:
    case.image("i.png")
    case.image("j.png", level=1)
    nothing, one = {"image_id": 0, "keypoints": [0] * 6}, {"image_id": 1, "keypoints": [1, 2, 2, 0, 0, 0]}
    table = case.coco(["i.png", "j.png"], [nothing, one])
    answer = case.run(table)
    assert answer.code == 0, answer.err
    assert "1 of them have no placed point, e.g. i.png: they remain unlabelled.\n" in answer.out
    assert sorted(Studies(case.studies).images()) == ["i", "j"]
    assert case.labels() == {"j": {"a": [1, 2]}}
    assert json.loads(case.run(table, "--overwrite", "--json").out)["unlabelled"] == ["i"]


def test_a_point_far_outside_is_refused(case) -> None:
    case.image("i.png")
    case.refused(case.run(case.table("i.png,a,5000,5")), "i.png: The landmark 'a' lies at pixel (5000.0, 5.0)")


def test_a_wrong_splits_file_is_found_before_anything_is_written(case) -> None:
    case.image("i.png")
    case.studies.mkdir()
    (case.studies / "splits.json").write_text("[]")
    answer = case.run(case.table("i.png,a,1,2,val", header="image,landmark,x,y,split"))
    assert answer.code == 2
    assert sorted(path.name for path in case.studies.iterdir()) == ["splits.json"]


@pytest.mark.parametrize("broken", range(5))
def test_a_full_disk_leaves_nothing(case, monkeypatch, broken) -> None:
    for i in range(2):
        case.image(f"{i}.png", level=i)
    table = case.table("0.png,a,1,2,val", "1.png,a,3,4,val", header="image,landmark,x,y,split")
    real, count = StagedFile.__init__, iter(range(100))

    def full(self, path, data, **more) -> None:
        if next(count) == broken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(self, path, data, **more)

    monkeypatch.setattr(StagedFile, "__init__", full)
    case.refused(
        case.run(table, "--new-protocol", case.root / "new" / "p.yaml"), "No space left", "nothing was written"
    )
    assert not (case.root / "new").exists()
    monkeypatch.undo()
    assert case.run(table).code == 0


def test_what_fails_midway_says_what_is_there_and_how_to_go_on(case, monkeypatch) -> None:
    for i in range(2):
        case.image(f"{i}.png", level=i)
    table = case.table("0.png,a,1,2", "1.png,a,3,4")
    real, count = StagedFile.commit, iter(range(100))

    def broken(self) -> None:
        if next(count) == 3:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(self)

    monkeypatch.setattr(StagedFile, "commit", broken)
    answer = case.run(table)
    assert answer.code == 2
    assert "3 of 4 files are in place: run the same command with --overwrite to go on" in answer.err
    assert [path.name for path in case.studies.rglob("*.tmp")] == []
    monkeypatch.undo()
    assert case.run(table, "--overwrite").code == 0
    assert case.labels() == {"0": {"a": [1, 2]}, "1": {"a": [3, 4]}}


@pytest.mark.parametrize("name", ["i.jpg", "i.png"])
def test_points_of_the_upright_picture(case, name) -> None:
    case.image(name, exif=6)
    case.refused(case.run(case.table(f"{name},a,10,5")), "EXIF orientation 6", "--exif upright")
    answer = case.run(case.table(f"{name},a,10,5,48,64", header="image,landmark,x,y,width,height"))
    assert answer.code == 0
    assert f"1 images have an EXIF orientation, e.g. {name}" in answer.err
    assert case.labels() == {"i": {"a": [5, 37]}}


def test_corner_origin_and_upright_picture_together(case) -> None:
    case.image("i.jpg", exif=3)
    table = case.table("i.jpg,a,10,5")
    assert case.run(table, "--exif", "upright", "--pixel-origin", "corner").code == 0
    assert case.labels() == {"i": {"a": [63 - 9.5, 47 - 4.5]}}


@pytest.mark.parametrize(("option", "b"), [((), None), (("--take-v0",), [33, 44])])
def test_coordinates_with_visibility_0(case, option, b) -> None:
    case.image("i.png")
    answer = case.run(case.coco(["i.png"], [{"image_id": 0, "keypoints": [10, 5, 2, 33, 44, 0]}]), *option)
    assert answer.code == 0
    assert ("1 keypoints have coordinates but the visibility 0" in answer.err) == (b is None)
    assert case.labels() == {"i": {"a": [10, 5], **({"b": b} if b else {})}}


def test_one_of_several_categories(case) -> None:
    case.image("i.png")
    categories = [{"id": i, "name": n, "keypoints": ["a", "b"]} for i, n in ((1, "od"), (2, "os"))]
    two = [
        {"image_id": 0, "keypoints": [1, 2, 2, 3, 4, 2]},
        {"image_id": 0, "keypoints": [5, 6, 2, 7, 8, 2], "category_id": 2},
    ]
    table = case.coco(["i.png"], two, categories=categories)
    case.refused(case.run(table), "'od', 'os'", "--category NAME")
    assert case.run(table, "--category", "os").code == 0
    assert case.labels() == {"i": {"a": [5, 6], "b": [7, 8]}}


def test_keypoints_without_names(case) -> None:
    case.image("faces/i.png")
    table = case.coco(
        ["faces/i.png"], [{"image_id": 0, "keypoints": [1, 2, 2, 3, 4, 2]}], categories=[{"id": 1, "name": "person"}]
    )
    case.refused(case.run(table), "--names FILE")
    (case.root / "names.txt").write_bytes("\ufeffleft\r\n\r\nright\r\n".encode())
    assert case.run(table, "--names", case.root / "names.txt").code == 0
    assert case.labels() == {"faces_i": {"left": [1, 2], "right": [3, 4]}}


@pytest.mark.parametrize(
    ("text", "sentence"), [("", "contains no landmark"), ("a\nb\na\n", "contains the landmark 'a' twice")]
)
def test_a_file_of_names_that_cannot_serve(case, text, sentence) -> None:
    case.image("i.png")
    (case.root / "names.txt").write_text(text)
    case.refused(case.run(case.table("i.png,a,1,2"), "--names", case.root / "names.txt"), sentence)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize(
    "row", ["Image;Landmark;X;Y\ni.png;a;10,5;20,25\n", "image\tlandmark\tx\ty\ni.png\ta\t10.5\t20.25\n"]
)
def test_tables_of_spreadsheets(case, encoding, row) -> None:
    case.image("i.png")
    (case.root / "t.csv").write_bytes(row.encode(encoding))
    assert case.run(case.root / "t.csv").code == 0
    assert case.labels() == {"i": {"a": [10.5, 20.25]}}


def test_a_latin_1_table_is_read_with_a_warning(case) -> None:
    case.image("œil_é.png")
    (case.root / "t.csv").write_bytes("image,landmark,x,y\nœil_é.png,a,10.5,20.25\n".encode("cp1252"))
    answer = case.run(case.root / "t.csv")
    assert answer.code == 0
    assert "Latin-1" in answer.err
    assert case.labels() == {"œil_é": {"a": [10.5, 20.25]}}


def test_a_name_with_brackets_is_printed_whole(case) -> None:
    case.image("i.png")
    case.refused(case.run(case.table("eye [left].png,a[/b],1,2")), "'eye [left].png'")


def test_a_header_with_its_pixels_beside_it_becomes_one_file(case) -> None:
    (case.photos / "scan").mkdir()
    image = sitk.GetImageFromArray(np.arange(48 * 64, dtype=np.uint8).reshape(48, 64))
    sitk.WriteImage(image, str(case.photos / "scan" / "i.mhd"))
    assert case.run(case.table("scan/i.mhd,a,1,2")).code == 0
    assert sorted(path.name for path in case.studies.iterdir()) == ["labels", "scan_i.mha"]
    np.testing.assert_array_equal(read_image(case.studies / "scan_i.mha")[0][0], sitk.GetArrayFromImage(image))
    assert case.labels() == {"scan_i": {"a": [1, 2]}}
    assert case.run(case.table("scan/i.mhd,a,3,4"), "--overwrite").code == 0  # the same image again


def test_dicom_of_any_name(case) -> None:
    image = sitk.GetImageFromArray(np.arange(48 * 64, dtype=np.int16).reshape(48, 64))
    sitk.WriteImage(image, str(case.photos / "i.dcm"))
    (case.photos / "i.dcm").rename(case.photos / "IM.0001")
    assert case.run(case.table("IM.0001,a,1,2")).code == 0
    assert case.labels() == {"IM.0001": {"a": [1, 2]}}


def test_the_stated_size_of_a_pixel_measures_in_mm(case) -> None:
    case.image("a/i.png")
    header = "image,landmark,x,y,mm_per_px_x,mm_per_px_y"
    answer = case.run(case.table("a/i.png,a,1,2,0.1,0.2", header=header))
    assert answer.code == 0, answer.err
    assert "1 of them have the pixel size that the table states (calibration.json)." in answer.out
    frame = read_frame(case.studies / "a_i.png")
    assert (frame.unit, frame.spacing, frame.spacing_source) == ("mm", (0.1, 0.2), "table t.csv")
    other = case.table("a/i.png,b,1,2,0.3,0.2", header=header)
    (case.studies / "labels" / "final" / "a_i.mrk.json").unlink()
    refused = case.run(other)
    assert refused.code == 2
    assert "another pixel size of 'a_i'" in refused.err
    assert case.labels() == {}
    assert case.run(other, "--overwrite").code == 0
    assert read_frame(case.studies / "a_i.png").spacing == (0.3, 0.2)


def test_the_size_of_a_pixel_turns_with_the_picture(case) -> None:
    case.image("i.jpg", exif=6)
    table = case.table("i.jpg,a,10,5,0.1,0.2", header="image,landmark,x,y,mm_per_px_x,mm_per_px_y")
    assert case.run(table, "--exif", "upright").code == 0
    assert read_frame(case.studies / "i.jpg").spacing == (0.2, 0.1)


def test_a_size_other_than_that_of_the_file_is_refused(case) -> None:
    image = sitk.GetImageFromArray(np.zeros((48, 64), np.uint8))
    image.SetSpacing((0.5, 0.25))
    sitk.WriteImage(image, str(case.photos / "i.nii"))
    header = "image,landmark,x,y,mm_per_px_x,mm_per_px_y"
    case.refused(case.run(case.table("i.nii,a,1,2,0.5,0.5", header=header)), "0.5 x 0.25 mm (NIfTI)", "0.5 x 0.5 mm")
    assert case.run(case.table("i.nii,a,1,2,0.5,0.25", header=header)).code == 0
    assert not (case.studies / "calibration.json").exists()


def test_scale_of_tps_calibrates_where_its_unit_is_stated(case) -> None:
    case.image("i.png")
    table = case.root / "t.tps"
    table.write_text("LM=1\n10 42\nIMAGE=i.png\nID=0\nSCALE=0.25\n")

    unstated = case.run(table)
    assert "1 SCALE lines are left out: state their unit (--scale-unit mm) to use them" in " ".join(
        unstated.err.split()
    )
    assert read_frame(case.studies / "i.png").spacing is None

    assert case.run(table, "--scale-unit", "mm", "--overwrite").code == 0
    assert read_frame(case.studies / "i.png").spacing == (0.25, 0.25)
    assert case.labels() == {"i": {"1": [10.0, 5.0]}}


def test_the_attribute_of_via_that_names_the_landmarks(case) -> None:
    case.image("i.png")
    regions = [
        {
            "shape_attributes": {"name": "point", "cx": x, "cy": 5},
            "region_attributes": {"landmark": name, "quality": "good"},
        }
        for x, name in ((10, "a"), (20, "b"))
    ]
    table = case.root / "via.json"
    table.write_text(
        json.dumps({"i.png1": {"filename": "i.png", "size": 1, "regions": regions, "file_attributes": {}}})
    )

    refused = case.run(table)
    assert refused.code == 2
    assert "(landmark, quality): say which one is the name, with --attribute" in " ".join(refused.err.split())

    assert case.run(table, "--attribute", "landmark").code == 0
    assert case.labels() == {"i": {"a": [10.0, 5.0], "b": [20.0, 5.0]}}
