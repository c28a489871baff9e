from __future__ import annotations

import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from app_spots import spot_image, spot_points, write_label

from lib.datastore import LandmarkDatastore
from lib.errors import NotFoundError, StorageError
from monai_ext.landmarks import InputError
from monai_ext.studies import watcher
from monai_ext.studies.watcher import watch_studies


@pytest.fixture
def studies(make_studies: Callable[[int], Path]) -> Path:
    return make_studies(3)


@pytest.fixture
def label(studies: Path, tmp_path: Path) -> str:
    return str(write_label(tmp_path / "upload.mrk.json", studies / "spot_00.png", spot_points(0)))


def index_of(studies: Path) -> dict:
    return json.loads((studies / "datastore_v2.json").read_text())["objects"]


def place_by_hand(studies: Path, image: str, tag: str = "final") -> Path:
    path = studies / "labels" / tag / f"{image}.mrk.json"
    return write_label(path, studies / f"{image}.png", spot_points(0))


def test_images_are_images_and_labels_are_labels(studies: Path) -> None:
    place_by_hand(studies, "spot_01")
    (studies / "notes.json").write_text("{}")
    (studies / "stray.mrk.json").write_text("{}")
    (studies / ".hidden.png").write_bytes(b"")
    (studies / "labels" / "final" / "spot_02.png").write_bytes(b"")
    for _ in range(2):  # the second time the index lies in the folder
        store = LandmarkDatastore(str(studies))
        assert store.list_images() == ["spot_00", "spot_01", "spot_02"]
        assert store.get_labeled_images() == ["spot_01"]
    assert store.status() == {"total": 3, "completed": 1, "label_tags": {"final": 1}}


@pytest.mark.parametrize(
    ("name", "image_id"),
    [
        ("eye.left.nii.gz", "eye.left"),
        ("a.png.png", "a.png"),
        ("PHOTO.JPG", "PHOTO"),
        ("p.01.tif", "p.01"),
        ("scan.nii", "scan"),
    ],
)
def test_id_is_the_name_without_the_whole_extension(tmp_path: Path, name: str, image_id: str) -> None:
    (tmp_path / name).write_bytes(b"image")
    store = LandmarkDatastore(str(tmp_path))
    assert store.list_images() == [image_id]
    assert store.get_image_uri(image_id) == str(tmp_path / name)


def test_two_images_with_one_id_are_warned_of_and_the_known_one_stays(
    studies: Path, caplog: pytest.LogCaptureFixture
) -> None:
    LandmarkDatastore(str(studies))
    spot_image(9).save(studies / "spot_00.bmp")
    with caplog.at_level(logging.WARNING):
        store = LandmarkDatastore(str(studies))
    assert store.get_image_uri("spot_00").endswith("spot_00.png")
    assert "spot_00.bmp is not used" in caplog.text


def test_labels_survive_a_restart_with_their_info(studies: Path, label: str) -> None:
    LandmarkDatastore(str(studies)).save_label("spot_00", label, "final", {"model_version": "v7"})
    store = LandmarkDatastore(str(studies))
    assert store.get_label_info("spot_00", "final")["model_version"] == "v7"
    assert Path(store.get_label_uri("spot_00", "final")).read_bytes() == Path(label).read_bytes()
    assert store.datalist() == [
        {
            "image": str(studies / "spot_00.png"),
            "label": str(studies / "labels" / "final" / "spot_00.mrk.json"),
        }
    ]


def test_label_placed_by_hand_is_seen_after_a_refresh_and_gone_when_deleted(studies: Path) -> None:
    store = LandmarkDatastore(str(studies))
    path = place_by_hand(studies, "spot_02")
    store.refresh()
    assert store.get_labeled_images() == ["spot_02"]
    path.unlink()
    store.refresh()
    assert store.get_labeled_images() == []
    assert store.status()["label_tags"] == {}


def test_an_image_that_was_away_comes_back_with_the_notes_on_its_labels(studies: Path, tmp_path: Path) -> None:
    store = LandmarkDatastore(str(studies))
    for name in ("spot_00", "spot_01"):
        file = write_label(tmp_path / "label.mrk.json", studies / f"{name}.png", spot_points(0))
        store.save_label(name, str(file), "final", {"annotator": "ann", "model_version": "v7"})
    noted = store.get_label_info("spot_00", "final")
    for name in ("spot_00", "spot_01"):
        (studies / f"{name}.png").rename(tmp_path / f"{name}.png")
    store.refresh()
    assert store.get_labeled_images() == []

    write_label(studies / "labels" / "final" / "spot_01.mrk.json", tmp_path / "spot_01.png", spot_points(3))
    for name in ("spot_00", "spot_01"):
        (tmp_path / f"{name}.png").rename(studies / f"{name}.png")
    store.refresh()
    assert store.get_label_info("spot_00", "final") == noted
    assert "annotator" not in store.get_label_info("spot_01", "final")  # replaced by hand meanwhile


