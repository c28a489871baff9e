"""Structured reports, judged by dciodvfy and dsrdump, and read back."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import Dataset as Item

from monai_ext.cli import main
from monai_ext.images import read_frame
from monai_ext.landmarks import InputError, Landmarks, Status, read_protocol
from monai_ext.landmarks.markups import write_markups
from monai_ext.structured_reports import Observers, coded, read_report, structured_report
from monai_ext.structured_reports.write import EMPTY

pytest.importorskip("highdicom", reason="the extra `dicom-sr` is not installed")
sys.path[:0] = [str(Path(__file__).parent)]
from dicom_images import dicom_image, write_dicom  # noqa: E402

PROTOCOL = """
name: hip
title: Hip radiograph
channels: grey
landmarks:
  - name: right_teardrop
    description: Lowest point of the right acetabular teardrop.
    pair: left_teardrop
    code: {value: "29850006", scheme: SCT, meaning: Iliac crest}
  - {name: left_teardrop, description: Lowest point of the left acetabular teardrop., pair: right_teardrop}
  - {name: centre_of_the_symphysis_pubis, description: Middle of the symphysis.}
  - {name: nobody_looked, description: Never placed.}
measurements:
  - {name: teardrop_distance, between: [right_teardrop, left_teardrop], description: Between the teardrops.}
