from __future__ import annotations

import sys
from pathlib import Path

import pytest
from doctor_cases import two_points, write_model, write_protocol

from monai_ext.doctor.check import OK, PROBLEM, WARNING
from monai_ext.doctor.examination import Subject, examine


@pytest.fixture
def subject(place: Path, studies: Path) -> Subject:
    app = place / "app"
    write_protocol(app / "protocols", two_points())
    (app / "main.py").write_text("")
    write_model(app / "pretrained" / "wings", two_points())
    return Subject(app / "model", app / "pretrained", (app / "protocols",), app, studies, port=1, quick=True)


def by_name(subject: Subject) -> dict:
    return {check.name: check for check in examine(subject)}


def test_all_parts_are_looked_at_once(subject: Subject) -> None:
    told: list[str] = []
    checks = list(examine(subject, told.append))
    names = [check.name for check in checks]
    assert len(set(names)) == len(names)
    for name in (
        "Python", "Packages", "torch and torchvision", "MONAI Label", "GPU", "App folder", "Models folder",
        "Disk of the models", "Studies folder", "Disk of the studies", "Drive of the studies", "Paths", "Protocols",
        "Model of wings", "Images", "Image files", "Pixel sizes", "Index datastore_v2.json", "Labels", "Label files",
        "Splits", "Leftovers", "Port 1", "LANDMARKS_TOKEN",
    ):  # fmt: skip
        assert name in names
    assert told[:3] == ["Packages", "GPU", "Folders"]
    assert "Images: 3 of 3" in told


def test_a_folder_with_a_space_names_the_other_command(subject: Subject) -> None:
    assert by_name(subject)["Paths"].state == WARNING


def test_absent_studies_are_one_problem(subject: Subject, place: Path) -> None:
    checks = by_name(Subject(subject.models, subject.pretrained, (), subject.app, place / "none", 1, True))
    assert checks["Studies folder"].state == PROBLEM
    assert "Images" not in checks
    assert checks["Protocols"].state == WARNING


def test_without_studies_the_rest_is_looked_at(subject: Subject) -> None:
    checks = by_name(Subject(subject.models, subject.pretrained, subject.protocol_folders, None, None, 1, True))
    assert (checks["Studies"].state, checks["Model of wings"].state) == (WARNING, OK)


def test_a_folder_that_is_no_app_is_a_problem(subject: Subject, place: Path) -> None:
    checks = by_name(Subject(subject.models, subject.pretrained, (), place, None, 1, True))
    assert (checks["App folder"].state, "has no main.py" in checks["App folder"].found) == (PROBLEM, True)


@pytest.mark.skipif(sys.platform == "win32", reason="wants a link that leads to itself")
def test_a_folder_that_cannot_be_listed_ends_its_part_alone(subject: Subject, studies: Path) -> None:
    (studies / "labels" / "original").symlink_to(studies / "labels" / "original")
    (studies / "labels" / "loop").mkdir()
    checks = by_name(subject)
    assert checks["LANDMARKS_TOKEN"].state == OK
    assert checks["Images"].state == OK
