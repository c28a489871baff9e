from __future__ import annotations

import re

import pytest

from monai_ext.landmarks import InputError, find_protocol, read_protocol, read_protocols
from monai_ext.landmarks.protocol_file import shipped_dir

TEXT = """\
name: task
title: Task
channels: grey
landmarks:
  - name: a
    description: First.
  - name: b
    description: Second.
measurements:
  - name: ab
    between: [a, b]
network:
  input_size: {width: 64, height: 48}
"""


def write(folder, text, name="task.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_reads_a_file(tmp_path):
    protocol = read_protocol(write(tmp_path, TEXT))
    assert protocol.landmark_names == ("a", "b")
    assert protocol.network.input_size.wh == (64, 48)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "mapping of keys to values, not None"),
        ("- a\n", 1, "mapping of keys to values"),
        ("name: [task\n", 2, "not valid YAML"),
        ("name: \x00", 1, "not valid YAML"),
        ("name: !!python/object:os.system {}\n", 1, "not valid YAML"),
        (TEXT.replace("channels: grey\n", ""), 1, "the key 'channels' is missing; add it"),
        (TEXT.replace("    description: First.\n", ""), 5, "the key 'landmarks.0.description' is missing"),
        (TEXT.replace("grey", "gray"), 3, "'gray'"),
        (TEXT.replace("title: Task", "title: 2020-01-01"), 2, "datetime.date"),
        (TEXT.replace("name: b", "name: a"), 4, "'a' occurs twice"),
        (TEXT.replace("name: b", "name: 5"), 7, "valid string (got 5)"),
        (TEXT.replace("width: 64", "width: 8"), 13, "network.input_size.width: .*32.*got 8"),
        (TEXT.replace("[a, b]", "[a]"), 10, "between 2 different landmarks"),
        (TEXT.replace("[a, b]", "[a, z]"), 1, "unknown landmark 'z'"),
        (TEXT + "colour: red\n", 14, "the key 'colour' is unknown; remove it or correct its spelling"),
        (TEXT + "1: red\n", 14, "Keys should be strings"),
        (TEXT + "title: Other\n", 14, "the key 'title' occurs twice"),
        (TEXT.replace("Second.\n", "Second.\n    name: c\n"), 9, "the key 'name' occurs twice"),
    ],
)
def test_refuses_with_the_file_the_line_and_the_reason(tmp_path, text, line, reason):
    path = write(tmp_path, text)
    reason = reason.replace("(got 5)", r"\(got 5\)")
    with pytest.raises(InputError, match=rf"task\.yaml, line {line}: .*{reason}") as caught:
        read_protocol(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_anchor_that_holds_itself_ends(tmp_path):
    with pytest.raises(InputError, match="'name' is missing"):
        read_protocol(write(tmp_path, "a: &x [*x]\n"))


def test_refuses_what_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml cannot be read"):
        read_protocol(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("title: für".encode("latin-1"))
    with pytest.raises(InputError, match=r"latin\.yaml cannot be read"):
        read_protocol(tmp_path / "latin.yaml")


def test_a_later_folder_replaces_a_name(tmp_path):
    for folder, title in (("one", "Task"), ("two", "Mine")):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, TEXT.replace("Task", title))
    write(tmp_path / "one", TEXT.replace("name: task", "name: other"), "z.yml")
    protocols = read_protocols([tmp_path / "one", tmp_path / "two"])
    assert {name: item.title for name, item in protocols.items()} == {"task": "Mine", "other": "Task"}


def test_two_files_of_one_folder_may_not_share_a_name(tmp_path):
    write(tmp_path, TEXT)
    write(tmp_path, TEXT, "task2.yaml")
    with pytest.raises(InputError, match=r"task\.yaml and .*task2\.yaml both define the protocol 'task'"):
        read_protocols([tmp_path])


def test_names_every_mistake_of_every_file(tmp_path):
    write(tmp_path, TEXT.replace("title: Task", "title: 5"), "a.yaml")
    write(tmp_path, TEXT, "b.yaml")
    write(tmp_path, TEXT, "c.yaml")
    write(tmp_path, "name: [\n", "d.yaml")
    with pytest.raises(InputError) as caught:
        read_protocols([tmp_path, tmp_path / "none"])
    sentence = str(caught.value)
    assert sentence.startswith("The protocols have 4 mistakes: (1) ")
    assert re.search(r"\(1\) \S*a\.yaml, line 2: title: .*got 5", sentence)
    assert re.search(r"\(2\) \S*b\.yaml and \S*c\.yaml both define the protocol 'task';", sentence)
    assert re.search(r"\(3\) \S*d\.yaml, line \d: not valid YAML", sentence)
    assert sentence.endswith(f"(4) The protocol folder {tmp_path / 'none'} does not exist.")


def test_a_folder_must_exist(tmp_path):
    with pytest.raises(InputError, match="none does not exist"):
        read_protocols([tmp_path / "none"])


def test_finds_by_path_and_by_shipped_name(tmp_path):
    assert find_protocol(write(tmp_path, TEXT)).name == "task"
    assert find_protocol("fundus") == read_protocol(shipped_dir("protocols") / "fundus.yaml")
    with pytest.raises(InputError, match=r"no protocol 'fondus'; use one of .*fundus.* or the path of a \.yaml file"):
        find_protocol("fondus")
