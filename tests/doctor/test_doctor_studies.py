from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (its own idiom)
from doctor_cases import NAMES, two_points, write_image, write_label

from monai_ext.doctor.check import OK, PROBLEM, WARNING, Check
from monai_ext.doctor.studies import check_history, check_journal, check_studies
from monai_ext.doctor.survey import survey_studies
from monai_ext.landmarks import Protocol
from monai_ext.landmarks.files import StagedFile
from monai_ext.studies import JournalState, read_journal

NAN = [[np.nan, np.nan], [np.nan, np.nan]]


def examine(root: Path, *protocols: Protocol) -> dict[str, Check]:
    served = {protocol.name: protocol for protocol in protocols or (two_points(),)}
    return {check.name: check for check in check_studies(survey_studies(root), served)}


def write_index(root: Path, objects: dict) -> None:
    (root / "datastore_v2.json").write_text(json.dumps({"name": "x", "objects": objects}))


def entry(extension: str = ".png", **labels: dict) -> dict:
    return {
        "image": {"ext": extension, "info": {"ts": 1}},
        "labels": {tag: {"ext": ".mrk.json", "info": info} for tag, info in labels.items()},
    }


def test_a_healthy_folder_has_no_fault_and_is_counted(studies: Path) -> None:
    write_index(studies, {"a": entry(final={"protocol": "wings"}), "b ü": entry(draft={}), "c": entry()})
    checks = examine(studies)
    assert {check.state for check in checks.values()} == {OK}
    assert checks["Images"].found == "3 images: 1 final, 1 draft, 1 unlabelled"
    assert checks["Labels"].found == "2 labels, each fits its protocol and its image"
    assert checks["Pixel sizes"].found == "stated by none of 3 images: lengths are in pixels"
    assert checks["Index datastore_v2.json"].found == "readable, 3 images"


def test_an_image_with_draft_and_final_label_counts_once(studies: Path) -> None:
    write_label(studies, "a", "draft")
    assert examine(studies)["Images"].found == "3 images: 1 final, 1 draft, 1 unlabelled"


def test_an_empty_folder_is_a_warning(place: Path) -> None:
    assert examine(place)["Images"].state == WARNING


def test_images_that_cannot_be_read_or_share_an_id_are_problems(studies: Path) -> None:
    (studies / "torn.png").write_bytes((studies / "a.png").read_bytes()[:20])
    (studies / "empty ü.dcm").write_bytes(b"")
    write_image(studies / "c.bmp")
    check = examine(studies)["Image files"]
    assert check.state == PROBLEM
    assert "torn.png cannot be read as PNG" in check.found
    assert "empty ü.dcm is empty (0 bytes)" in check.found
    assert "c.bmp, c.png share the image ID 'c'" in check.found


def test_pixel_sizes_known_for_all_or_for_some(studies: Path) -> None:
    for name in ("a", "b ü"):
        (studies / f"{name}.png").unlink()
        image = sitk.GetImageFromArray(np.zeros((40, 60), np.uint8))
        image.SetSpacing((0.1, 0.2))
        sitk.WriteImage(image, str(studies / f"{name}.mha"))
    check = examine(studies)["Pixel sizes"]
    assert (check.state, check.found) == (WARNING, "1 of 3 images state none: c")
    (studies / "c.png").unlink()
    assert examine(studies)["Pixel sizes"].found == "stated by all 2 images"


@pytest.mark.parametrize("content", [b"", b'{"objects": {"a": ', b'{"objects": {"a": {"labels": {}}}}', b"\xff\xfe{}"])
def test_a_damaged_index_is_a_problem(studies: Path, content: bytes) -> None:
    (studies / "datastore_v2.json").write_bytes(content)
    checks = examine(studies)
    check = checks["Index datastore_v2.json"]
    assert check.state == PROBLEM
    assert f"{studies / 'datastore_v2.json'} is damaged" in check.found
    assert "backup" in check.advice
    assert checks["Labels"].state == OK


def test_a_damaged_index_beside_a_whole_journal_is_no_loss(studies: Path) -> None:
    (studies / "datastore_v2.json").write_bytes(b"")
    (studies / "journal.jsonl").write_bytes(b'{"n": 3, "op": "snapshot", "objects": {}}\n')
    check = examine(studies)["Index datastore_v2.json"]
    assert (check.state, "from the journal, with all notes" in check.advice) == (WARNING, True)
    (studies / "journal.jsonl").write_bytes(b'{"n": 3, "op": "snap\n')
    assert examine(studies)["Index datastore_v2.json"].state == PROBLEM


def test_an_index_that_knows_more_than_there_is_tells_of_lost_files(studies: Path) -> None:
    write_index(studies, {"a": entry(final={}, draft={}), "gone": entry(final={})})
    check = examine(studies)["Index datastore_v2.json"]
    assert check.state == WARNING
    assert check.found == "it lists files that are gone: images gone and labels a (draft)"


