"""A label that the command maps is a change of the datastore like any other: journalled, with its notes, undone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_requests import assert_refused, put_label
from app_spots import NAMES, spot_image, spot_points
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lib.datastore import LandmarkDatastore
from lib.routes import install_routes
from monai_ext.doctor.check import OK
from monai_ext.doctor.studies import check_studies
from monai_ext.doctor.survey import survey_studies
from monai_ext.images import read_frame
from monai_ext.landmarks import Landmarks, read_markups
from monai_ext.landmarks.label_frame import FIELD
from monai_ext.landmarks.markups import markups_document
from monai_ext.studies import Studies, find_remappings, remap


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    root = tmp_path / "my studies"
    root.mkdir()
    for index in range(3):
        save(root, index, dpi=(300, 300))
    return root


@pytest.fixture
def client(make_app: Callable[..., Any], studies: Path) -> TestClient:
    app, web = make_app(studies), FastAPI()
    install_routes(web, app.service, app)
    client = TestClient(web, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 50000))
    client.app_itself = app
    return client


def save(root: Path, index: int, **options: Any) -> None:
    spot_image(index).save(root / f"spot_{index:02}.jpg", quality=95, **options)


def content(root: Path, index: int, shift: float = 0.0, *, stated: bool = True) -> bytes:
    frame = read_frame(root / f"spot_{index:02}.jpg")
    document = markups_document(Landmarks(NAMES, spot_points(index) + shift, frame))
    if not stated:
        del document[FIELD]
    return json.dumps(document).encode()


def points(root: Path, index: int) -> np.ndarray:
    return read_markups(Studies(root).label_path(f"spot_{index:02}"), read_frame(root / f"spot_{index:02}.jpg")).points


def map_all(root: Path) -> int:
    plan = find_remappings(Studies(root))
    assert plan.refused == []
    remap(Studies(root), plan.remappings)
    return len(plan.remappings)


def test_a_client_that_states_no_frame_gets_it_stated(client: TestClient, studies: Path) -> None:
    """As the stock client, and Slicer itself, write labels."""
    sent = content(studies, 0, stated=False)
    assert put_label(client, sent).status_code == 200
    stored = Studies(studies).label_path("spot_00").read_bytes()
    assert stored.endswith(sent[1:])
    assert json.loads(stored) == {FIELD: json.loads(content(studies, 0))[FIELD], **json.loads(sent)}
    save(studies, 0)
    assert map_all(studies) == 1
    np.testing.assert_allclose(points(studies, 0), spot_points(0), atol=1e-9)


def test_a_label_that_was_made_on_another_frame_is_refused(client: TestClient, studies: Path) -> None:
    sent = content(studies, 0)
    save(studies, 0)
    assert_refused(put_label(client, sent), 400, "spot_00.mrk.json was made on another placement of its image")
    assert not Studies(studies).label_path("spot_00").exists()


@pytest.mark.parametrize("running", [True, False])
def test_notes_and_history_go_on(client: TestClient, studies: Path, running: bool) -> None:
    for index in (0, 1):
        assert put_label(client, content(studies, index), f"spot_{index:02}", annotator="ann").status_code == 200
    before = client.get("/datastore/label/info?label=spot_00&tag=final").json()
    old = Studies(studies).label_path("spot_00").read_bytes()
    save(studies, 0)
    save(studies, 1, dpi=(72, 72))

    assert map_all(studies) == 2

    store: LandmarkDatastore = client.app_itself.datastore() if running else LandmarkDatastore(str(studies))
    store.refresh()
    info = store.get_label_info("spot_00", "final")
    kept = {name: value for name, value in before.items() if name not in ("ts", "review")}
    assert {name: info[name] for name in kept} == kept
    assert info["mapped_from"]["x_step"] == pytest.approx([25.4 / 300, 0, 0])
    assert [(v.reason, v.info["annotator"], v.read()) for v in store.label_versions("spot_00", "final")] == [
        ("replaced", "ann", old)
    ]
    for index in (0, 1):
        np.testing.assert_allclose(points(studies, index), spot_points(index), atol=1e-9)
    checks = {c.name: c for c in check_studies(survey_studies(studies), client.app_itself.settings.protocols)}
    assert {check.state for check in checks.values()} <= {OK}, checks
    assert store.repairs == [] or list(store.repairs) == []


def test_a_server_that_runs_goes_on_saving(client: TestClient, studies: Path) -> None:
    assert put_label(client, content(studies, 0)).status_code == 200
    save(studies, 0)
    assert map_all(studies) == 1
    assert put_label(client, content(studies, 0, 1.0)).status_code == 200
    assert put_label(client, content(studies, 1), "spot_01").status_code == 200
    again = LandmarkDatastore(str(studies))
    assert list(again.repairs) == []
    assert len(again.label_versions("spot_00", "final")) == 2
    np.testing.assert_allclose(points(studies, 0), spot_points(0) + 1.0, atol=1e-9)


def test_undone_by_the_history_where_the_image_is_put_back_and_refused_else(client: TestClient, studies: Path) -> None:
    assert put_label(client, content(studies, 0)).status_code == 200
    save(studies, 0)
    assert map_all(studies) == 1
    client.app_itself.datastore().refresh()
    version = client.get("/datastore/label/history?image=spot_00").json()["versions"][0]["version"]
    restore = f"/datastore/label/restore?image=spot_00&version={version}"
    assert_refused(client.post(restore), 409, "was made on another placement of its image")
    save(studies, 0, dpi=(300, 300))
    assert client.post(restore).status_code == 200
    np.testing.assert_allclose(points(studies, 0), spot_points(0), atol=1e-9)
