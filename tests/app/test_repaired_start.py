"""What a start mends after a power cut: nothing is lost, and each repair is said in one sentence."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_requests import assert_refused, publish_random
from app_spots import spot_points, write_label
from app_studies import label_state, write_content
from fastapi.testclient import TestClient

from lib.datastore import LandmarkDatastore
from monai_ext.images import read_frame
from monai_ext.landmarks import Markups

LONG_AGO = 1_000_000_000


@pytest.fixture
def studies(make_studies: Callable[[int], Path], tmp_path: Path) -> Path:
    """A folder whose label of spot_00 has an earlier version, and that of spot_01 has none."""
    studies = make_studies(3)
    store = LandmarkDatastore(str(studies))
    for name in ("first", "second", "present"):
        store.save_label("spot_00", write_content(tmp_path, name), "final", {"by": name})
    store.save_label("spot_01", write_content(tmp_path, "only"), "draft", {"by": "only"})
    return studies


def label_file(studies: Path, image: str, tag: str = "final") -> Path:
    return studies / "labels" / tag / f"{image}.mrk.json"


def damage(path: Path, content: bytes | None = None) -> bytes:
    """Cuts a file short in place, or overwrites it; returns what it holds then."""
    damaged = path.read_bytes()[:11] if content is None else content
    path.write_bytes(damaged)
    return damaged


@pytest.mark.parametrize("content", [None, b"", b"\0" * 300, b"\xff\xfe", b"[1, 2]"])
def test_damaged_label_is_kept_aside_and_its_newest_version_put_back(studies: Path, content: bytes | None) -> None:
    damaged = damage(label_file(studies, "spot_00"), content)
    store = LandmarkDatastore(str(studies))
    (sentence,) = store.repairs
    assert "The final label of spot_00 is damaged" in sentence
    assert sentence.endswith("is put back: check it.")
    content_name, notes = label_state(store, "spot_00")
    version = notes.pop("restored_from")
    assert (content_name, notes) == ("second", {"by": "second"})
    assert version in [v.version for v in store.label_versions("spot_00", "final")]
    (aside,) = (studies / "labels" / ".damaged" / "final").iterdir()
    assert aside.read_bytes() == damaged
    assert str(aside.relative_to(studies)) in sentence
    again = LandmarkDatastore(str(studies))
    assert again.repairs == []
    assert label_state(again, "spot_00") == label_state(store, "spot_00")


def test_version_that_is_damaged_too_is_passed_over(studies: Path) -> None:
    store = LandmarkDatastore(str(studies))
    damage(store.label_versions("spot_00", "final")[0].path)
    damage(label_file(studies, "spot_00"))
    assert label_state(LandmarkDatastore(str(studies)), "spot_00")[0] == "first"


def test_damaged_label_without_a_version_is_no_longer_a_label(studies: Path) -> None:
    damaged = damage(label_file(studies, "spot_01", "draft"))
    store = LandmarkDatastore(str(studies))
    (sentence,) = store.repairs
    assert "The draft label of spot_01 is damaged" in sentence
    assert "the image has no draft label" in sentence
    assert store.status() == {"total": 3, "completed": 1, "label_tags": {"final": 1}}
    (aside,) = (studies / "labels" / ".damaged" / "draft").iterdir()
    assert aside.read_bytes() == damaged
    assert store.get_draft_images() == []


def test_damage_is_mended_when_the_index_is_damaged_as_well(studies: Path) -> None:
    damage(label_file(studies, "spot_00"))
    damage(studies / "datastore_v2.json")
    store = LandmarkDatastore(str(studies))
    assert label_state(store, "spot_00")[0] == "second"
    assert label_state(store, "spot_01", "draft") == ("only", {"by": "only"})
    assert [("index" in s, "label of spot_00" in s) for s in store.repairs] == [(True, False), (False, True)]


def test_damaged_label_that_was_placed_by_hand_while_the_server_was_down(studies: Path) -> None:
    label_file(studies, "spot_02").write_text('{"markups": [')
    store = LandmarkDatastore(str(studies))
    assert "The final label of spot_02 is damaged" in store.repairs[0]
    assert store.get_labeled_images() == ["spot_00"]


def test_label_placed_by_hand_while_the_server_was_down_is_taken_in(studies: Path, tmp_path: Path) -> None:
    write_label(label_file(studies, "spot_02"), studies / "spot_02.png", spot_points(2))
    shutil.copy(write_content(tmp_path, "by hand"), label_file(studies, "spot_00"))
    label_file(studies, "spot_01", "draft").unlink()
    store = LandmarkDatastore(str(studies))
    assert store.repairs == []
    assert store.get_labeled_images() == ["spot_00", "spot_02"]
    assert label_state(store, "spot_00") == ("by hand", {})
    assert store.status()["label_tags"] == {"final": 2}


def test_only_a_server_mends(studies: Path) -> None:
    """A training that starts meanwhile may see a file that a person is just copying."""
    damaged = damage(label_file(studies, "spot_00"))
    store = LandmarkDatastore(str(studies), repair=False)
    store.refresh()
    assert store.repairs == []
    assert label_file(studies, "spot_00").read_bytes() == damaged
    assert store.get_labeled_images() == ["spot_00"]


@pytest.mark.parametrize("readers", [1, 2])
@pytest.mark.parametrize("is_index_lost", [False, True])
def test_damaged_mean_of_two_readers_is_made_again_and_no_label_of_an_earlier_time_put_back(
    make_studies: Callable[[int], Path], tmp_path: Path, readers: int, is_index_lost: bool
) -> None:
    studies = make_studies(1)
    old, ann, ben = (spot_points(0) + np.array([shift, 0.0]) for shift in (5.0, 0.0, -2.0))

    def markups(points: object) -> Markups:
        return Markups.read(write_label(tmp_path / "l.mrk.json", studies / "spot_00.png", points))

    store = LandmarkDatastore(str(studies))
    for points in (old, ann):
        store.store_label("spot_00", "final", markups(points).content, {"annotator": "ann"})
    LandmarkDatastore(str(studies), readers=2).save_reading("spot_00", "final", markups(ben), {}, "ben")
    damaged = damage(label_file(studies, "spot_00"))
    if is_index_lost:
        (studies / "datastore_v2.json").unlink()
        (studies / "journal.jsonl").unlink()

    store = LandmarkDatastore(str(studies), readers=readers)

    (sentence,) = store.repairs
    assert sentence.endswith("; it is made of the labels of its readers again.")
    found = Markups.read(label_file(studies, "spot_00")).landmarks(read_frame(studies / "spot_00.png"))
    np.testing.assert_allclose(found.points, (ann + ben) / 2, atol=1e-6)
    assert set(store.get_label_info("spot_00", "final")["consensus_of"]) == {"reader1", "reader2"}
    (aside,) = (studies / "labels" / ".damaged" / "final").iterdir()
    assert aside.read_bytes() == damaged
    assert LandmarkDatastore(str(studies), readers=readers).repairs == []


def temporary(folder: Path, age: float | None = LONG_AGO) -> Path:
    path = folder / f".{uuid.uuid4().hex}.tmp"
    path.write_bytes(b"half")
    if age is not None:
        os.utime(path, (age, age))
    return path


def test_temporary_files_of_ended_processes_are_removed_and_no_others(studies: Path) -> None:
    folders = [studies, studies / "labels" / "final", studies / "labels" / ".history" / "final" / "spot_00"]
    ours = [temporary(folder) for folder in folders]
    young = temporary(studies, age=None)
    others = [studies / ".lock.tmp", studies / ".abc.tmp", studies / f"{uuid.uuid4().hex}.tmp"]
    for path in others:
        path.write_bytes(b"mine")
        os.utime(path, (LONG_AGO, LONG_AGO))
    store = LandmarkDatastore(str(studies))
    assert store.repairs == [f"3 half-written temporary files in {studies} were removed."]
    assert not any(path.exists() for path in ours)
    assert young.exists()
    assert all(path.exists() for path in others)


def test_all_at_once(studies: Path, tmp_path: Path) -> None:
    index, journal = studies / "datastore_v2.json", studies / "journal.jsonl"
    damage(index)
    journal.write_bytes(journal.read_bytes() + b'{"n": 1000, "op": "lab')
    damage(label_file(studies, "spot_00"))
    damage(label_file(studies, "spot_01", "draft"), b"")
    temporary(studies / "labels" / "draft")
    (studies / ".lock").write_text("4242")
    store = LandmarkDatastore(str(studies), lock_seconds=1)
    found = ("index", "last line of", "temporary", "final label of spot_00", "draft label of spot_01")
    assert len(store.repairs) == len(found)
    for words in found:
        assert sum(words in sentence for sentence in store.repairs) == 1, words
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in store.repairs)
    assert label_state(store, "spot_00")[0] == "second"
    store.save_label("spot_02", write_content(tmp_path, "later"), "final", {"by": "later"})
    again = LandmarkDatastore(str(studies))
    assert again.repairs == []
    assert label_state(again, "spot_02") == ("later", {"by": "later"})
    json.loads(index.read_text())


def test_half_written_model_answers_nothing_and_names_the_version_to_go_back_to(app: Any, client: TestClient) -> None:
    publish_random(app, seed=0)
    publish_random(app, seed=1)
    folder = app.settings.model_root / "spots"
    weights = folder / "v2.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    for _ in range(2):
        response = client.post("/infer/spots?image=spot_00&output=json")
        assert_refused(response, 409, "go back to v1: `monai-landmarks models --models ")
        assert str(weights) in response.json()["detail"]
    shutil.copy(folder / "v1.json", folder / "card.json")
    assert client.post("/infer/spots?image=spot_00&output=json").json()["model_version"] == "v1"