"""
POINTS = np.array([[3.25, 40.5], [60.0, 7.125], [np.nan, np.nan], [np.nan, np.nan]])
STATUS = [Status.DEFINED, Status.DEFINED, Status.MISSING, Status.UNDEFINED]
OBSERVERS = Observers("Ada Roe", "v3")


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("protocol") / "hip.yaml"
    path.write_text(PROTOCOL)
    return read_protocol(path)


def report_of(path: Path, protocol: Any, observers: Observers = OBSERVERS) -> Dataset:
    landmarks = Landmarks(protocol.landmark_names, POINTS, read_frame(path), STATUS)
    return structured_report(path, landmarks, protocol, observers)


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: {'dicom3tools' if name == 'dciodvfy' else 'dcmtk'})")
    return found


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("name", "character_set"),
    [
        ("Nightingale", ""),
        ("Test^Patient", ""),
        ("", ""),
        (None, ""),
        ("Müller^Jörg", "ISO_IR 100"),
        ("山田", "ISO_IR 192"),
    ],
)
def test_the_patient_is_named_as_in_the_image_without_a_word(
    name: str | None, character_set: str, protocol: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    image = dicom_image("DX")
    if name is None:
        del image.PatientName
    else:
        image.PatientName = name
    if character_set:
        image.SpecificCharacterSet = character_set
    path = write_dicom(tmp_path / "image.dcm", image)
    report_of(path, protocol).save_as(tmp_path / "report.dcm")
    assert dcmread(tmp_path / "report.dcm").PatientName == (name or "")
    landmarks = Landmarks(protocol.landmark_names, POINTS, read_frame(path), STATUS)
    assert (structured_report(image, landmarks, protocol, OBSERVERS).PatientName or "") == (name or "")
    assert (image.get("PatientName") or "") == (name or "")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("modality", ["CR", "DX", "OP", "XC", "US"])
def test_report_is_valid_and_reads_back(modality: str, protocol: Any, tmp_path: Path) -> None:
    image = dicom_image(modality, spacing=(0.15, 0.2) if modality in {"CR", "DX"} else None)
    path = write_dicom(tmp_path / "image.dcm", image)
    report_of(path, protocol).save_as(tmp_path / "report.dcm")

    checked = subprocess.run([program("dciodvfy"), tmp_path / "report.dcm"], capture_output=True, text=True, timeout=60)
    lines = (checked.stdout + checked.stderr).splitlines()
    assert [line for line in lines if line.startswith("Error")] == []
    assert "ComprehensiveSR" in lines
    (read,) = read_report(tmp_path / "report.dcm", protocol)
    assert (read.sop_instance_uid, read.frame, read.annotator, read.model_version) == (
        image.SOPInstanceUID,
        None,
        "Ada Roe",
        "v3",
    )
    assert read.status.tolist() == STATUS
    np.testing.assert_allclose(read.points, POINTS, atol=1e-3)


@pytest.mark.parametrize("name", EMPTY)
def test_an_image_may_lack_what_may_be_empty(name: str, protocol: Any, tmp_path: Path) -> None:
    image = dicom_image("DX")
    delattr(image, name)
    report_of(write_dicom(tmp_path / "image.dcm", image), protocol).save_as(tmp_path / "report.dcm")
    assert not dcmread(tmp_path / "report.dcm")[name].value
    (read,) = read_report(tmp_path / "report.dcm", protocol)
    np.testing.assert_allclose(read.points, POINTS, atol=1e-3)


def test_an_image_may_lack_the_accession_number(protocol: Any, tmp_path: Path) -> None:
    image = dicom_image("DX")
    del image.AccessionNumber
    report = report_of(write_dicom(tmp_path / "image.dcm", image), protocol)
    assert not report.AccessionNumber


def test_dump_has_pixels_counted_from_the_corner_and_the_distance_in_mm(protocol: Any, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "image.dcm", dicom_image("DX", spacing=(0.15, 0.2)))
    report_of(path, protocol).save_as(tmp_path / "report.dcm")
    dump = subprocess.run(
        [program("dsrdump"), "+Pc", tmp_path / "report.dcm"], capture_output=True, text=True, timeout=60
    )
    assert dump.returncode == 0, dump.stderr
    points = re.findall(r"SCOORD:[^=]*=\(POINT,(?:,)?([\d.]+)/([\d.]+)\)", dump.stdout)
    assert [tuple(map(float, point)) for point in points] == [(3.75, 41.0), (60.5, 7.625)], dump.stdout
    (value,) = re.findall(r'NUM:\([^)]*"teardrop distance"\)="([\d.]+)" \(mm,UCUM', dump.stdout)
    expected = np.hypot((60.0 - 3.25) * 0.15, (40.5 - 7.125) * 0.2)
    assert float(value) == pytest.approx(expected, abs=1e-4)


def test_each_group_has_coordinates_and_what_is_absent_is_an_evaluation(protocol: Any, tmp_path: Path) -> None:
    """OHIF stops at a group without coordinates and shows nothing then."""
    report = report_of(write_dicom(tmp_path / "image.dcm", dicom_image("DX", spacing=(0.15, 0.2))), protocol)
    shapes = [[item for item in below(found) if item.ValueType == "SCOORD"] for found in groups(report)]
    assert [[item.GraphicType for item in found] for found in shapes] == [["POINT"], ["POINT"], ["POLYLINE"]]
    assert list(shapes[2][0].GraphicData) == [3.75, 41.0, 60.5, 7.625]
    evaluations = report.ContentSequence[-1]
    assert evaluations.ConceptNameCodeSequence[0].CodeMeaning == "Qualitative Evaluations"
    (absent,) = evaluations.ContentSequence
    assert absent.ConceptCodeSequence[0].CodeMeaning == "Absent"
    assert absent.ContentSequence[0].TextValue == "centre_of_the_symphysis_pubis"


def test_a_report_may_have_missing_landmarks_alone(protocol: Any, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "image.dcm", dicom_image("DX"))
    none = Landmarks(protocol.landmark_names, np.full((4, 2), np.nan), read_frame(path), [Status.MISSING] * 4)
    structured_report(path, none, protocol, OBSERVERS).save_as(tmp_path / "report.dcm")
    (read,) = read_report(tmp_path / "report.dcm", protocol)
    assert read.status.tolist() == [Status.MISSING] * 4
    assert np.isnan(read.points).all()


def below(item: Item) -> list[Item]:
    found = list(item.get("ContentSequence") or ())
    return found + [deeper for part in found for deeper in below(part)]


def test_codes_are_those_of_the_protocol_else_private(protocol: Any) -> None:
    first, second, third, _ = (coded(item) for item in protocol.landmarks)
    assert (first.value, first.scheme_designator, first.meaning) == ("29850006", "SCT", "Iliac crest")
    assert (second.value, second.scheme_designator, second.meaning) == ("left_teardrop", "99LANDMARKS", "left teardrop")
    assert len(third.value) == 16
    assert third.value.startswith("centre_of")


def test_a_report_of_another_program_is_read_by_the_finding_site(protocol: Any, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "image.dcm", dicom_image("CR", spacing=(0.15, 0.2)))
    report = report_of(path, protocol)
    for item in groups(report):
        for part in item.ContentSequence:
            if part.ConceptNameCodeSequence[0].CodeValue == "112039":
                part.TextValue = "Cornerstone3DTools@^0.1.0:ArrowAnnotate"
    (read,) = read_report(report, protocol)
    assert read.status.tolist() == STATUS
    np.testing.assert_allclose(read.points, POINTS, atol=1e-3)


def test_one_report_may_tell_of_several_images_and_frames(protocol: Any, tmp_path: Path) -> None:
    image = dicom_image("US")
    image.NumberOfFrames = 3
    landmarks = Landmarks(
        protocol.landmark_names, POINTS, read_frame(write_dicom(tmp_path / "one.dcm", dicom_image("CR"))), STATUS
    )
    report = structured_report(image, landmarks, protocol, OBSERVERS, frame=2)
    other = structured_report(dicom_image("CR"), landmarks, protocol, OBSERVERS)
    (read,) = read_report(report, protocol)
    assert (read.sop_instance_uid, read.frame) == (image.SOPInstanceUID, 2)
    measurements(report).ContentSequence.extend(groups(other))
    assert len(read_report(report, protocol)) == 2


def measurements(report: Dataset) -> Item:
    return next(item for item in report.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == "126010")


def groups(report: Dataset) -> list[Item]:
    return list(measurements(report).ContentSequence)


def test_two_points_of_one_landmark_are_refused(protocol: Any, tmp_path: Path) -> None:
    report = report_of(write_dicom(tmp_path / "image.dcm", dicom_image("CR")), protocol)
    measurements(report).ContentSequence.append(copy.deepcopy(groups(report)[0]))
    with pytest.raises(InputError, match="two entries for right_teardrop"):
        read_report(report, protocol)


def test_a_damaged_point_is_refused(protocol: Any, tmp_path: Path) -> None:
    report = report_of(write_dicom(tmp_path / "image.dcm", dicom_image("CR")), protocol)
    (scoord,) = (item for item in groups(report)[0].ContentSequence if item.ValueType == "SCOORD")
    scoord.GraphicData = [1.0, 2.0, 3.0]
    with pytest.raises(InputError, match=r"a POINT of the coordinates \[1.0, 2.0, 3.0\]"):
        read_report(report, protocol)


def test_other_files_are_refused_with_their_class(protocol: Any, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "image.dcm", dicom_image("CR"))
    with pytest.raises(
        InputError,
        match=r"is not a structured report with points, but has the class 1\.2\.840\.10008\.5\.1\.4\.1\.1\.1",
    ):
        read_report(path, protocol)
    (tmp_path / "text").write_text("no DICOM")
    with pytest.raises(InputError, match="cannot be read as a DICOM report"):
        read_report(tmp_path / "text", protocol)
    with pytest.raises(InputError, match="cannot be read as a DICOM image"):
        structured_report(tmp_path / "text", landmarks_on(path, protocol), protocol, OBSERVERS)


def landmarks_on(path: Path, protocol: Any, status: Any = STATUS) -> Landmarks:
    return Landmarks(protocol.landmark_names, POINTS, read_frame(path), status)


def test_what_cannot_be_reported_is_refused(protocol: Any, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "image.dcm", dicom_image("CR"))
    with pytest.raises(InputError, match="must name who placed the points"):
        report_of(path, protocol, Observers())
    with pytest.raises(InputError, match="all are undefined"):
        structured_report(path, landmarks_on(path, protocol, [Status.UNDEFINED] * 4), protocol, OBSERVERS)
    image = dcmread(path)
    del image.StudyInstanceUID
    with pytest.raises(InputError, match="states no StudyInstanceUID"):
        structured_report(image, landmarks_on(path, protocol), protocol, OBSERVERS)


def study_with_label(folder: Path, protocol: Any, info: dict[str, Any]) -> Path:
    """A studies folder with one labelled DICOM image, and the server's notes on the label."""
    (folder / "labels" / "final").mkdir(parents=True)
    image = write_dicom(folder / "hip_1.dcm", dicom_image("DX", spacing=(0.15, 0.2)))
    write_markups(folder / "labels" / "final" / "hip_1.mrk.json", landmarks_on(image, protocol))
    label = {"ext": ".mrk.json", "info": info}
    entry = {"image": {"ext": ".dcm", "info": {}}, "labels": {"final": label}}
    (folder / "datastore_v2.json").write_text(
        json.dumps({"name": "hips", "description": "", "objects": {"hip_1": entry}})
    )
    return folder


