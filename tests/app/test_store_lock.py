"""The lock between processes: freed by kill -9, not held by a file that was left, and waited for with an end."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from app_requests import assert_refused, local_client, put_label
from app_studies import label_state, write_content
from fastapi import FastAPI

from lib.datastore import LandmarkDatastore
from lib.errors import LockedError
from lib.routes import install_routes

HOLD = """
import sys, time
from filelock import FileLock

lock = FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


@contextmanager
def held_by_another_process(studies: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(studies / ".lock")], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait(timeout=20)
        process.stdout.close()


@pytest.fixture
def studies(make_studies: Callable[[int], Path]) -> Path:
    return make_studies(2)


def test_lock_is_free_once_its_holder_is_killed(studies: Path, tmp_path: Path) -> None:
    store = LandmarkDatastore(str(studies), lock_seconds=0.2)
    label = write_content(tmp_path, "a")
    with held_by_another_process(studies) as holder:
        with pytest.raises(LockedError, match=r"\.lock was held for more than 0\.2 seconds"):
            store.save_label("spot_00", label, "final", {})
        assert store.list_images() == ["spot_00", "spot_01"]
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(timeout=20)
        store.save_label("spot_00", label, "final", {"user": "me"})
    assert label_state(store, "spot_00") == ("a", {"user": "me"})


@pytest.mark.parametrize("content", [b"", b"12345", b"\0" * 5000])
def test_lock_file_that_was_left_does_not_block(studies: Path, tmp_path: Path, content: bytes) -> None:
    (studies / ".lock").write_bytes(content)
    store = LandmarkDatastore(str(studies), lock_seconds=0.2)
    store.save_label("spot_00", write_content(tmp_path, "a"), "final", {})
    assert store.get_labeled_images() == ["spot_00"]
    assert store.repairs == []


def test_threads_wait_for_each_other_only_so_long(studies: Path, tmp_path: Path) -> None:
    store = LandmarkDatastore(str(studies), lock_seconds=0.3)
    label = write_content(tmp_path, "a")
    errors: list[BaseException] = []

    def save() -> None:
        try:
            store.save_label("spot_00", label, "final", {})
        except LockedError as error:
            errors.append(error)

    with held_by_another_process(studies):
        threads = [threading.Thread(target=save) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in threads)
    assert len(errors) == 4
    save()
    assert len(errors) == 4
    assert store.get_labeled_images() == ["spot_00"]


def test_locked_folder_is_answered_with_503_and_can_still_be_read(app: Any, upload: Callable[..., bytes]) -> None:
    folder = app.datastore().folder
    service = dataclasses.replace(app.service, datastore=LandmarkDatastore(str(folder), lock_seconds=0.2))
    web = FastAPI()
    install_routes(web, service, app)
    client = local_client(web)
    with held_by_another_process(folder):
        assert_refused(put_label(client, upload()), 503, str(folder / ".lock"))
        assert client.get("/datastore/images").json()["total"] == 3
    assert put_label(client, upload()).status_code == 200


def test_start_on_a_locked_folder_says_so(studies: Path) -> None:
    with held_by_another_process(studies), pytest.raises(LockedError, match="The studies folder is locked"):
        LandmarkDatastore(str(studies), lock_seconds=0.2)
