"""A process that ends at any step of a change leaves the old state or the new one, also when the index is lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from app_spots import spot_image
from app_studies import label_state, write_content

from lib.datastore import LandmarkDatastore

#: The system calls that change a disk; a crash is tried before each of them.
STEPS = ("replace", "fsync", "unlink", "write", "open", "link", "truncate", "ftruncate")
State = tuple[object, object, bool]

OLD, NEW = ("old", {"by": "old"}), ("new", {"by": "new"})


def state(studies: Path) -> State:
    """Label, draft and whether the image is there, as a fresh datastore finds them."""
    store = LandmarkDatastore(str(studies))
    return label_state(store, "spot_00"), label_state(store, "spot_00", "draft"), "spot_00" in store.objects


class Crash(BaseException):
    """The end of the process: from then on nothing that it does reaches the disk."""


def run_and_crash(studies: Path, change: Callable[[LandmarkDatastore], object], step: int) -> bool:
    """Makes a change that ends before its n-th step; False when it has fewer steps."""
    store = LandmarkDatastore(str(studies))
    left, os_fsync = step, os.fsync  # the disk outlives the process: there is nothing to wait for

    def counted(call: Callable[..., object]) -> Callable[..., object]:
        def counting(*args: object, **options: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise Crash
            return None if call is os_fsync else call(*args, **options)

        return counting

    with pytest.MonkeyPatch.context() as patch:
        for name in STEPS:
            patch.setattr(os, name, counted(getattr(os, name)))
        try:
            change(store)
        except Crash:
            return True
    return False


@pytest.fixture
def folder(make_studies: Callable[[int], Path], tmp_path: Path) -> Path:
    studies = make_studies(2)
    store = LandmarkDatastore(str(studies))
    store.save_label("spot_00", write_content(tmp_path, "older"), "final", {"by": "older"})
    store.save_label("spot_00", write_content(tmp_path, "old"), "final", {"by": "old"})
    return studies


def _save(store: LandmarkDatastore) -> None:
    store.save_label("spot_00", str(store.folder.parent / "new.mrk.json"), "final", {"by": "new"})


def _note(store: LandmarkDatastore) -> None:
    store.update_label_info("spot_00", "final", {"by": "new"})


def _restore(store: LandmarkDatastore) -> None:
    store.restore_label("spot_00", "final", store.label_versions("spot_00", "final")[0], user="me")


RESTORED = ("older", {"by": "older", "restored_by": "me"})


@pytest.mark.parametrize("index", ["kept", "lost"])
@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        (_save, (OLD, None, True), (NEW, None, True)),
        (_note, (OLD, None, True), (("old", {"by": "new"}), None, True)),
        (_restore, (OLD, None, True), (RESTORED, None, True)),
        (lambda s: s.remove_label("spot_00", "final"), (OLD, None, True), (None, None, True)),
    ],
    ids=["save", "note", "restore", "delete"],
)
def test_label_is_the_old_or_the_new_one_with_its_notes(
    folder: Path, tmp_path: Path, change: Callable, before: State, after: State, index: str
) -> None:
    write_content(tmp_path, "new")
    seen = []
    for step in range(200):
        studies = tmp_path / f"try {step}"
        shutil.copytree(folder, studies)
        crashed = run_and_crash(studies, change, step)
        if index == "lost":
            (studies / "datastore_v2.json").unlink()
        found = _without_version(state(studies))
        assert found in (before, after), f"step {step}"
        seen.append(found)
        if not crashed:
            break
    assert len(seen) > 8
    assert seen[0] == before
    assert seen[-1] == after
    assert seen == sorted(seen, key=lambda found: found == after), "a later step undid the change"


def _without_version(found: State) -> State:
    label, draft, there = found
    if isinstance(label, tuple):
        label = (label[0], {name: value for name, value in label[1].items() if name != "restored_from"})
    return label, draft, there


def test_earlier_label_is_kept_whenever_the_present_one_is_replaced(folder: Path, tmp_path: Path) -> None:
    write_content(tmp_path, "new")
    for step in range(200):
        studies = tmp_path / f"try {step}"
        shutil.copytree(folder, studies)
        crashed = run_and_crash(studies, _save, step)
        store = LandmarkDatastore(str(studies))
        kept = [version.info["by"] for version in store.label_versions("spot_00", "final")]
        assert kept == (["old", "older"] if label_state(store, "spot_00") == NEW else ["older"]), f"step {step}"
        if not crashed:
            break


def test_deleted_image_may_come_back_whole_but_never_loses_an_earlier_label(folder: Path, tmp_path: Path) -> None:
    for step in range(200):
        studies = tmp_path / f"try {step}"
        shutil.copytree(folder, studies)
        crashed = run_and_crash(studies, lambda store: store.remove_image("spot_00"), step)
        label, _, there = state(studies)
        versions = LandmarkDatastore(str(studies)).label_versions("spot_00", "final")
        assert label == OLD or "old" in [version.info["by"] for version in versions], f"step {step}"
        assert there == (studies / "spot_00.png").exists()
        if not crashed:
            break
    assert not there


def test_uploaded_image_is_the_old_or_the_new_file(folder: Path, tmp_path: Path) -> None:
    spot_image(7).save(tmp_path / "new.png")
    new, old = (tmp_path / "new.png").read_bytes(), (folder / "spot_01.png").read_bytes()
    found = []
    for step in range(200):
        studies = tmp_path / f"try {step}"
        shutil.copytree(folder, studies)
        crashed = run_and_crash(studies, lambda s: s.add_image("spot_01", str(tmp_path / "new.png"), {"by": "x"}), step)
        found.append((studies / "spot_01.png").read_bytes() == new)
        assert found[-1] or (studies / "spot_01.png").read_bytes() == old
        assert LandmarkDatastore(str(studies)).list_images() == ["spot_00", "spot_01"]
        if not crashed:
            break
    assert found[-1]
    assert LandmarkDatastore(str(studies)).get_image_info("spot_01")["by"] == "x"
