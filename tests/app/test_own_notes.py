"""Notes of the server's own, which the routes for notes leave as they are, and what is done by them goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from app_pair import HERE, label_info, reviewed, save
from app_pool import House, scored
from app_spots import spot_image
from fastapi.testclient import TestClient

from lib.quality.review_note import note_of
from lib.served_labels import training_set

FORGED = {
    "review": {"labels": 3},
    "first_submission": {"model_version": "v9"},
    "consensus_of": {"reader1": "0"},
    "pacs_report": "9.9",
    "protocol": ["spots"],
    "model_version": ["v9"],
    "displacement": {"bright": 99.0},
    "unit": "in",
    "ts": 10**400,
    "name": "other",
}


def note_label(client: TestClient, route: str, **notes: Any) -> None:
    name = "params" if route.endswith("updatelabelinfo") else "info"
    query = {"label": "spot_00", "tag": "final"}
    answer = client.put(route, params=query, data={name: json.dumps(notes)})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("route", ["/datastore/label/info", "/datastore/updatelabelinfo"])
def test_word_of_a_client_on_what_the_server_notes_is_not_taken(
    app: Any, client: TestClient, tmp_path: Path, route: str
) -> None:
    save(app, client, tmp_path, "spot_00", HERE, model_version=None)
    reviewed(app, "spot_00")
    before = label_info(app, "spot_00")
    note_label(client, route, seen=1, **FORGED)
    assert label_info(app, "spot_00") == {**before, "seen": 1, "user": label_info(app, "spot_00")["user"]}
    protocols = app.settings.protocols
    assert [item.id for item in training_set(app.datastore(), protocols["spots"], protocols)] == ["spot_00"]
    assert client.get("/datastore/measurements").status_code == 200
    assert save(app, client, tmp_path, "spot_00", HERE)["protocol"] == "spots"


def test_images_are_scored_whatever_a_client_notes_of_a_label(move_in: Callable[..., House], tmp_path: Path) -> None:
    house = move_in()
    save(house.app, house.client, tmp_path, "spot_00", HERE)
    reviewed(house.app, "spot_00")
    note_label(house.client, "/datastore/label/info", **FORGED)
    house.pool.score_now(["spots"])
    assert scored(house.pool, 4)["message"] == ""


def test_what_a_client_says_of_offers_and_scores_is_not_taken(app: Any, client: TestClient, tmp_path: Path) -> None:
    forged = {
        "active": {"spots": 3},
        "strategy": {"first": {"client_id": "ada", "ts": 10**400}},
        "offers": {"ada": 10**400},
    }
    note = client.put("/datastore/image/info", params={"image": "spot_01"}, data={"info": json.dumps(forged)})
    assert note.status_code == 200, note.text
    spot_image(4).save(tmp_path / "new.png")
    sent = client.put(
        "/datastore/image",
        params={"image": "new"},
        files={"file": ("new.png", (tmp_path / "new.png").read_bytes())},
        data={"params": json.dumps({**forged, "eye": "left"})},
    )
    assert sent.status_code == 200, sent.text
    infos = {image: app.datastore().get_image_info(image) for image in ("spot_01", "new")}
    assert infos["new"]["eye"] == "left"
    assert not any(forged.keys() & info.keys() for info in infos.values())
    offered = {client.post("/activelearning/first", json={"client_id": name}).json()["id"] for name in "abcd"}
    assert offered == {"new", "spot_00", "spot_01", "spot_02"}


def test_a_note_without_the_version_of_the_model_is_no_review() -> None:
    note = {"labels": 3, "flags": []}
    assert note_of({"review": note}) is None
    assert note_of({"review": {**note, "model_version": None}}) == {**note, "model_version": None}


@pytest.mark.parametrize("protocol", [["spots"], {"a": 1}, 3])
def test_a_protocol_in_the_index_that_is_no_name_is_not_looked_up(
    app: Any, client: TestClient, tmp_path: Path, protocol: object
) -> None:
    save(app, client, tmp_path, "spot_00", HERE)
    app.datastore().update_label_info("spot_00", "final", {"protocol": protocol})
    protocols = app.settings.protocols
    assert len(training_set(app.datastore(), protocols["spots"], protocols)) == 1
    assert app.reviewer._places.read("spot_00") is not None
