"""The served model: followed as it is published, refused when it is damaged, with the way back."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from app_pause import Pause
from app_requests import assert_refused, image_file, publish_random
from fastapi.testclient import TestClient

from lib.errors import ConflictError
from monai_ext.inferers import Predictor
from monai_ext.models import roll_back


def folder_of(app: Any) -> Path:
    return Path(app.settings.model_root) / "spots"


def version_of(client: TestClient) -> str:
    return str(client.post("/infer/spots?image=spot_00&output=json").json()["model_version"])


def test_damaged_weights_are_refused_and_the_way_back_is_shown(
    app: Any, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    for seed in range(3):
        publish_random(app, seed=seed)
    folder = folder_of(app)
    (folder / "v3.safetensors").write_bytes(b"half")
    (folder / "v2.safetensors").write_bytes(b"")
    with caplog.at_level(logging.WARNING):
        response = client.post("/infer/spots?image=spot_00")
    assert_refused(response, 409, "v3.safetensors")
    command = f"monai-landmarks models --models '{folder.parent}' --rollback spots --to v1"
    assert f"or go back to v1: `{command}`." in response.json()["detail"]
    assert [response.json()["detail"] in record.getMessage() for record in caplog.records] == [True]
    info = client.get("/info/").json()
    assert info["models"] == {}
    assert info["problems"] == {"spots": response.json()["detail"]}

    roll_back(folder, "v1")
    assert version_of(client) == "v1"
    info = client.get("/info/").json()
    assert info["problems"] == {}
    assert info["models"]["spots"]["model_version"] == "v1"


def test_a_damaged_card_is_refused_and_the_way_back_is_shown(app: Any, client: TestClient) -> None:
    publish_random(app, seed=1)
    publish_random(app, seed=2)
    (folder_of(app) / "card.json").write_text("{")
    assert_refused(client.post("/infer/spots?image=spot_00"), 409, "--rollback spots --to v2`.")
    assert "card.json is damaged" in client.get("/info/").json()["problems"]["spots"]


def test_an_earlier_version_of_other_landmarks_is_no_way_back(app: Any, client: TestClient) -> None:
    protocol = app.settings.protocols["spots"]
    other = protocol.landmarks[0].model_copy(update={"name": "brighter"})
    publish_random(
        app, protocol=protocol.model_copy(update={"landmarks": (other, protocol.landmarks[1]), "measurements": ()})
    )
    publish_random(app)
    (folder_of(app) / "v2.safetensors").write_bytes(b"")
    response = client.post("/infer/spots?image=spot_00")
    assert_refused(response, 409, "v2.safetensors")
    assert "go back" not in response.json()["detail"]


def test_missing_weights_are_a_problem_until_they_are_restored(app: Any, client: TestClient) -> None:
    publish_random(app)
    weights = folder_of(app) / "v1.safetensors"
    kept = weights.rename(weights.with_name("kept"))
    assert "v1.safetensors are missing" in client.get("/info/").json()["problems"]["spots"]
    assert_refused(client.post("/infer/spots?image=spot_00"), 409, "v1.safetensors are missing; restore the file.")
    kept.rename(weights)
    assert client.get("/info/").json()["problems"] == {}
    assert version_of(client) == "v1"


def test_weights_that_are_still_being_copied_are_taken_when_they_are_whole(app: Any, client: TestClient) -> None:
    publish_random(app)
    weights = folder_of(app) / "v1.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    assert_refused(client.post("/infer/spots?image=spot_00"), 409, "v1.safetensors")
    weights.write_bytes(whole)
    assert version_of(client) == "v1"


def test_damaged_weights_are_read_once(app: Any, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_random(app)
    (folder_of(app) / "v1.safetensors").write_bytes(b"")
    loads: list[Path] = []
    load = Predictor.load
    monkeypatch.setattr(Predictor, "load", lambda folder, *how: (loads.append(folder), load(folder, *how))[1])
    for _ in range(3):
        assert client.post("/infer/spots?image=spot_00").status_code == 409
    assert len(loads) == 1


def test_without_a_model_there_is_no_problem(client: TestClient) -> None:
    assert client.get("/info/").json()["problems"] == {}


def test_a_prediction_ends_on_the_model_that_it_began_with(
    app: Any, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_random(app, seed=1)
    pause = Pause(monkeypatch, "v1")
    first = app.service.ask("spots", "spot_00")
    pause.wait_until_begun()
    publish_random(app, seed=2)
    second = app.service.ask("spots", "spot_00").result(20).document
    assert not first.done()
    pause.end()
    assert (first.result(20).document["model_version"], second["model_version"]) == ("v1", "v2")
    again = app.service.ask("spots", "spot_00").result(20).document
    assert again["landmarks"] == second["landmarks"]
    assert again["model_version"] == "v2"


def test_a_model_damaged_while_it_answers_harms_no_running_prediction(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_random(app)
    pause = Pause(monkeypatch)
    future = app.service.ask("spots", "spot_00")
    pause.wait_until_begun()
    (folder_of(app) / "card.json").write_text("{")
    pause.end()
    assert future.result(20).document["model_version"] == "v1"
    with pytest.raises(ConflictError, match=r"card\.json is damaged"):
        app.service.ask("spots", str(image_file(app, "spot_00").stem))