@pytest.fixture
def export(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["monai-landmarks", "export", *map(str, arguments)])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0), " ".join(capsys.readouterr().err.split())
        return 0, ""

    return run


def test_export_writes_a_report_of_each_label(export: Any, protocol: Any, tmp_path: Path) -> None:
    info = {"annotator": "Ada Roe", "model_version": "v3", "protocol": "hip"}
    studies = study_with_label(tmp_path / "studies", protocol, info)
    (tmp_path / "hip.yaml").write_text(PROTOCOL)
    command = (studies, "--format", "dicom-sr", "--output", tmp_path / "out", "--protocol", tmp_path / "hip.yaml")
    assert export(*command)[0] == 0
    (read,) = read_report(tmp_path / "out" / "hip_1.sr.dcm", protocol)
    assert (read.annotator, read.model_version) == ("Ada Roe", "v3")
    assert read.sop_instance_uid == dcmread(studies / "hip_1.dcm").SOPInstanceUID
    np.testing.assert_allclose(read.points, POINTS, atol=1e-3)
    code, message = export(*command)
    assert code == 2
    assert "exists: use --overwrite" in message
    assert export(*command, "--overwrite")[0] == 0


def test_export_names_nobody_who_did_not_place_the_points(export: Any, protocol: Any, tmp_path: Path) -> None:
    studies = study_with_label(tmp_path / "studies", protocol, {"user": "admin", "protocol": "hip"})
    (tmp_path / "hip.yaml").write_text(PROTOCOL)
    command = [studies, "--format", "dicom-sr", "--output", tmp_path / "out", "--protocol", tmp_path / "hip.yaml"]
    code, message = export(*command)
    assert code == 2
    assert "The label of hip_1 names neither an annotator nor a network" in message
    index = json.loads((studies / "datastore_v2.json").read_text())
    info = {"annotator": "Ada Roe", "user": "admin", "model_version": "v3", "protocol": "hip"}
    index["objects"]["hip_1"]["labels"]["original"] = {"ext": ".mrk.json", "info": info}
    (studies / "datastore_v2.json").write_text(json.dumps(index))
    shutil.copytree(studies / "labels" / "final", studies / "labels" / "original")
    assert export(*command, "--tag", "original")[0] == 0
    (read,) = read_report(tmp_path / "out" / "hip_1.sr.dcm", protocol)
    assert (read.annotator, read.model_version) == ("", "v3")


