"""A process that ends at any step of a change leaves the old state or the new one, also when the index is lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from app_readers import label_on_disk
from app_spots import spot_image, write_label
from app_studies import label_state, write_content

from lib.datastore import LandmarkDatastore
from monai_ext.landmarks import Markups
from monai_ext.studies import reader_of, readings

#: The system calls that change a disk; a crash is tried before each of them.
STEPS = ("replace", "fsync", "unlink", "write", "open", "link", "truncate", "ftruncate")
#: The lock's own file, which says nothing, is left to the package that makes the lock.
LOCK = ".lock"
#: What stays when a change is over; all else is temporary, earlier versions, or a folder.
JOURNAL, LABEL, INDEX = "journal.jsonl", "spot_00.mrk.json", "datastore_v2.json"
#: The steps of every change before its files take their places.
TOLD = [f"open {JOURNAL}", f"write {JOURNAL}", f"fsync {JOURNAL}"]
State = tuple[object, object, bool]

OLD, NEW = ("old", {"by": "old"}), ("new", {"by": "new"})


def state(studies: Path) -> State:
    """Label, draft and whether the image is there, as a fresh datastore finds them."""
    store = LandmarkDatastore(str(studies))
    return label_state(store, "spot_00"), label_state(store, "spot_00", "draft"), "spot_00" in store.objects


class Crash(BaseException):
    """The end of the process: from then on nothing that it does reaches the disk."""


class Run(NamedTuple):
    """One try of a change: whether it crashed, and the steps that it made, as ``call file``."""

    crashed: bool
    steps: list[str]


def run_and_crash(studies: Path, change: Callable[[LandmarkDatastore], object], step: int, *, readers: int = 1) -> Run:
    """Makes a change that ends before its n-th step; it does not crash when it has fewer steps."""
    store = LandmarkDatastore(str(studies), readers=readers)
    made: list[str] = []
    files: dict[object, str] = {}  # the names of open files

    def counted(name: str) -> Callable[..., object]:
        call = getattr(os, name)

        def counting(*args: object, **options: object) -> object:
            file = args[1] if name in ("replace", "link") else args[0]
            named = files[file] if isinstance(file, int) else Path(str(file)).name
            if named != LOCK:
                if len(made) == step:
                    raise Crash
                made.append(f"{name} {named}")
            if name == "fsync":
                return None  # the disk outlives the process: there is nothing to wait for
            found = call(*args, **options)
            if name == "open":
                files[found] = named
            return found

        return counting

    with pytest.MonkeyPatch.context() as patch:
        for name in STEPS:
            patch.setattr(os, name, counted(name))
        try:
            change(store)
        except Crash:
            return Run(True, made)
    return Run(False, made)


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
    ("change", "before", "after", "placed"),
    [
        (_save, (OLD, None, True), (NEW, None, True), [f"replace {LABEL}"]),
        (_note, (OLD, None, True), (("old", {"by": "new"}), None, True), []),
        (_restore, (OLD, None, True), (RESTORED, None, True), [f"replace {LABEL}"]),
        (lambda s: s.remove_label("spot_00", "final"), (OLD, None, True), (None, None, True), [f"unlink {LABEL}"]),
    ],
    ids=["save", "note", "restore", "delete"],
)
def test_label_is_the_old_or_the_new_one_with_its_notes(
    folder: Path, tmp_path: Path, change: Callable, before: State, after: State, placed: list[str], index: str
) -> None:
    write_content(tmp_path, "new")
    seen = []
    for step in range(200):
        studies = tmp_path / f"try {step}"
        shutil.copytree(folder, studies)
        run = run_and_crash(studies, change, step)
        if index == "lost":
            (studies / "datastore_v2.json").unlink()
        found = _without_version(state(studies))
        assert found in (before, after), f"step {step}"
        seen.append(found)
        if not run.crashed:
            break
        assert len(run.steps) == step
    assert not run.crashed
    assert len(seen) == len(run.steps) + 1, "a crash was tried before each step"
    assert [step for step in run.steps if step.split()[1] in (JOURNAL, LABEL, INDEX)] == [
        *TOLD,
        *placed,
        f"replace {INDEX}",
    ]
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
        run = run_and_crash(studies, _save, step)
        store = LandmarkDatastore(str(studies))
        kept = [version.info["by"] for version in store.label_versions("spot_00", "final")]
        assert kept == (["old", "older"] if label_state(store, "spot_00") == NEW else ["older"]), f"step {step}"
        if not run.crashed:
            break


def test_deleted_image_may_come_back_whole_but_never_loses_an_earlier_label(folder: Path, tmp_path: Path) -> None:
    for step in range(200):
        studies = tmp_path / f"try {step}"
        shutil.copytree(folder, studies)
        run = run_and_crash(studies, lambda store: store.remove_image("spot_00"), step)
        label, _, there = state(studies)
        versions = LandmarkDatastore(str(studies)).label_versions("spot_00", "final")
        assert label == OLD or "old" in [version.info["by"] for version in versions], f"step {step}"
        assert there == (studies / "spot_00.png").exists()
        if not run.crashed:
            break
    assert not there


def test_uploaded_image_is_the_old_or_the_new_file(folder: Path, tmp_path: Path) -> None:
    spot_image(7).save(tmp_path / "new.png")
    new, old = (tmp_path / "new.png").read_bytes(), (folder / "spot_01.png").read_bytes()
    found = []
    for step in range(200):
        studies = tmp_path / f"try {step}"
        shutil.copytree(folder, studies)
        run = run_and_crash(studies, lambda s: s.add_image("spot_01", str(tmp_path / "new.png"), {"by": "x"}), step)
        found.append((studies / "spot_01.png").read_bytes() == new)
        assert found[-1] or (studies / "spot_01.png").read_bytes() == old
        assert LandmarkDatastore(str(studies)).list_images() == ["spot_00", "spot_01"]
        if not run.crashed:
            break
    assert found[-1]
    assert LandmarkDatastore(str(studies)).get_image_info("spot_01")["by"] == "x"


@pytest.mark.parametrize("index", ["kept", "lost"])
@pytest.mark.parametrize("begun_with", [1, 2])
def test_second_reader_s_label_and_the_mean_come_together(
    make_studies: Callable[[int], Path], tmp_path: Path, begun_with: int, index: str
) -> None:
    folder = make_studies(1)
    first, second = (np.array([[10.25, 20], [60, 40]]), np.array([[13, 24.5], [62, 41]]))
    label = write_label(tmp_path / "l.mrk.json", folder / "spot_00.png", first)
    begun = LandmarkDatastore(str(folder), readers=begun_with)
    if begun_with == 1:
        begun.save_label("spot_00", str(label), "final", {"annotator": "ann", "by": "old"})
    else:
        begun.save_reading("spot_00", "final", Markups.read(label), {"by": "old"}, "ann")
    other = Markups.read(write_label(tmp_path / "l.mrk.json", folder / "spot_00.png", second))
    together = set()
    for step in range(200):
        studies = tmp_path / f"try {step}"
        shutil.copytree(folder, studies)
        run = run_and_crash(
            studies, lambda s: s.save_reading("spot_00", "final", other, {"by": "new"}, "ben"), step, readers=2
        )
        if index == "lost":
            (studies / "datastore_v2.json").unlink()
        store = LandmarkDatastore(str(studies), readers=2)
        held = {
            reader_of(label.info): (tag, label.info["by"]) for tag, label in readings(store.objects["spot_00"]).items()
        }
        assert held["ann"][1] == "old", f"step {step}"
        np.testing.assert_allclose(label_on_disk(studies, "spot_00", held["ann"][0]).points, first, atol=1e-9)
        there = "ben" in held
        if there:
            assert held["ben"] == ("reader2", "new")
            np.testing.assert_allclose(label_on_disk(studies, "spot_00", "reader2").points, second, atol=1e-9)
        expected = (first + second) / 2 if there else first
        np.testing.assert_allclose(label_on_disk(studies, "spot_00").points, expected, atol=1e-9)
        together.add(there)
        if not run.crashed:
            break
    assert together == {True, False}
    assert there
