"""The versions of a network over HTTP: listed, gone back to, with the curves of their training."""

from __future__ import annotations

import json
from typing import Any

from app_requests import assert_refused, publish_random
from fastapi.testclient import TestClient

from monai_ext.models import training_lock


def listed(answer: dict[str, Any]) -> list[tuple[str, bool]]:
    return [(version["name"], version["current"]) for version in answer["versions"]]


def test_versions_are_listed_and_gone_back_to(app: Any, client: TestClient) -> None:
    assert client.get("/train/spots/versions").json() == {"protocol": "spots", "versions": [], "rollbacks": []}
    for seed in range(3):
        publish_random(app, seed=seed)
    found = client.get("/train/spots/versions").json()
    assert listed(found) == [("v3", True), ("v2", False), ("v1", False)]
    assert {name: found["versions"][0][name] for name in ("kind", "val_error", "unit", "labels_used", "problem")} == {
        "kind": "published",
        "val_error": 9.0,
        "unit": "px",
        "labels_used": 2,
        "problem": None,
    }
    answer = client.post("/train/spots/rollback").json()
    assert listed(answer) == [("v3", False), ("v2", True), ("v1", False)]
    assert client.get("/info/").json()["models"]["spots"]["model_version"] == "v2"
    answer = client.post("/train/spots/rollback", json={"to": "v3"}).json()
    assert listed(answer)[0] == ("v3", True)
    assert [(record["from"], record["to"], record["by"]) for record in answer["rollbacks"]] == [
        ("v3", "v2", "admin"),
        ("v2", "v3", "admin"),
    ]
    assert client.get("/info/").json()["models"]["spots"]["model_version"] == "v3"


def test_a_rollback_that_cannot_be_made_is_refused_and_changes_nothing(app: Any, client: TestClient) -> None:
    assert_refused(client.post("/train/spots/rollback"), 409, "There is no model in")
    publish_random(app, seed=0)
    publish_random(app, seed=1)
    assert_refused(client.post("/train/nose/rollback"), 404, "'nose'")
    assert_refused(client.get("/train/nose/versions"), 404, "'nose'")
    assert_refused(client.post("/train/spots/rollback", json={"to": "v9"}), 404, "There is no version 'v9' of spots")
    assert_refused(client.post("/train/spots/rollback", json={"two": "v1"}), 422, "two")
    with training_lock(app.settings.model_root / "spots"):
        assert_refused(client.post("/train/spots/rollback", json={"to": "v1"}), 409, "train")
    (app.settings.model_root / "spots" / "v1.safetensors").write_bytes(b"x")
    assert_refused(client.post("/train/spots/rollback", json={"to": "v1"}), 409, "The version v1 cannot be used")
    answer = client.get("/train/spots/versions").json()
    assert listed(answer) == [("v2", True), ("v1", False)]
    assert answer["rollbacks"] == []


def test_the_history_of_a_run_is_kept_beside_its_progress_and_out_of_info(app: Any, client: TestClient) -> None:
    assert client.get("/train/spots/history").json() == {"protocol": "spots", "version": None, "history": []}
    history = [{"epoch": 1, "loss": 0.5, "val_error": 9.0}, {"epoch": 2, "loss": 0.25, "val_error": None}]
    progress = app.service.trainers["spots"].progress
    progress.write({"status": "done", "epoch": 2, "history": history})
    assert client.get("/train/spots/history").json()["history"] == history
    assert "history" not in client.get("/info/").json()["train_stats"]["spots"]


def test_the_history_of_a_version_is_that_of_its_record(app: Any, client: TestClient) -> None:
    publish_random(app)
    assert_refused(
        client.get("/train/spots/history?version=v1"), 404, "No record was kept of the training of v1 of spots"
    )
    history = [{"epoch": 1, "loss": 0.5, "val_error": 9.0}]
    (app.settings.model_root / "spots" / "v1.training.json").write_text(json.dumps({"history": history}))
    assert client.get("/train/spots/history?version=v1").json() == {
        "protocol": "spots",
        "version": "v1",
        "history": history,
    }
    assert_refused(client.get("/train/spots/history?version=../v1"), 422, "version")
