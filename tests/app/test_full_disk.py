"""A disk that is full: the request is refused with one sentence, and all that was saved stays as it was."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from app_pair import reviewed
from app_requests import assert_refused, client_of, put_label
from app_spots import spot_image, spot_points, write_label
from app_studies import write_content
from app_warm import warm

from lib.datastore import LandmarkDatastore
from lib.errors import StorageError

Save = tuple[str, str, dict[str, Any]]


def save_within(log: Path, *cases: tuple[Path, int, list[Save]]) -> list[tuple[list[str], list[str]]]:
    """Saves labels in folders where files cannot grow beyond a limit; the answers, and the labels' notes after."""
    document = json.dumps([(str(studies), limit, saves) for studies, limit, saves in cases])
    assert warm().run("app_limited", [document], log, {}).wait(120) == 0, log.read_text()
    return [tuple(json.loads(line)) for line in log.read_text().splitlines()[-len(cases) :]]


def files_of(studies: Path) -> dict[str, bytes]:
    return {str(p.relative_to(studies)): p.read_bytes() for p in sorted(studies.rglob("*")) if p.is_file()}


def studies_with_label(studies: Path, tmp_path: Path, saves: int) -> Path:
    studies.mkdir()
    for i in range(3):
        spot_image(i).save(studies / f"spot_{i:02}.png")
    store = LandmarkDatastore(str(studies))
    for number in range(saves):
        store.save_label("spot_00", write_content(tmp_path, "old"), "final", {"by": "old", "number": number})
    return studies


@pytest.mark.skipif(sys.platform != "linux", reason="the process is forked from one with loaded libraries")
def test_nothing_changes_whichever_file_is_too_much(tmp_path: Path) -> None:
    first, second = (studies_with_label(tmp_path / f"studies {saves}", tmp_path, saves) for saves in (1, 12))
    limit = max((first / name).stat().st_size for name in ("datastore_v2.json", "journal.jsonl")) + 1500
    journal_limit = (second / "journal.jsonl").stat().st_size + 100
    assert journal_limit > 2 * (second / "datastore_v2.json").stat().st_size
    large = tmp_path / "large.mrk.json"
    large.write_text(json.dumps({"markups": [], "content": "x" * (limit + 10)}))
    small = write_content(tmp_path, "small")
    saves: list[Save] = [
        ("spot_00", str(large), {"by": "too large a label"}),
        ("spot_00", small, {"by": "too large an index", "note": "x" * (limit + 10)}),
        ("spot_01", small, {"by": "me"}),
    ]
    before = files_of(second)
    done = save_within(
        tmp_path / "saves.log", (first, limit, saves), (second, journal_limit, [("spot_00", small, {"by": "new"})])
    )
    (answers, notes), (journal_answers, journal_notes) = done
    assert answers[2] == "saved"
    assert notes == ["old", "me"]
    for studies, answer in ((first, answers[0]), (first, answers[1]), (second, journal_answers[0])):
        assert f"The studies folder {studies} cannot be written (File too large): nothing was changed" in answer
    fresh = LandmarkDatastore(str(first))
    assert fresh.repairs == []
    assert json.loads(Path(fresh.get_label_uri("spot_00", "final")).read_text())["content"] == "old"
    assert fresh.label_versions("spot_00", "final") == []
    assert not list(first.rglob(".*.tmp"))
    assert journal_notes == ["old"]
    assert files_of(second) == before


def test_journal_goes_on_after_a_line_that_could_not_be_written(
    make_studies: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studies = make_studies(1)
    store = LandmarkDatastore(str(studies))
    write = os.write

    def half(descriptor: int, content: bytes) -> int:
        if len(content) < 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, content[: len(content) // 2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(StorageError, match="No space left on device"):
        store.save_label("spot_00", write_content(tmp_path, "a"), "final", {"by": "nobody"})
    monkeypatch.undo()
    store.save_label("spot_00", write_content(tmp_path, "a"), "final", {"by": "later"})
    (studies / "datastore_v2.json").unlink()
    fresh = LandmarkDatastore(str(studies))
    assert fresh.get_label_info("spot_00", "final")["by"] == "later"
    assert len(fresh.repairs) == 1
    assert "was lost" in fresh.repairs[0]


def fill(path: Path) -> None:
    """Writes until the disk is full."""
    with path.open("wb", buffering=0) as stream:
        while True:
            stream.write(b"x" * 4096)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except OSError as error:
        pytest.skip(f"A small file system cannot be mounted here: {error}.")
    if mounted.returncode:
        pytest.skip(f"A small file system cannot be mounted here: {mounted.stderr.strip()}.")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True, timeout=20)


def test_folder_that_can_only_be_read_is_refused_in_a_sentence_and_nothing_is_changed(
    app: Any, upload: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, content = client_of(app), upload()
    assert put_label(client, content, annotator="Ann").status_code == 200
    studies, open_file = app.datastore().folder, os.open
    before = files_of(studies / "labels")

    def open_read_only(path: Any, flags: int, *more: Any, **options: Any) -> int:
        if flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR) and str(path).startswith(str(studies)):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return open_file(path, flags, *more, **options)

    monkeypatch.setattr(os, "open", open_read_only)
    words = f"The studies folder {studies} cannot be written ({os.strerror(errno.EROFS)}): nothing was changed"
    for answer in (put_label(client, content), client.delete("/datastore/label?id=spot_00&tag=final")):
        assert_refused(answer, 507, words)
    with pytest.raises(StorageError, match="cannot be written"):
        LandmarkDatastore(str(studies))
    monkeypatch.undo()
    assert files_of(studies / "labels") == before
    assert put_label(client, content, annotator="Ben").status_code == 200


def test_full_disk_is_answered_with_507_and_the_server_goes_on(
    make_app: Callable[..., Any], small_disk: Path, tmp_path: Path
) -> None:
    for i in range(2):
        spot_image(i).save(small_disk / f"spot_{i:02}.png")
    app = make_app(small_disk)
    client = client_of(app)
    first, second = (
        write_label(tmp_path / f"{shift}.mrk.json", small_disk / "spot_00.png", spot_points(0) + shift).read_bytes()
        for shift in (0.0, 1.5)
    )
    assert put_label(client, first, annotator="Ann").status_code == 200
    assert reviewed(app, "spot_00")  # written after the answer
    index = (small_disk / "datastore_v2.json").read_bytes()
    filler = small_disk / "filler.bin"
    with pytest.raises(OSError, match="No space left"):
        fill(filler)
    for tag in ("final", "draft"):
        assert_refused(put_label(client, second, tag=tag, annotator="Ben"), 507, "No space left on device")
    assert_refused(client.delete("/datastore/label?id=spot_00&tag=final"), 507, "nothing was changed")
    assert client.get("/datastore/label?label=spot_00&tag=final").content == first
    assert (small_disk / "datastore_v2.json").read_bytes() == index
    assert client.get("/datastore/label/info?label=spot_00&tag=final").json()["annotator"] == "Ann"
    assert not list(small_disk.rglob(".*.tmp"))

    filler.unlink()
    assert put_label(client, second, annotator="Ben").status_code == 200
    assert client.get("/datastore/label?label=spot_00&tag=final").content == second
    assert [v["user"] for v in client.get("/datastore/label/history?image=spot_00").json()["versions"]] == ["Ann"]