def test_running_datastore_takes_in_files_placed_by_hand(studies: Path) -> None:
    store = LandmarkDatastore(str(studies), auto_reload=True)
    place_by_hand(studies, "spot_01")
    spot_image(7).save(studies / "new.png")
    deadline = time.monotonic() + 20
    while (store.get_labeled_images(), len(store.list_images())) != (["spot_01"], 4) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert store.get_labeled_images() == ["spot_01"]
    assert store.list_images() == ["spot_00", "spot_01", "spot_02", "new"]


@pytest.mark.slow
@pytest.mark.parametrize("polling", [False, True])
def test_watcher_reports_a_renamed_label_and_no_other_file(studies: Path, polling: bool) -> None:
    place_by_hand(studies, "spot_00")
    calls: list[float] = []
    watch_studies(studies, studies / "datastore_v2.json", lambda: calls.append(time.monotonic()), polling=polling)
    time.sleep(1.5 if polling else 0.1)
    (studies / "unrelated.txt").write_text("x")
    (studies / ".lock").write_text("")
    time.sleep(1.5 if polling else 0.6)
    assert calls == []
    os.replace(studies / "labels/final/spot_00.mrk.json", studies / "labels/final/spot_01.mrk.json")
    deadline = time.monotonic() + 20
    while not calls and time.monotonic() < deadline:
        time.sleep(0.05)
    assert calls


def test_watcher_reports_changes_that_never_pause(studies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "LONGEST_WAIT_SECONDS", 0.5)
    calls: list[float] = []
    watch_studies(studies, studies / "datastore_v2.json", lambda: calls.append(time.monotonic()), polling=False)
    deadline = time.monotonic() + 20
    while not calls and time.monotonic() < deadline:
        (studies / "datastore_v2.json").write_text("{}")
        time.sleep(0.02)
    assert calls


def test_lost_index_is_rebuilt_from_the_files(studies: Path, label: str) -> None:
    store = LandmarkDatastore(str(studies))
    store.save_label("spot_00", label, "final", {})
    store.save_label("spot_01", label, "draft", {})
    (studies / "datastore_v2.json").unlink()
    for fresh in (LandmarkDatastore(str(studies)), store):
        fresh.refresh()
        assert fresh.get_labeled_images() == ["spot_00"]
        assert fresh.get_draft_images() == ["spot_01"]
    assert set(index_of(studies)) == {"spot_00", "spot_01", "spot_02"}


