"""The doctor reads what the datastore writes, without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from app_pair import until
from app_spots import SPOTS, spot_points, write_label

from monai_ext.doctor.check import OK, PROBLEM, WARNING, Check
from monai_ext.doctor.studies import check_studies
from monai_ext.doctor.survey import survey_studies
from monai_ext.landmarks import Protocol, read_protocol


@pytest.fixture
def protocols(tmp_path: Path) -> dict[str, Protocol]:
    (tmp_path / "spots.yaml").write_text(SPOTS)
    return {"spots": read_protocol(tmp_path / "spots.yaml")}


@pytest.fixture
def studies(app: Any, tmp_path: Path) -> Path:
    """Two final labels, the first one saved three times."""
    for index, points in ((0, 3.0), (0, 2.0), (0, 0.0), (1, 0.0)):
        image = f"spot_{index:02}"
        path = write_label(tmp_path / "l.mrk.json", app.service.image_path(image), spot_points(index) + points)
        app.service.save_label(image, "final", path.read_bytes(), {})
    assert until(lambda: app.reviewer.stats()["spots"]["reviewed"] == 2)  # the notes of the review are written
    return app._datastore.folder


def examine(studies: Path, protocols: dict[str, Protocol]) -> dict[str, Check]:
    return {check.name: check for check in check_studies(survey_studies(studies), protocols)}


def test_what_the_datastore_wrote_is_healthy(studies: Path, protocols: dict[str, Protocol]) -> None:
    checks = examine(studies, protocols)
    assert {check.state for check in checks.values()} == {OK}, checks
    assert checks["Images"].found == "3 images: 2 final, 0 draft, 1 unlabelled"
    assert checks["Index datastore_v2.json"].found == "readable, 3 images"
    assert checks["Journal journal.jsonl"].found.startswith("readable, ")
    assert checks["Earlier versions"].found == "2 of 1 label are kept"


def test_what_a_power_cut_leaves_is_told(studies: Path, protocols: dict[str, Protocol]) -> None:
    index, journal = studies / "datastore_v2.json", studies / "journal.jsonl"
    index.write_bytes(index.read_bytes()[:100])
    assert examine(studies, protocols)["Index datastore_v2.json"].state == WARNING
    journal.write_bytes(journal.read_bytes()[:-20])
    checks = examine(studies, protocols)
    assert "its last line was written half" in checks["Journal journal.jsonl"].found
    journal.unlink()
    assert examine(studies, protocols)["Index datastore_v2.json"].state == PROBLEM