def test_export_writes_no_report_at_all_where_one_cannot_be(export: Any, protocol: Any, tmp_path: Path) -> None:
    studies = study_with_label(tmp_path / "studies", protocol, {"annotator": "Ada Roe", "protocol": "hip"})
    PIL.Image.new("L", (64, 48)).save(studies / "photo.png")
    labels = studies / "labels" / "final"
    write_markups(labels / "photo.mrk.json", landmarks_on(studies / "photo.png", protocol))
    index = json.loads((studies / "datastore_v2.json").read_text())
    index["objects"]["photo"] = {**index["objects"]["hip_1"], "image": {"ext": ".png", "info": {}}}
    (studies / "datastore_v2.json").write_text(json.dumps(index))
    (tmp_path / "hip.yaml").write_text(PROTOCOL)
    command = (studies, "--format", "dicom-sr", "--output", tmp_path / "out", "--protocol", tmp_path / "hip.yaml")
    code, message = export(*command)
    assert code == 2
    assert "photo.png cannot be read as a DICOM image" in message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("keyword", "value", "told"),
    [
        ("PatientBirthDate", "about 1970", "a PatientBirthDate"),
        ("StudyTime", "25:61", "a StudyTime"),
        ("PatientSex", "NONE7", "something of its patient or study"),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_what_no_report_can_hold_is_named_without_its_value(
    keyword: str, value: str, told: str, export: Any, protocol: Any, tmp_path: Path
) -> None:
    studies = study_with_label(tmp_path / "studies", protocol, {"annotator": "Ada Roe", "protocol": "hip"})
    image = dcmread(studies / "hip_1.dcm")
    setattr(image, keyword, value)
    image.save_as(studies / "hip_1.dcm")
    (tmp_path / "hip.yaml").write_text(PROTOCOL)
    command = (studies, "--format", "dicom-sr", "--output", tmp_path / "out", "--protocol", tmp_path / "hip.yaml")
    code, message = export(*command)
    assert code == 2
    assert f"hip_1.dcm states {told} that no report can hold" in message
    assert value not in message
    assert not (tmp_path / "out").exists()
