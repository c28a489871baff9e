"""The name that an import states for its labels, in a folder that no server has opened."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import sys
from pathlib import Path

import pytest

from monai_ext.importing.checked import CheckedImport
from monai_ext.landmarks import read_protocol
from monai_ext.structured_reports import read_report

sys.path[:0] = [str(Path(__file__).parents[1] / "structured_reports")]
from dicom_images import dicom_image, write_dicom  # noqa: E402

PROTOCOL = """
name: hip
title: Hip radiograph
channels: grey
landmarks:
  - {name: right, description: The right one.}
  - {name: left, description: The left one.}
measurements:
  - {name: width, between: [right, left], description: Between both.}
"""


@pytest.fixture
def imported(cli, tmp_path: Path) -> Path:
    """A studies folder of one image, labelled by Ada Roe in the words of the table."""
    (tmp_path / "hip.yaml").write_text(PROTOCOL)
    (tmp_path / "inbox").mkdir()
    write_dicom(tmp_path / "inbox" / "hip_1.dcm", dicom_image("DX"))
    (tmp_path / "t.csv").write_text("image,landmark,x,y\nhip_1.dcm,right,10,5\nhip_1.dcm,left,40,45\n")
    answer = cli("import", tmp_path / "t.csv", "--images", tmp_path / "inbox", "--studies", tmp_path / "studies",
                 "--protocol", tmp_path / "hip.yaml", "--annotator", "Ada Roe")  # fmt: skip
    assert answer.code == 0, answer.err
    assert not (tmp_path / "studies" / "datastore_v2.json").exists()
    return tmp_path / "studies"


def noted(studies: Path, **info: str | int) -> None:
    """Lets a server's index hold notes on the final label."""
    label = {"ext": ".mrk.json", "info": info}
    entry = {"image": {"ext": ".dcm", "info": {}}, "labels": {"final": label, "original": label}}
    index = {"name": "hips", "description": "", "objects": {"hip_1": entry}}
    (studies / "datastore_v2.json").write_text(json.dumps(index))


def measured_by(cli, studies: Path) -> str:
    answer = cli("measure", studies, "--protocol", studies.parent / "hip.yaml")
    assert answer.code == 0, answer.err
    (row,) = csv.DictReader(io.StringIO(answer.out))
    assert float(row["value"]) == 50.0
    return row["annotator"]


def test_the_measurements_name_who_is_stated_in_the_label(cli, imported: Path) -> None:
    assert measured_by(cli, imported) == "Ada Roe"
    noted(imported, user="admin", protocol="hip")
    assert measured_by(cli, imported) == "Ada Roe"
    noted(imported, annotator="Ben Moe", protocol="hip")
    assert measured_by(cli, imported) == "Ben Moe"


def test_notes_on_a_label_that_was_replaced_since_then_say_nothing_of_the_new_one(cli, imported: Path) -> None:
    pytest.importorskip("highdicom", reason="the extra `dicom-sr` is not installed")
    noted(imported, annotator="Ben Moe", protocol="hip", model_version="v3", ts=1_700_000_000)
    index = imported / "datastore_v2.json"
    document = json.loads(index.read_text())
    label = imported / "labels" / "final" / "hip_1.mrk.json"
    document["objects"]["hip_1"]["labels"]["final"]["sha256"] = hashlib.sha256(label.read_bytes()).hexdigest()
    index.write_text(json.dumps(document))
    assert measured_by(cli, imported) == "Ben Moe"
    table = imported.parent / "t.csv"
    table.write_text("image,landmark,x,y\nhip_1.dcm,right,11,5\nhip_1.dcm,left,41,45\n")
    answer = cli("import", table, "--images", imported.parent / "inbox", "--studies", imported, "--overwrite",
                 "--protocol", imported.parent / "hip.yaml", "--annotator", "Ada Roe")  # fmt: skip
    assert answer.code == 0, answer.err

    measured = cli("measure", imported, "--protocol", imported.parent / "hip.yaml")
    out = imported.parent / "out"
    exported = cli("export", imported, "-f", "dicom-sr", "-o", out, "-p", imported.parent / "hip.yaml")

    (row,) = csv.DictReader(io.StringIO(measured.out))
    assert (row["annotator"], row["model_version"], row["date"]) == ("Ada Roe", "", "")
    assert row["points"] == "right 11.0 5.0; left 41.0 45.0"
    assert exported.code == 0, exported.err
    (read,) = read_report(out / "hip_1.sr.dcm", read_protocol(imported.parent / "hip.yaml"))
    assert (read.annotator, read.model_version) == ("Ada Roe", "")


@pytest.mark.parametrize(
    ("notes", "name"), [({}, "Ada Roe"), ({"user": "admin"}, "Ada Roe"), ({"annotator": "Ben Moe"}, "Ben Moe")]
)
def test_a_report_names_who_is_stated_in_the_label(cli, imported: Path, notes: dict[str, str], name: str) -> None:
    pytest.importorskip("highdicom", reason="the extra `dicom-sr` is not installed")
    if notes:
        noted(imported, **notes)
    out = imported.parent / "out"
    answer = cli("export", imported, "-f", "dicom-sr", "-o", out, "-p", imported.parent / "hip.yaml")
    assert answer.code == 0, answer.err
    (read,) = read_report(out / "hip_1.sr.dcm", read_protocol(imported.parent / "hip.yaml"))
    assert read.annotator == name


@pytest.mark.parametrize("options", [(), ("--annotator", "Ben Moe"), ("--overwrite",)])
@pytest.mark.parametrize("is_labelled", [False, True])
def test_a_label_that_is_saved_while_an_import_is_checked_is_not_replaced(
    cli, imported: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], is_labelled: bool
) -> None:
    label, saved = imported / "labels" / "final" / "hip_1.mrk.json", '{"saved": "by a person"}'
    (imported / "labels" / "reader1" / "hip_1.mrk.json").unlink()
    if not is_labelled:
        label.unlink()
    elif not options:
        options = ("--overwrite",)
    write = CheckedImport.write

    def write_later(self, *arguments: object) -> None:
        label.write_text(saved)
        write(self, *arguments)

    monkeypatch.setattr(CheckedImport, "write", write_later)
    answer = cli("import", imported.parent / "t.csv", "--images", imported.parent / "inbox", "--studies", imported,
                 "--protocol", imported.parent / "hip.yaml", *options)  # fmt: skip
    assert answer.code == 2
    assert "was changed while the import was checked: nothing was written" in answer.words
    assert label.read_text() == saved
    assert sorted(path.name for path in (imported / "labels").rglob("*.json")) == ["hip_1.mrk.json"]


def test_a_report_of_a_proposal_names_no_person_of_its_label(cli, imported: Path) -> None:
    pytest.importorskip("highdicom", reason="the extra `dicom-sr` is not installed")
    shutil.copytree(imported / "labels" / "final", imported / "labels" / "original")
    command = ("export", imported, "-f", "dicom-sr", "-o", imported.parent / "out", "-p", imported.parent / "hip.yaml",
               "--tag", "original")  # fmt: skip
    answer = cli(*command)
    assert answer.code == 2
    assert "names neither an annotator nor a network" in answer.words
    noted(imported, model_version="v3")
    assert cli(*command).code == 0
    (read,) = read_report(imported.parent / "out" / "hip_1.sr.dcm", read_protocol(imported.parent / "hip.yaml"))
    assert (read.annotator, read.model_version) == ("", "v3")
