from __future__ import annotations

import hashlib
import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_ext.landmarks import Frame, read_protocol
from monai_ext.landmarks.markups import read_markups
from monai_ext.studies import LabelHistory, Studies

TABLE = """image,landmark,x,y,width,height,split
a.png,tip,10.25,3.5,60,40,train
a.png,base,50,30,60,40,train
b.png,tip,11,4,60,40,val
b.png,base,49.75,31,60,40,val
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(np.full((40, 60), 90, np.uint8)).save(folder / name)
    (tmp_path / "points.csv").write_text(TABLE)
    return folder


def nothing_written(tmp_path: Path) -> bool:
    return not (tmp_path / "studies").exists()


def test_a_table_becomes_a_studies_folder(cli, source, tmp_path) -> None:
    answer = cli(
        "import", tmp_path / "points.csv", "--images", source, "--studies", tmp_path / "studies",
        "--new-protocol", tmp_path / "wing.yaml", "--json",
    )  # fmt: skip

    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["images"] == 2
    studies = Studies(tmp_path / "studies")
    assert studies.labelled() == ["a", "b"]
    assert studies.splits() == {"a": "train", "b": "val"}
    landmarks = read_markups(studies.label_path("a"), Frame(60, 40), ["tip", "base"])
    np.testing.assert_allclose(landmarks.points, [[10.25, 3.5], [50, 30]])
    assert (tmp_path / "studies" / "a.png").read_bytes() == (source / "a.png").read_bytes()
    protocol = read_protocol(tmp_path / "wing.yaml")
    assert protocol.landmark_names == ("tip", "base")
    assert protocol.channels == "grey"
    assert protocol.network.input_size.wh == (64, 32)


def test_subjects_are_kept_and_divided_by_no_split(cli, source, tmp_path) -> None:
    rows = [line.split(",") for line in TABLE.splitlines()]
    of = {"a.png": "S1", "b.png": "S1"}

    def written(splits: dict[str, str]) -> object:
        lines = [[*rows[0], "Subject"], *([*row[:6], splits.get(row[0], ""), of[row[0]]] for row in rows[1:])]
        (tmp_path / "points.csv").write_text("\n".join(map(",".join, lines)))
        return cli("import", tmp_path / "points.csv", "--images", source, "--studies", tmp_path / "studies",
                   "--new-protocol", tmp_path / "wing.yaml", "--json")  # fmt: skip

    refused = written({"a.png": "train", "b.png": "val"})
    assert refused.code == 2
    assert "images of the subject 'S1' in 'train' ('a') and in 'val' ('b'); give all of them one split" in refused.err
    assert nothing_written(tmp_path)

    answer = written({"b.png": "val"})
    assert (answer.code, json.loads(answer.out)["subjects"]) == (0, 1)
    studies = Studies(tmp_path / "studies")
    assert studies.subjects() == {"a": "S1", "b": "S1"}
    assert studies.splits() == {"a": "val", "b": "val"}
    assert studies.stated_splits() == {"b": "val"}
    assert cli("export", tmp_path / "studies", "-f", "csv", "-o", tmp_path / "out.csv").code == 0
    assert (tmp_path / "out.csv").read_text().splitlines()[:2] == [
        "image,landmark,x,y,width,height,split,status,subject",
        "a.png,tip,10.25,3.5,60,40,val,defined,S1",
    ]
    lost = cli("export", tmp_path / "studies", "-f", "coco", "-o", tmp_path / "out.json")
    assert "COCO keypoints holds no subjects: those of 2 images are left out." in " ".join(lost.err.split())


def test_what_was_written_is_said_with_the_next_command(cli, source, tmp_path) -> None:
    for name in ("c.png", "d.png"):
        Image.fromarray(np.full((40, 60), 90, np.uint8)).save(source / name)
    more = "c.png,tip,12,5,60,40,train\nd.png,tip,12,5,60,40,\n"
    (tmp_path / "points.csv").write_text(TABLE.replace("b.png,base,49.75,31,60,40,val\n", more))
    answer = cli("import", tmp_path / "points.csv", "--images", source, "--studies", tmp_path / "studies",
                 "--new-protocol", tmp_path / "wing.yaml")  # fmt: skip
    assert answer.code == 0, answer.err
    said = " ".join(answer.out.replace(str(tmp_path), "DIR").split())
    assert said == (
        "4 images with 2 landmarks in DIR/studies Labelled images by split: 2 train, 1 val, 1 without. "
        "Placed in fewer than half of them: base (1). Protocol DIR/wing.yaml: describe each landmark. "
        "Next: monai-landmarks train --protocol DIR/wing.yaml --studies DIR/studies"
    )


def test_again_is_refused_and_overwrite_replaces(cli, source, tmp_path) -> None:
    arguments = ("import", tmp_path / "points.csv", "--images", source, "--studies", tmp_path / "studies")
    assert cli(*arguments).code == 0
    (tmp_path / "points.csv").write_text(TABLE.replace("10.25", "12"))

    refused = cli(*arguments)
    kept = read_markups(tmp_path / "studies/labels/final/a.mrk.json", Frame(60, 40)).point("tip")
    replaced = cli(*arguments, "--overwrite")
    new = read_markups(tmp_path / "studies/labels/final/a.mrk.json", Frame(60, 40)).point("tip")

    assert refused.code == 2
    assert "--overwrite" in refused.err
    assert (replaced.code, kept.tolist(), new.tolist()) == (0, [10.25, 3.5], [12, 3.5])


def test_renaming_keeps_only_what_is_named(cli, source, tmp_path) -> None:
    answer = cli(
        "import", tmp_path / "points.csv", "--images", source, "--studies", tmp_path / "studies",
        "--rename", "base=wing_base",
    )  # fmt: skip

    assert answer.code == 0, answer.err
    landmarks = read_markups(tmp_path / "studies/labels/final/b.mrk.json", Frame(60, 40))
    assert landmarks.names == ("wing_base",)
    np.testing.assert_allclose(landmarks.points, [[49.75, 31]])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("a.png,tip", "c.png,tip"), "names the image 'c.png'"),
        (("10.25", "ten"), "line 2"),
        (("50,30", "50,nan"), "line 3"),
        ((",x,y", ",x,z"), "'y'"),
        (("a.png,base", "a.png,tip"), "twice"),
        (("60,40,val", "60,41,val"), "60 x 41"),
    ],
)
def test_a_bad_table_is_one_sentence_and_nothing_is_written(cli, source, tmp_path, change, sentence) -> None:
    (tmp_path / "points.csv").write_text(TABLE.replace(*change))

    answer = cli("import", tmp_path / "points.csv", "--images", source, "--studies", tmp_path / "studies")

    assert answer.code == 2
    assert sentence in answer.err
    assert answer.err.count("\n") == 1
    assert nothing_written(tmp_path)


def test_a_truncated_image_is_refused_by_name(cli, source, tmp_path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 60), np.uint8)
    Image.fromarray(noise).save(source / "b.png")
    data = (source / "b.png").read_bytes()
    (source / "b.png").write_bytes(data[: len(data) // 2])

    answer = cli("import", tmp_path / "points.csv", "--images", source, "--studies", tmp_path / "studies")

    assert answer.code == 2
    assert "b.png" in answer.err
    assert nothing_written(tmp_path)


def test_names_of_another_protocol_are_refused(cli, source, tmp_path) -> None:
    answer = cli(
        "import", tmp_path / "points.csv", "--images", source, "--studies", tmp_path / "studies",
        "--protocol", "fundus",
    )  # fmt: skip

    assert answer.code == 2
    assert "tip" in answer.err
    assert "fovea" in answer.err
    assert nothing_written(tmp_path)


def test_a_point_outside_the_image_is_kept_with_a_warning(cli, source, tmp_path) -> None:
    (tmp_path / "points.csv").write_text(TABLE.replace("50,30", "61,30"))

    answer = cli("import", tmp_path / "points.csv", "--images", source, "--studies", tmp_path / "studies")

    assert answer.code == 0
    assert "a.png: outside the image: base" in answer.err
    landmarks = read_markups(tmp_path / "studies/labels/final/a.mrk.json", Frame(60, 40))
    assert landmarks.point("base").tolist() == [61, 30]


def test_two_spellings_of_a_landmark_are_told(cli, source, tmp_path) -> None:
    (tmp_path / "points.csv").write_text(TABLE.replace("b.png,tip", "b.png,Tip"))

    answer = cli("import", tmp_path / "points.csv", "--images", source, "--studies", tmp_path / "studies", "--json")

    assert json.loads(answer.out)["landmarks"] == ["tip", "base", "Tip"]
    assert (
        "Warning: 'tip' and 'Tip' are two landmarks: if they are one, write it in one way in points.csv" in answer.words
    )


@pytest.mark.parametrize(("place", "options", "told"), [
    ("0,0", (), True), ("-1,-1.0", (), True), ("0,0", ("--pixel-origin", "corner"), True), ("0,1", (), False),
])  # fmt: skip
def test_points_where_programs_put_what_is_not_there_are_told(cli, source, tmp_path, place, options, told) -> None:
    (tmp_path / "points.csv").write_text(TABLE.replace("50,30", place).replace("49.75,31", place))

    answer = cli("import", tmp_path / "points.csv", "--images", source, "--studies", tmp_path / "studies", *options)

    assert answer.code == 0
    sentence = "2 points lie exactly at (0, 0) or (-1, -1), which many programs write for a landmark that is not there"
    assert (f"{sentence}, such as base of a.png: if so, leave their coordinates empty" in answer.words) == told
    assert "outside the image" not in answer.err


@pytest.mark.parametrize("name", ["Screenshot at 3.45.12\u202fPM", "\u80f8\u90e8\u3000\u6b63\u9762", "a\u00a0b"])
def test_names_may_have_spaces_of_any_kind(cli, source, tmp_path, name) -> None:
    (source / "a.png").rename(source / f"{name}.png")
    (tmp_path / "points.csv").write_text(TABLE.replace("a.png", f"{name}.png"), encoding="utf-8")
    answer = cli("import", tmp_path / "points.csv", "--images", source, "--studies", tmp_path / "studies")
    assert answer.code == 0, answer.err
    assert set(Studies(tmp_path / "studies").labelled()) == {name, "b"}


@pytest.mark.parametrize(("on_disk", "stated"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_an_image_is_found_in_either_unicode_form(cli, source, tmp_path, on_disk, stated) -> None:
    name = "œil_é.png"
    file = unicodedata.normalize(on_disk, name)
    (source / "a.png").rename(source / file)
    rows = TABLE.replace("a.png", unicodedata.normalize(stated, name))
    (tmp_path / "points.csv").write_text(rows, encoding="utf-8")
    arguments = ("import", tmp_path / "points.csv", "--images", source, "--studies", tmp_path / "studies")
    answer = cli(*arguments)
    assert answer.code == 0, answer.err
    studies = Studies(tmp_path / "studies")
    _, own = studies.labelled()
    assert unicodedata.normalize(on_disk, own) == file.removesuffix(".png")
    assert studies.image_path(file.removesuffix(".png")) == studies.image_path(own)  # by either form
    landmarks = read_markups(studies.label_path(own), Frame(60, 40), ["tip", "base"])
    np.testing.assert_allclose(landmarks.points, [[10.25, 3.5], [50, 30]])
    (tmp_path / "points.csv").write_text(rows + f"{file},tip,1,2,60,40,train\n", encoding="utf-8")
    answer = cli(*arguments, "--overwrite")
    assert answer.code == 2
    assert "are one image, but place 'tip' differently" in answer.err


def test_labels_that_are_replaced_stay_as_earlier_versions(cli, source, tmp_path) -> None:
    arguments = ("import", tmp_path / "points.csv", "--images", source, "--studies", tmp_path / "studies")
    assert cli(*arguments).code == 0
    studies, history = Studies(tmp_path / "studies"), LabelHistory(tmp_path / "studies" / "labels")
    former = studies.label_path("a").read_bytes()
    label = {"ext": ".mrk.json", "info": {"annotator": "Ann"}, "sha256": hashlib.sha256(former).hexdigest()}
    objects = {"a": {"image": {"ext": ".png"}, "labels": {"final": label}}}
    (tmp_path / "studies" / "datastore_v2.json").write_text(json.dumps({"objects": objects}))
    (tmp_path / "points.csv").write_text("image,landmark,x,y\na.png,tip,20,9\n")

    answer = cli(*arguments, "--overwrite")

    assert answer.code == 0, answer.err
    assert read_markups(studies.label_path("a"), Frame(60, 40)).points.tolist() == [[20, 9]]
    (version,) = history.versions("a", "final")
    assert (version.read(), version.reason, version.info) == (former, "replaced", {"annotator": "Ann"})
    assert history.versions("b", "final") == []
    assert studies.labelled() == ["a", "b"]


def test_the_replaced_label_of_a_reader_stays_and_what_was_made_of_it_does_not(cli, source, tmp_path) -> None:
    arguments = ("import", tmp_path / "points.csv", "--images", source, "--studies", tmp_path / "studies",
                 "--annotator", "Ann", "--overwrite")  # fmt: skip
    assert cli(*arguments).code == 0
    history = LabelHistory(tmp_path / "studies" / "labels")
    former = Studies(tmp_path / "studies").label_path("a", "reader1").read_bytes()
    (tmp_path / "points.csv").write_text("image,landmark,x,y\na.png,tip,20,9\n")
    assert cli(*arguments).code == 0
    assert [version.read() for version in history.versions("a", "reader1")] == [former]
    assert history.versions("a", "final") == []
