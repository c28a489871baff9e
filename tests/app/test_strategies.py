from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import time

import pytest
from app_spots import spot_points, write_label

from lib.datastore import LandmarkDatastore
from lib.strategies import First, Random


@pytest.fixture
def store(make_studies: Callable[[int], Path], tmp_path: Path) -> LandmarkDatastore:
    return LandmarkDatastore(str(make_studies(4)))


@pytest.fixture
def label(store: LandmarkDatastore, tmp_path: Path) -> str:
    return str(write_label(tmp_path / "l.mrk.json", store.folder / "spot_00.png", spot_points(0)))


def test_first_is_stable_and_skips_labelled_images(store: LandmarkDatastore, label: str) -> None:
    assert [First()({}, store) for _ in range(3)] == [{"id": "spot_00"}] * 3
    store.save_label("spot_00", label, "final", {})
    assert First()({}, store) == {"id": "spot_01"}


@pytest.mark.parametrize("strategy", [First(), Random()])
def test_drafts_come_last_and_labelled_images_never(
    store: LandmarkDatastore, label: str, strategy: First | Random
) -> None:
    for i, tag in enumerate(["draft", "final", "draft", "original"]):
        store.save_label(f"spot_{i:02}", label, tag, {})
    for _ in range(20):
        assert strategy({}, store)["id"] == "spot_03"
    store.save_label("spot_03", label, "final", {})
    assert {strategy({}, store)["id"] for _ in range(40)} <= {"spot_00", "spot_02"}
    store.save_label("spot_00", label, "final", {})
    store.save_label("spot_02", label, "final", {})
    assert strategy({}, store) is None


def test_random_prefers_what_was_not_offered(store: LandmarkDatastore) -> None:
    for i in range(3):
        store.update_image_info(f"spot_{i:02}", {"strategy": {"random": {"ts": int(time())}}})
    drawn = Counter(Random()({"strategy": "random"}, store)["id"] for _ in range(50))
    assert drawn == {"spot_03": 50}


def test_random_draws_when_all_were_just_offered_or_notes_are_odd(store: LandmarkDatastore) -> None:
    for i, note in enumerate([{"random": {"ts": int(time()) + 60}}, {"random": "x"}, ["x"], {"random": {"ts": "y"}}]):
        store.update_image_info(f"spot_{i:02}", {"strategy": note})
    assert Random()({"strategy": "random"}, store)["id"] in store.list_images()