def test_labels_that_do_not_fit_are_named_with_the_reason(studies: Path) -> None:
    write_label(studies, "a", points=[[10.0, 12.0], [50.0, 300.0]])
    check = examine(studies)["Labels"]
    assert check.state == PROBLEM
    assert check.found == (
        f"labels{os.sep}final{os.sep}a.mrk.json: The landmark 'right' lies at pixel (50.0, 300.0), outside the image "
        "of 60 x 40 pixels: check that the markups belong to this image"
    )


def test_a_broken_draft_is_a_warning_as_it_does_not_train(studies: Path) -> None:
    path = studies / "labels" / "draft" / "b ü.mrk.json"
    path.write_text(path.read_text()[:50])
    check = examine(studies)["Labels"]
    assert (check.state, "not valid JSON" in check.found) == (WARNING, True)


def test_a_final_label_that_says_nothing_is_a_problem_and_an_empty_draft_none(studies: Path) -> None:
    write_label(studies, "c", "draft", NAN, [-1, -1])
    assert examine(studies)["Labels"].state == OK
    write_label(studies, "c", "final", NAN, [-1, -1])
    assert "Every landmark of the label is undefined" in examine(studies)["Labels"].found


def test_labels_of_no_known_protocol_are_a_problem(studies: Path) -> None:
    check = examine(studies, two_points("ears", ("tip", "base")))["Labels"]
    assert (check.state, "left, right match no served protocol (ears: tip, base)" in check.found) == (PROBLEM, True)


def test_the_noted_protocol_counts_where_two_have_the_names(studies: Path) -> None:
    more = two_points("more", (*NAMES, "middle"))
    assert examine(studies, two_points(), more)["Labels"].state == OK
    write_index(studies, {"a": entry(final={"protocol": "other"}), "b ü": entry(), "c": entry()})
    check = examine(studies, two_points(), more)["Labels"]
    assert "it belongs to the protocol 'other', which is not there" in check.found


def test_files_that_label_nothing_are_a_warning(studies: Path) -> None:
    write_label(studies, "gone")
    (studies / "labels" / "final" / "a.json").write_text("{}")
    (studies / "labels" / "checked").mkdir()
    check = examine(studies)["Label files"]
    assert check.state == WARNING
    assert "labels/final has labels without an image: gone.mrk.json" in check.found
    assert f"no labels: labels{os.sep}final{os.sep}a.json" in check.found
    assert "labels/checked is no tag of the server" in check.found


def test_labels_of_two_readers_lie_under_tags_of_the_server(studies: Path) -> None:
    for tag in ("reader1", "reader2"):
        write_label(studies, "a", tag)
    write_label(studies, "c", "draft2")
    checks = examine(studies)
    assert {check.state for check in checks.values()} == {OK}
    assert checks["Images"].found == "3 images: 1 final, 2 draft, 0 unlabelled"
    assert checks["Labels"].found == "5 labels, each fits its protocol and its image"
    assert checks["Label files"].found == "each belongs to an image"


def test_a_broken_label_of_a_reader_is_a_problem_as_it_trains_in_the_mean(studies: Path) -> None:
    write_label(studies, "a", "reader1")
    write_label(studies, "a", "reader2", points=[[10.0, 12.0], [50.0, 300.0]])
    check = examine(studies)["Labels"]
    assert check.state == PROBLEM
    assert check.found.startswith(f"labels{os.sep}reader2{os.sep}a.mrk.json: The landmark 'right' lies at pixel")
    assert "They do not train" not in check.advice


def test_a_split_of_an_unknown_image_is_a_problem(studies: Path) -> None:
    (studies / "splits.json").write_text(json.dumps({"train": ["a"], "val": ["c"]}))
    assert examine(studies)["Splits"].found == "1 train, 1 val"
    (studies / "splits.json").write_text(json.dumps({"train": ["a"], "val": ["d"]}))
    check = examine(studies)["Splits"]
    assert (check.state, "no image 'd'" in check.found) == (PROBLEM, True)


def test_a_subject_in_two_splits_is_a_problem(studies: Path) -> None:
    (studies / "subjects.json").write_text(json.dumps({"S1": ["a", "c"]}))
    assert examine(studies)["Splits"].found == "none: training chooses; 2 images of 1 subject"
    (studies / "splits.json").write_text(json.dumps({"train": ["a"]}))
    assert examine(studies)["Splits"].found == "2 train; 2 images of 1 subject"
    (studies / "splits.json").write_text(json.dumps({"train": ["a"], "val": ["c"]}))
    check = examine(studies)["Splits"]
    assert (check.state, "subject 'S1' in 'train' ('a') and in 'val' ('c')" in check.found) == (PROBLEM, True)


