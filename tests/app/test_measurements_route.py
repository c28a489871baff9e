"""What final labels measure, over HTTP: in the calibration of each image, never a zero for what is not there."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from app_requests import assert_refused, put_label
from fastapi.testclient import TestClient

from monai_ext.landmarks import Status

POINTS = [[10.0, 20.0], [70.0, 20.0]]


@pytest.fixture
def labelled(client: TestClient, upload: Callable[..., bytes]) -> TestClient:
    """spot_00 with a gap of 60 px, spot_01 whose dim spot is missing; spot_02 has a draft."""
    put_label(client, upload(POINTS), annotator="Ann", model_version="v3")
    put_label(client, upload(POINTS, [Status.DEFINED, Status.MISSING]), "spot_01", annotator="Ben", model_version=None)
    put_label(client, upload(POINTS), "spot_02", "draft")
    return client


def rows(client: TestClient, **query: str) -> list[dict[str, Any]]:
    response = client.get("/datastore/measurements", params=query)
    assert response.status_code == 200, response.text
    return list(response.json()["rows"])


def test_study_is_measured_with_who_and_what(app: Any, labelled: TestClient) -> None:
    calibrated = {"how": "ruler", "mm_per_px": 0.25}
    assert labelled.put("/datastore/image/calibration?image=spot_00", json=calibrated).status_code == 200
    first, second = rows(labelled)
    date = first.pop("date")
    assert date.endswith("+00:00")
    assert first == {
        "image": "spot_00",
        "protocol": "spots",
        "measurement": "gap",
        "value": 15.0,
        "unit": "mm",
        "reason": "",
        "points": {"bright": [10.0, 20.0], "dim": [70.0, 20.0]},
        "annotator": "Ann",
        "model_version": "v3",
        "spacing": [0.25, 0.25],
        "spacing_source": "ruler",
    }
    assert second | {"date": ""} == {
        "image": "spot_01",
        "protocol": "spots",
        "measurement": "gap",
        "value": None,
        "unit": "px",
        "reason": "dim is missing",
        "points": {"bright": [10.0, 20.0], "dim": None},
        "annotator": "Ben",
        "model_version": "",
        "spacing": None,
        "spacing_source": "none",
        "date": "",
    }
    assert rows(labelled, image="spot_01") == [second]
    assert rows(labelled, protocol="spots") == [first | {"date": date}, second]


def test_csv_has_the_same_numbers(labelled: TestClient) -> None:
    response = labelled.get("/datastore/measurements?output=csv")
    assert response.headers["content-type"].startswith("text/csv")
    assert response.headers["content-disposition"] == 'attachment; filename="measurements.csv"'
    first, second = csv.DictReader(io.StringIO(response.text))
    assert (first["value"], first["unit"], first["mm_per_px_x"], first["points"]) == (
        "60.0",
        "px",
        "",
        "bright 10.0 20.0; dim 70.0 20.0",
    )
    assert (second["value"], second["reason"], second["points"]) == ("", "dim is missing", "bright 10.0 20.0; dim")


def test_label_that_cannot_be_used_is_a_row_with_the_reason(app: Any, labelled: TestClient) -> None:
    path = app.datastore().folder / "labels" / "final" / "spot_00.mrk.json"
    document = json.loads(path.read_text())
    document["markups"][0]["controlPoints"][0]["label"] = "nose"
    path.write_text(json.dumps(document))
    row = rows(labelled, image="spot_00")[0]
    assert (row["measurement"], row["value"]) == ("", None)
    assert "nose" in row["reason"]
    assert str(app.datastore().folder) not in row["reason"]


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"image": "nobody"}, 404, "There is no image 'nobody'"),
        ({"image": "spot_02"}, 404, "'spot_02' has no final label"),
        ({"protocol": "nobody"}, 404, "There is no model 'nobody'"),
        ({"output": "xls"}, 422, "output"),
    ],
)
def test_wrong_requests_are_refused(labelled: TestClient, query: dict[str, str], status: int, words: str) -> None:
    assert_refused(labelled.get("/datastore/measurements", params=query), status, words)


def test_study_without_final_labels_has_no_rows(client: TestClient) -> None:
    assert rows(client) == []