@pytest.mark.parametrize("content", [b"", b'{"name": "x", "objects": {"spot', b"\xff\xfe", b'["a list"]'])
def test_damaged_index_is_kept_aside_and_rebuilt(
    studies: Path, label: str, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    LandmarkDatastore(str(studies)).save_label("spot_00", label, "final", {})
    (studies / "datastore_v2.json").write_bytes(content)
    with caplog.at_level(logging.WARNING):
        store = LandmarkDatastore(str(studies))
    assert store.get_labeled_images() == ["spot_00"]
    (aside,) = studies.glob("datastore_v2.json.corrupt-*")
    assert aside.read_bytes() == content
    assert aside.name in caplog.text
    assert index_of(studies)["spot_00"]["labels"].keys() == {"final"}


def test_index_damaged_while_running_loses_nothing(studies: Path, label: str) -> None:
    store = LandmarkDatastore(str(studies))
    store.save_label("spot_00", label, "final", {"model_version": "v3"})
    (studies / "datastore_v2.json").write_text("{")
    store.save_label("spot_01", label, "final", {})
    assert LandmarkDatastore(str(studies)).get_label_info("spot_00", "final")["model_version"] == "v3"
    assert store.get_labeled_images() == ["spot_00", "spot_01"]


def test_failed_index_write_leaves_the_old_index_and_raises(
    studies: Path, label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LandmarkDatastore(str(studies))
    before = (studies / "datastore_v2.json").read_bytes()
    replace = os.replace

    def full_disk(source: object, target: object) -> None:
        if str(target).endswith("datastore_v2.json"):
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(StorageError, match="No space left"):
        store.save_label("spot_00", label, "final", {})
    assert (studies / "datastore_v2.json").read_bytes() == before
    monkeypatch.undo()
    assert LandmarkDatastore(str(studies)).get_labeled_images() == ["spot_00"]  # the file itself was saved


def test_saves_of_several_datastores_on_one_folder_are_all_kept(studies: Path, label: str) -> None:
    for i in range(3, 24):
        shutil.copy(studies / "spot_00.png", studies / f"spot_{i:02}.png")
    stores = [LandmarkDatastore(str(studies)) for _ in range(3)]

    def save(worker: int) -> None:
        for i in range(worker, 24, 3):
            stores[worker].save_label(f"spot_{i:02}", label, "final", {"worker": worker})

    threads = [threading.Thread(target=save, args=(worker,)) for worker in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    labels = {image: entry["labels"]["final"]["info"]["worker"] for image, entry in index_of(studies).items()}
    assert labels == {f"spot_{i:02}": i % 3 for i in range(24)}


def test_draft_is_kept_does_not_count_and_ends_with_the_final_label(studies: Path, label: str) -> None:
    store = LandmarkDatastore(str(studies))
    store.save_label("spot_00", label, "draft", {})
    draft = studies / "labels" / "draft" / "spot_00.mrk.json"
    assert draft.is_file()
    assert (store.get_draft_images(), store.get_labeled_images()) == (["spot_00"], [])
    assert store.datalist() == []
    store.save_label("spot_00", label, "final", {})
    assert (store.get_draft_images(), store.get_labeled_images()) == ([], ["spot_00"])
    assert not draft.exists()


@pytest.mark.parametrize("extension", [".png", ".bmp"])
def test_replacing_an_image_keeps_its_labels_and_notes(
    studies: Path, label: str, tmp_path: Path, extension: str
) -> None:
    store = LandmarkDatastore(str(studies))
    store.save_label("spot_00", label, "final", {})
    store.update_image_info("spot_00", {"note": "keep"})
    spot_image(5).save(tmp_path / f"other{extension}")
    assert store.add_image("spot_00", str(tmp_path / f"other{extension}"), {"source": "camera"}) == "spot_00"
    for fresh in (store, LandmarkDatastore(str(studies))):
        assert fresh.get_labeled_images() == ["spot_00"]
        info = fresh.get_image_info("spot_00")
        assert (info["note"], info["source"], info["name"]) == ("keep", "camera", f"spot_00{extension}")
    assert [path.name for path in studies.glob("spot_00.*")] == [f"spot_00{extension}"]
    assert (studies / f"spot_00{extension}").read_bytes() == (tmp_path / f"other{extension}").read_bytes()


def test_removing_updates_counts_and_files(studies: Path, label: str) -> None:
    store = LandmarkDatastore(str(studies))
    store.save_label("spot_00", label, "final", {})
    store.save_label("spot_01", label, "final", {})
    store.remove_label("spot_00", "final")
    assert store.status() == {"total": 3, "completed": 1, "label_tags": {"final": 1}}
    store.remove_image("spot_01")
    assert store.status() == {"total": 2, "completed": 0, "label_tags": {}}
    assert list((studies / "labels" / "final").iterdir()) == []
    assert not (studies / "spot_01.png").exists()


def _nested(depth: int) -> dict:
    info: dict = {}
    for _ in range(depth):
        info = {"deeper": info}
    return info


@pytest.mark.parametrize("info", [{"x": float("nan")}, {"x": "\ud800"}, _nested(200), {"x": object()}, ["list"]])
def test_notes_that_would_break_the_index_are_refused_and_nothing_is_stored(
    studies: Path, label: str, info: object
) -> None:
    store = LandmarkDatastore(str(studies))
    before = (studies / "datastore_v2.json").read_bytes()
    with pytest.raises(InputError, match="info of an image or label"):
        store.save_label("spot_00", label, "final", info)
    with pytest.raises(InputError, match="info of an image or label"):
        store.update_image_info("spot_00", info)
    assert (studies / "datastore_v2.json").read_bytes() == before
    assert not (studies / "labels" / "final" / "spot_00.mrk.json").exists()


def test_unknown_ids_tags_and_paths_are_refused(studies: Path, label: str, tmp_path: Path) -> None:
    store = LandmarkDatastore(str(studies))
    with pytest.raises(NotFoundError):
        store.save_label("nobody", label, "final", {})
    with pytest.raises(NotFoundError):
        store.get_image_info("nobody")
    with pytest.raises(NotFoundError):
        store.remove_label("spot_00", "final")
    with pytest.raises(NotFoundError):
        store.get_label_info("spot_00", "final")
    with pytest.raises(InputError, match="'finale' is unknown; use one of final, draft, original"):
        store.save_label("spot_00", label, "finale", {})
    spot_image(0).save(tmp_path / "x.png")
    for bad in ("../up", "a/b", ".hidden", "a\\b", "x" * 300):
        with pytest.raises(InputError, match="cannot be an image ID"):
            store.add_image(bad, str(tmp_path / "x.png"), {})
    with pytest.raises(InputError, match="is not an image"):
        store.add_image("x", label, {})
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["upload.mrk.json", "x.png"]


def test_archive_without_labels_is_refused(studies: Path) -> None:
    with pytest.raises(InputError, match="no final label"):
        LandmarkDatastore(str(studies)).get_dataset_archive(None)


def test_readers_never_see_an_empty_table_while_the_folder_is_read(studies: Path) -> None:
    store = LandmarkDatastore(str(studies))
    done = threading.Event()
    seen: set[int] = set()

    def read() -> None:
        while not done.is_set():
            seen.add(len(store.list_images()))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(100):
        store.refresh()
    done.set()
    reader.join()
    assert seen == {3}
