"""The notes on images and labels outlive the loss of, and damage to, index and journal."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from app_studies import label_state, sent_notes, write_content

from lib.datastore import LandmarkDatastore
from monai_ext.studies import journal as journal_module

NOTES = {"protocol": "spots", "model_version": "v7", "displacement": {"bright": 1.5}, "user": "Ä"}


@pytest.fixture
def studies(make_studies: Callable[[int], Path], tmp_path: Path) -> Path:
    """A folder with a label, a draft with changed notes, a deleted label and a note on an image."""
    studies = make_studies(4)
    store = LandmarkDatastore(str(studies))
    store.save_label("spot_00", write_content(tmp_path, "a"), "final", NOTES)
    store.save_label("spot_01", write_content(tmp_path, "b"), "draft", {"user": "me"})
    store.update_label_info("spot_01", "draft", {"seen": 1})
    store.save_label("spot_02", write_content(tmp_path, "c"), "final", NOTES)
    store.remove_label("spot_02", "final")
    store.update_image_info("spot_03", {"camera": "one"})
    return studies


def index_file(studies: Path) -> Path:
    return studies / "datastore_v2.json"


def journal_file(studies: Path) -> Path:
    return studies / "journal.jsonl"


def check_notes(store: LandmarkDatastore) -> None:
    assert label_state(store, "spot_00") == ("a", NOTES)
    assert label_state(store, "spot_01", "draft") == ("b", {"user": "me", "seen": 1})
    assert label_state(store, "spot_02") is None
    assert store.get_image_info("spot_03")["camera"] == "one"
    assert store.list_images() == [f"spot_{i:02}" for i in range(4)]


def test_notes_come_back_when_the_index_is_lost(studies: Path) -> None:
    before = LandmarkDatastore(str(studies)).json()["objects"]
    index_file(studies).unlink()
    store = LandmarkDatastore(str(studies))
    check_notes(store)
    assert store.get_label_info("spot_00", "final")["ts"] == before["spot_00"]["labels"]["final"]["info"]["ts"]
    (sentence,) = store.repairs
    assert "datastore_v2.json was lost" in sentence
    assert LandmarkDatastore(str(studies)).repairs == []


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_notes_come_back_when_the_index_is_cut_short(studies: Path, share: float) -> None:
    whole = index_file(studies).read_bytes()
    index_file(studies).write_bytes(whole[: int(len(whole) * share)])
    store = LandmarkDatastore(str(studies))
    check_notes(store)
    assert len(store.repairs) == 1
    assert "is damaged" in store.repairs[0]


def test_notes_newer_than_an_index_from_a_backup_come_back(studies: Path, tmp_path: Path) -> None:
    backup = index_file(studies).read_bytes()
    LandmarkDatastore(str(studies)).save_label("spot_02", write_content(tmp_path, "new"), "final", {"user": "new"})
    index_file(studies).write_bytes(backup)
    store = LandmarkDatastore(str(studies))
    assert label_state(store, "spot_02") == ("new", {"user": "new"})
    assert label_state(store, "spot_00") == ("a", NOTES)


@pytest.mark.parametrize("rest", [b'{"n": 99, "op": "label", "ima', b"\0\0\0\0", b"{"])
def test_torn_last_line_is_taken_off_and_said(studies: Path, rest: bytes, tmp_path: Path) -> None:
    whole = journal_file(studies).read_bytes()
    journal_file(studies).write_bytes(whole + rest)
    index_file(studies).unlink()
    store = LandmarkDatastore(str(studies))
    check_notes(store)
    (sentence,) = store.repairs
    assert "was written half" in sentence
    store.save_label("spot_03", write_content(tmp_path, "d"), "final", {"user": "later"})
    index_file(studies).unlink()
    again = LandmarkDatastore(str(studies))
    assert label_state(again, "spot_03") == ("d", {"user": "later"})


def test_line_torn_by_another_process_while_running_is_no_obstacle(studies: Path, tmp_path: Path) -> None:
    store = LandmarkDatastore(str(studies))
    with journal_file(studies).open("ab") as stream:
        stream.write(b'{"n": 77, "op": "la')
    store.save_label("spot_03", write_content(tmp_path, "d"), "final", {"user": "later"})
    for line in journal_file(studies).read_bytes().splitlines():
        json.loads(line)
    index_file(studies).unlink()
    assert label_state(LandmarkDatastore(str(studies)), "spot_03") == ("d", {"user": "later"})


def test_damaged_line_in_the_middle_costs_only_itself(studies: Path) -> None:
    lines = journal_file(studies).read_bytes().splitlines(keepends=True)
    damaged = [b"\xff garbage\n" if b'"seen"' in line else line for line in lines]
    assert damaged != lines
    journal_file(studies).write_bytes(b"".join(damaged))
    index_file(studies).unlink()
    store = LandmarkDatastore(str(studies))
    assert label_state(store, "spot_00") == ("a", NOTES)
    assert label_state(store, "spot_01", "draft") == ("b", {"user": "me"})
    (aside,) = studies.glob("journal.jsonl.corrupt-*")
    assert aside.read_bytes() == b"".join(damaged)
    assert any(aside.name in sentence for sentence in store.repairs)
    assert LandmarkDatastore(str(studies)).repairs == []


def test_lost_journal_is_made_anew_from_the_index(studies: Path) -> None:
    journal_file(studies).unlink()
    store = LandmarkDatastore(str(studies))
    check_notes(store)
    (sentence,) = store.repairs
    assert "journal.jsonl was lost" in sentence
    index_file(studies).unlink()
    check_notes(LandmarkDatastore(str(studies)))


def test_index_without_a_journal_of_an_earlier_release_is_taken_over(studies: Path) -> None:
    journal_file(studies).unlink()
    document = json.loads(index_file(studies).read_text())
    del document["changes"]
    for entry in document["objects"].values():
        for label in entry["labels"].values():
            del label["sha256"]
    index_file(studies).write_text(json.dumps(document))
    store = LandmarkDatastore(str(studies))
    check_notes(store)
    assert store.repairs == []
    index_file(studies).unlink()
    check_notes(LandmarkDatastore(str(studies)))


def test_both_lost_leaves_the_labels_without_notes(studies: Path) -> None:
    index_file(studies).unlink()
    journal_file(studies).unlink()
    store = LandmarkDatastore(str(studies))
    assert label_state(store, "spot_00") == ("a", {})
    assert store.status() == {"total": 4, "completed": 1, "label_tags": {"final": 1, "draft": 1}}


def test_long_journal_becomes_a_snapshot_and_other_processes_follow(
    studies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "GROWTH", 2_000)
    store, other = LandmarkDatastore(str(studies)), LandmarkDatastore(str(studies))
    store.save_label("spot_03", write_content(tmp_path, "x"), "final", {})
    sizes = []
    for number in range(60):
        (store if number % 3 else other).update_label_info("spot_03", "final", {"number": number})
        sizes.append(journal_file(studies).stat().st_size)
    assert max(sizes) < 8_000
    assert sum(later < earlier for earlier, later in pairwise(sizes)) >= 3
    for reader in (store, other):
        reader.refresh()
        assert label_state(reader, "spot_03") == ("x", {"number": 59})
    index_file(studies).unlink()
    again = LandmarkDatastore(str(studies))
    check_notes_but_spot_03(again)
    assert label_state(again, "spot_03") == ("x", {"number": 59})


def check_notes_but_spot_03(store: LandmarkDatastore) -> None:
    assert label_state(store, "spot_00") == ("a", NOTES)
    assert label_state(store, "spot_01", "draft") == ("b", {"user": "me", "seen": 1})


def test_label_replaced_by_hand_does_not_keep_the_notes_of_the_earlier_one(studies: Path, tmp_path: Path) -> None:
    label = studies / "labels" / "final" / "spot_00.mrk.json"
    running = LandmarkDatastore(str(studies))
    os.replace(write_content(tmp_path, "by hand"), label)
    running.refresh()
    assert label_state(running, "spot_00") == ("by hand", {})
    os.replace(write_content(tmp_path, "again"), label)
    index_file(studies).unlink()
    assert label_state(LandmarkDatastore(str(studies)), "spot_00") == ("again", {})


def test_deleted_image_of_the_same_name_comes_back_without_its_old_notes(studies: Path) -> None:
    store = LandmarkDatastore(str(studies))
    picture = (studies / "spot_02.png").read_bytes()
    store.remove_image("spot_03")
    (studies / "spot_03.png").write_bytes(picture)
    index_file(studies).unlink()
    assert "camera" not in LandmarkDatastore(str(studies)).get_image_info("spot_03")


@pytest.mark.parametrize("value", [10**300, -0.0, 1e-300, "\u2028\n\x00", [[], {}], None, True])
def test_unusual_notes_are_kept_as_they_are(studies: Path, tmp_path: Path, value: object) -> None:
    LandmarkDatastore(str(studies)).save_label("spot_03", write_content(tmp_path, "d"), "final", {"value": value})
    assert sent_notes(LandmarkDatastore(str(studies)).get_label_info("spot_03", "final")) == {"value": value}
    index_file(studies).unlink()
    store = LandmarkDatastore(str(studies))
    assert sent_notes(store.get_label_info("spot_03", "final")) == {"value": value}
    check_notes(store)


def test_file_whose_name_is_not_unicode_does_not_break_the_index(
    studies: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name = os.fsencode(studies) + b"/\xff\xfe.png"
    try:
        with open(name, "wb") as stream:
            stream.write((studies / "spot_00.png").read_bytes())
    except OSError as error:
        pytest.skip(f"The file system takes no such name: {error}.")
    for _ in range(2):
        store = LandmarkDatastore(str(studies))
        check_notes(store)
        assert store.repairs == []
    assert "its name is not UTF-8" in caplog.text
