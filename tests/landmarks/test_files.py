from __future__ import annotations

import os

import pytest

from monai_ext.landmarks import InputError, write_atomically, write_json_atomically
from monai_ext.landmarks import files as module
from monai_ext.landmarks.files import read_json


def names(folder):
    return sorted(os.listdir(folder))


def test_writes_text_as_utf8_and_bytes_as_they_are(tmp_path):
    write_atomically(tmp_path / "a.txt", "Ä\r\n")
    write_atomically(tmp_path / "a.bin", b"\x00\r\n\xff")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\x84\r\n"
    assert (tmp_path / "a.bin").read_bytes() == b"\x00\r\n\xff"
    assert names(tmp_path) == ["a.bin", "a.txt"]


def test_makes_the_folders_and_replaces_the_file(tmp_path):
    path = tmp_path / "labels" / "final" / "a.json"
    write_atomically(path, "a longer old text")
    write_atomically(path, "new")
    assert path.read_text() == "new"


@pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o000, 0o644)])
def test_the_mode_follows_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "a", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step):
    path = tmp_path / "a.json"
    path.write_text("old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(module.os, step, fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.json"]


def test_the_new_content_is_complete_and_on_disk_before_the_rename(tmp_path, monkeypatch):
    path, steps = tmp_path / "a.json", []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(module.os, "fsync", lambda fd: (steps.append(("fsync", os.fstat(fd).st_size)), fsync(fd)))

    def checked_replace(source, target):
        steps.append(("replace", os.stat(source).st_size))
        assert os.path.dirname(source) == os.path.dirname(target)
        assert os.path.basename(source).startswith(".")
        replace(source, target)

    monkeypatch.setattr(module.os, "replace", checked_replace)
    write_atomically(path, "x" * 100_000)
    assert steps[:2] == [("fsync", 100_000), ("replace", 100_000)]


def test_a_long_file_name_is_no_obstacle(tmp_path):
    write_atomically(tmp_path / ("a" * 255), "x")
    assert names(tmp_path) == ["a" * 255]


def test_json_round_trip(tmp_path):
    document = {"a": [1, 2.5, None, True, "Ä\n"], "b": {}}
    write_json_atomically(tmp_path / "a.json", document)
    assert read_json(tmp_path / "a.json") == document
    assert (tmp_path / "a.json").read_text().endswith("}\n")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), {1, 2}, b"x"])
def test_json_refuses_what_json_lacks(tmp_path, value):
    (tmp_path / "a.json").write_text("old")
    with pytest.raises(InputError, match=r"a\.json cannot be written as JSON"):
        write_json_atomically(tmp_path / "a.json", {"x": value})
    assert (tmp_path / "a.json").read_text() == "old"


def test_read_json_takes_a_byte_order_mark(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf[1]")
    assert read_json(tmp_path / "a.json") == [1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"a\.json, line 1: not valid JSON"),
        (b'{\n"a": 1,\n}', r"a\.json, line 3: not valid JSON"),
        (b"\xff\xfe", r"a\.json cannot be read"),
        (b"[" * 200_000, r"a\.json is not usable JSON"),
        (b"1" * 10_000, r"a\.json is not usable JSON"),
    ],
)
def test_read_json_refuses(tmp_path, content, message):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_json(tmp_path / "a.json")


def test_read_json_names_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"none\.json cannot be read"):
        read_json(tmp_path / "none.json")
