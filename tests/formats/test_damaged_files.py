"""Damaged and half-written text files are read or refused in one sentence, never with another error."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from monai_ext.formats import FORMAT_NAMES, FORMATS, read_table, write_table
from monai_ext.landmarks import InputError

TEXT = [name for name in FORMAT_NAMES if name not in ("sleap", "deeplabcut-h5")]
PIECES = ["", "x", ",", ";", '"', "=", "-", "nan", "1e999", "<", ">", "&", "\n", "ü", "_", "0"]
VALUES: list[Any] = [None, True, 0, -1, 1.5, "", "x", [], {}, [1, 2], {"a": 1}, "nan", 10**300]


def damaged_text(text: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    row, place = rng.randrange(len(lines)), rng.randrange(len(text))
    ways = [
        text[:place],
        "".join(lines[:row] + lines[row + 1 :]),
        "".join(lines[: row + 1] + lines[row:]),
        text[:place] + rng.choice(PIECES) + text[place + rng.randrange(4) :],
    ]
    return rng.choice(ways)


def damaged_json(text: str, rng: random.Random) -> str:
    document = json.loads(text)
    parent: Any = {"root": document}
    key: Any = "root"
    while isinstance(parent[key], dict | list) and parent[key] and rng.random() < 0.85:
        parent = parent[key]
        key = rng.choice(list(parent)) if isinstance(parent, dict) else rng.randrange(len(parent))
    if isinstance(parent, dict) and "root" not in parent and rng.random() < 0.3:
        del parent[key]
    elif "root" in parent:
        document = rng.choice(VALUES)
    else:
        parent[key] = rng.choice(VALUES)
    return json.dumps(document)


@pytest.mark.parametrize("format", TEXT)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_damaged_file_is_read_or_refused_in_one_sentence(tmp_path: Path, table, frames, format) -> None:
    path = tmp_path / "table"
    write_table(path, table, format, frames=frames)
    file = min(path.iterdir()) if FORMATS[format].folder else path
    text, rng = file.read_text(), random.Random(format)
    refusals = []
    for _ in range(60):
        damage = damaged_json if text.startswith(("{", "[")) and rng.random() < 0.7 else damaged_text
        file.write_text(damage(text, rng))
        for stated in (format, None):
            try:
                read_table(path, format=stated, frames=frames)
            except InputError as error:
                refusals.append(str(error))
    assert len(refusals) > 20
    assert not [sentence for sentence in refusals if "\n" in sentence]


@pytest.mark.parametrize(
    ("format", "text", "message"),
    [
        ("label-studio", "7", "is not an export of Label Studio: it is not a list of tasks"),
        ("label-studio", "[7]", "task 1 must be an object, not 7"),
        ("label-studio", '[{"data": {"image": "a"}, "annotations": [{"result": 7}]}]', "must be a list, not 7"),
        ("via-csv", "filename,region_count\na.png,1\n", "the column 'file_size' of VIA is missing"),
        ("via", "[]", "is not a VIA file: it has no object of images"),
        ("labelme", "{}", "is not a labelme file: it has no list 'shapes'"),
        ("cvat", "<annotation></annotation>", "its outermost element is 'annotation', not 'annotations'"),
        ("wide", "a,b\n1,2\n", "one column must name the image"),
        ("napari", "a,b\n1,2\n", "the points have the axes none; an image has axis-0 and axis-1"),
    ],
)
def test_a_file_of_another_format_than_stated_is_refused(tmp_path, format, text, message) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(InputError, match=message):
        read_table(tmp_path / "x", format=format)
