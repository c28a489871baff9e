from __future__ import annotations

import json
from pathlib import Path

import pytest
from doctor_cases import write_label

from monai_ext.doctor.check import OK, WARNING
from monai_ext.doctor.studies import check_history, check_journal
from monai_ext.studies import JournalState, read_journal

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
