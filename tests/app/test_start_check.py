"""What ends a start early: a studies folder that is not there, a port that is taken; seen on real servers."""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from app_server import PROGRAM, end_group, launch, wait_until_up

from lib.start_check import check_start, remove_new_folders
from monai_ext.landmarks import InputError
from monai_ext.studies import check_studies_folder

APP_DIR = Path(__file__).resolve().parents[2] / "apps" / "landmarks"
SCRIPT = (str(Path(sys.executable).with_name("monailabel")),)


def refusal(studies: Path, log: Path, options: Sequence[str] = (), program: Sequence[str] | None = None) -> str:
    """The sentence with which a start ends; it is all that the server says for itself."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    server = launch(APP_DIR, studies, {}, log, options, {"PATH": path}, program=program)
    try:
        code = server.process.wait(timeout=120)
    finally:
        end_group(server.process)
    said = server.log()
    assert code == 2, said
    assert "Traceback" not in said
    assert "The landmarks server" not in said
    (sentence,) = [line for line in said.splitlines() if line.startswith("The landmarks app cannot start: ")]
    return sentence.removeprefix("The landmarks app cannot start: ")


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.server
@pytest.mark.parametrize("program", [None, SCRIPT], ids=["python -m monailabel.main", "monailabel"])
def test_a_mistyped_studies_folder_is_refused_and_not_made(tmp_path: Path, program: Sequence[str] | None) -> None:
    (tmp_path / "data" / "eyes" / "left").mkdir(parents=True)
    (tmp_path / "data" / "mail").mkdir()
    before = tree(tmp_path)
    mistyped = tmp_path / "data" / "eyse" / "left"

    said = refusal(mistyped, tmp_path / "log", program=program)

    close = tmp_path / "data" / "eyes" / "left"
    assert said == f"The studies folder {mistyped} does not exist, did you mean {close}; give a folder of images."
    assert tree(tmp_path) == sorted([*before, "log"])


def test_a_file_is_no_studies_folder(tmp_path: Path) -> None:
    file = tmp_path / "eye.png"
    file.touch()
    with pytest.raises(InputError, match=r"^The studies folder .*/eye.png is a file; give the folder that holds"):
        check_start(str(file), serves=False)


@pytest.mark.slow
@pytest.mark.server
def test_a_taken_port_is_told_before_anything_is_loaded(make_studies: Callable[[int], Path], tmp_path: Path) -> None:
    studies = make_studies(1)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refusal(studies, tmp_path / "log", ("--host", "0.0.0.0", "--port", str(port)))
    assert said.startswith(f"--port {port} of --host 0.0.0.0 cannot be used: taken by another program (")
    assert said.endswith(f"); choose another port, e.g. --port {port + 1}.")
    assert tree(studies) == ["spot_00.png"]  # the datastore was not opened


@pytest.mark.slow
@pytest.mark.server
def test_a_free_port_is_left_to_the_server_and_an_empty_folder_is_kept(tmp_path: Path) -> None:
    studies = tmp_path / "studies"
    options = ("--host", "localhost")  # a name that stands for an address of IPv4 and one of IPv6
    server = launch(APP_DIR, studies, {}, tmp_path / "log", options, program=PROGRAM, prepare=studies.mkdir)
    port = int(server.url.rpartition(":")[2])
    try:
        wait_until_up(server)
        said = refusal(studies, tmp_path / "second.log", (*options, "--port", str(port)))
    finally:
        end_group(server.process)
    assert said.startswith(f"--port {port} of --host localhost cannot be used: a landmarks server ")
    assert said.endswith(f" runs there already; choose another port, e.g. --port {port + 1}.")


def aged(folder: Path) -> Path:
    """A folder that was there when the process began."""
    os.utime(folder, (1.0e9, 1.0e9))
    return folder


def test_only_empty_folders_that_this_process_made_are_removed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "new" / "deeper" / "deepest").mkdir(parents=True)
    aged(kept)
    remove_new_folders(kept / "new" / "deeper" / "deepest")
    assert tree(tmp_path) == ["kept"]

    remove_new_folders(aged(kept))
    remove_new_folders(kept / "absent")
    assert tree(tmp_path) == ["kept"]


def test_a_new_folder_that_holds_something_stays(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ".hidden").touch()
    remove_new_folders(tmp_path / "new")
    assert tree(tmp_path) == ["new", "new/.hidden"]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("eyse", "eyes"),
        ("Eyes", "eyes"),
        ("eyse/lfet", "eyes/left"),
        ("eyes/lfet", "eyes/left"),
        ("eyes/left/1", None),
        ("eyse/nose", None),
        ("wings", None),
    ],
)
def test_the_closest_folder_is_named(tmp_path: Path, given: str, meant: str | None) -> None:
    (tmp_path / "eyes" / "left").mkdir(parents=True)
    (tmp_path / "eyess").touch()
    words = "" if meant is None else f", did you mean {tmp_path / meant}"
    with pytest.raises(InputError) as caught:
        check_studies_folder(tmp_path / given)
    assert str(caught.value) == f"The studies folder {tmp_path / given} does not exist{words}; give a folder of images."


def test_a_start_without_the_library_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in ("lib", "monai_ext")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "monai_ext", None)
    spec = importlib.util.spec_from_file_location("app_without_library", APP_DIR / "main.py")
    with pytest.raises(SystemExit) as ended:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "\nThe landmarks app cannot start: the Python package monai-landmarks is not installed beside monailabel: "
        'run `pip install -e ".[server]"` in the folder of the repository.\n\n'
    )