def test_leftovers_of_crashes_are_a_warning_but_not_those_of_a_write_that_goes_on(studies: Path) -> None:
    (studies / "datastore_v2.json.corrupt-20260102-030405").write_text("{")
    StagedFile(studies / "labels" / "final" / "a.mrk.json", "{}")  # a write that never ends
    (studies / ".lock").write_text("")
    assert examine(studies)["Leftovers"].found == "set aside as damaged: datastore_v2.json.corrupt-20260102-030405"
    (temporary,) = (studies / "labels" / "final").glob(".*.tmp")
    os.utime(temporary, (1, 1))
    check = examine(studies)["Leftovers"]
    assert (check.state, "1 temporary file of writes that never ended" in check.found) == (WARNING, True)


def test_labels_that_the_server_put_aside_are_told(studies: Path) -> None:
    aside = studies / "labels" / ".damaged" / "final" / "a.20260102-030405.mrk.json"
    aside.parent.mkdir(parents=True)
    aside.write_text("{")
    checks = examine(studies)
    assert "damaged labels that were put aside: a.20260102-030405.mrk.json" in checks["Leftovers"].found
    assert (checks["Leftovers"].state, checks["Labels"].state, checks["Label files"].state) == (WARNING, OK, OK)


def test_nothing_in_the_folder_is_changed(studies: Path) -> None:
    (studies / "datastore_v2.json").write_bytes(b"{")
    before = {path: path.read_bytes() for path in studies.rglob("*") if path.is_file()}
    examine(studies)
    assert {path: path.read_bytes() for path in studies.rglob("*") if path.is_file()} == before


def test_progress_is_told_image_by_image(studies: Path) -> None:
    shutil.rmtree(studies / "labels")
    told: list[tuple[int, int]] = []
    survey_studies(studies, lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


SNAPSHOT = b'{"n": 4, "op": "snapshot", "objects": {}}\n'
LABEL = b'{"n": 5, "time": 1, "op": "label", "image": "a", "tag": "final"}\n'


def read(studies: Path, content: bytes) -> JournalState:
    (studies / "journal.jsonl").write_bytes(content)
    return read_journal(studies)


def test_a_whole_journal_is_ok(studies: Path) -> None:
    journal = read(studies, SNAPSHOT + LABEL)
    assert journal == JournalState(True, 5, has_snapshot=True)
    assert journal.replaces_index
    check = check_journal(journal, 5)
    assert (check.state, check.found) == (OK, "readable, 5 changes")
    assert check_journal(journal, 4).found == "readable; the next server start takes 1 change into the index"


def test_no_journal_is_ok_unless_the_index_tells_of_one(studies: Path) -> None:
    journal = read_journal(studies)
    assert check_journal(journal, 0).state == OK
    assert check_journal(journal, 7).state == WARNING


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (SNAPSHOT + LABEL[:30], "its last line was written half"),
        (SNAPSHOT + LABEL[:30] + b"\n" + LABEL, "damaged at line 2"),
        (SNAPSHOT + b"\x00" * 60 + b"\n" + LABEL, "damaged at line 2"),
        (b'{"op": "label"}\n' + LABEL, "damaged at line 1"),
        (SNAPSHOT, "it ends at change 4, the index at 5"),
    ],
)
def test_a_journal_after_a_crash_is_a_warning(studies: Path, content: bytes, words: str) -> None:
    check = check_journal(read(studies, content), 5)
    assert (check.state, words in check.found) == (WARNING, True), check
    assert check.advice.startswith("The next start of the server repairs it")


def test_a_damaged_journal_does_not_replace_an_index(studies: Path) -> None:
    assert not read(studies, SNAPSHOT + b"{\n").replaces_index
    assert not read(studies, LABEL).replaces_index
    assert read(studies, SNAPSHOT + LABEL[:9]).replaces_index


def test_earlier_versions_are_counted_and_torn_ones_named(studies: Path) -> None:
    labels = studies / "labels"
    assert check_history(labels).found == "none"
    label = write_label(studies, "a")
    for image, version in (("a", "20260102T030405Z-1"), ("a", "20260102T030406Z-2"), ("b ü", "20260102T030405Z-1")):
        path = labels / ".history" / "final" / image / f"{version}.mrk.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(label.read_bytes())
        path.with_name(f"{version}.info.json").write_text(json.dumps({"reason": "replaced"}))
    assert check_history(labels).found == "3 of 2 labels are kept"
    path.write_bytes(path.read_bytes()[:40])
    check = check_history(labels)
    assert (check.state, "20260102T030405Z-1.mrk.json" in check.found) == (WARNING, True)
