"""Training, the next image and the rest over HTTP, with real (untrained) weights and no server process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from app_requests import assert_refused, client_of, publish_random, put_label
from app_spots import NAMES, SPOTS, spot_image, spot_points, write_label
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lib.routes import install_routes
from lib.routes import train as train_routes
from lib.trainers.queue import OnEnd
from monai_ext.models import training_lock


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The training requests that would have been run."""
    found: list[dict[str, Any]] = []

    def submit(request: dict[str, Any], announce: Callable[[dict[str, Any]], None], on_end: OnEnd) -> dict[str, Any]:
        found.append(request)
        return {"id": "1", "status": "SUBMITTED"}

    monkeypatch.setattr(train_routes.training_queue, "submit", submit)
    monkeypatch.setattr(train_routes.training_queue, "busy", lambda model=None: bool(found))
    monkeypatch.setattr(train_routes.training_queue, "wait_until_idle", lambda: not found)
    return found


def test_training_is_started_with_the_checked_options_alone(
    app: Any, client: TestClient, started: list[dict[str, Any]]
) -> None:
    response = client.post("/train/spots", json={"max_epochs": "3", "client_id": "x" * 200_000})
    assert response.json()["status"] == "SUBMITTED"
    assert started == [{"model": "spots", "max_epochs": 3}]
    assert_refused(client.post("/train/spots"), 429, "A training already runs")
    assert client.post("/train/", json={"spots": {"seed": 5}}).json()["spots"]["result"]["status"] == "SUBMITTED"
    assert started[1:] == [{"model": "spots", "seed": 5}]


def test_a_network_that_another_process_trains_is_refused(
    app: Any, client: TestClient, started: list[dict[str, Any]]
) -> None:
    with training_lock(app.settings.model_root / "spots"):
        assert_refused(client.post("/train/spots"), 409, f"is being trained already, by process {os.getpid()} on ")
    assert started == []


def test_a_stop_with_nothing_to_stop_is_answered_as_the_client_expects(client: TestClient) -> None:
    for address in ("/train/", "/train/spots"):
        response = client.delete(address)
        assert (response.status_code, response.json()) == (200, None)
    assert_refused(client.delete("/train/ear"), 404, "'ear'")


@pytest.mark.parametrize(
    ("address", "params", "status", "words"),
    [
        ("/train/ear", {}, 404, "There is no protocol 'ear' to train; there are spots."),
        ("/train/spots", {"name": "x"}, 422, "'name' is unknown; use max_epochs, minutes, batch_size"),
        ("/train/spots", {"max_epochs": -1}, 422, "'max_epochs' cannot be -1"),
        ("/train/spots", {"device": "cuda:99"}, 422, "'device' cannot be 'cuda:99': this machine has auto, cpu"),
        ("/train/spots", [1], 422, "valid dictionary"),
        ("/train/", {"ear": {}}, 404, "'ear'"),
        ("/train/", {"spots": {"bad": 1}}, 422, "'bad' is unknown"),
        (
            "/activelearning/psychic",
            {},
            404,
            "There is no strategy 'psychic'; there are first, random, uncertainty, diversity, hybrid.",
        ),
        ("/scoring/dice", {}, 404, "There is no scoring method 'dice'"),
        ("/batch/infer/ear", {}, 404, "There is no model 'ear'"),
        ("/batch/infer/spots", {}, 409, "POST /train/spots"),
    ],
)
def test_wrong_requests_are_refused(
    client: TestClient, started: list[dict[str, Any]], address: str, params: Any, status: int, words: str
) -> None:
    response = client.post(address, json=params)
    assert_refused(response, status, words)
    assert started == []


def test_batch_predictions_never_replace_a_persons_label(app: Any, client: TestClient) -> None:
    publish_random(app)
    response = client.post("/batch/infer/spots", json={"label_tag": "final"})
    assert_refused(response, 422, "never replace a person's label")


def test_batch_inference_keeps_proposals(app: Any) -> None:
    publish_random(app)
    result = app.batch_infer({"model": "spots", "images": "all", "max_workers": 1, "multi_gpu": False, "device": "cpu"})
    assert set(result) == {"spot_00", "spot_01", "spot_02"}
    assert app.datastore().status()["label_tags"] == {"original": 3}
    assert app.datastore().get_labeled_images() == []


def test_weights_can_be_downloaded_but_not_replaced(app: Any, client: TestClient) -> None:
    publish_random(app)
    assert app.model_file("spots") == str(app.settings.model_root / "spots" / "v1.safetensors")
    for response in (client.delete("/model/spots"), client.put("/model/spots", files={"file": ("x.pt", b"x")})):
        assert_refused(response, 405, "POST /train/spots")
    assert Path(app.model_file("spots")).is_file()


def test_a_second_installation_replaces_the_first(app: Any) -> None:
    web = FastAPI()
    web.add_api_route("/info/", lambda: {})
    install_routes(web, app.service, app)
    count = len(web.router.routes)
    install_routes(web, app.service, app)
    assert len(web.router.routes) == count


def test_two_servers_of_a_process_answer_each_with_their_own_app(
    app: Any, client: TestClient, make_app: Callable[..., Any], upload: Callable[..., bytes], tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    spot_image(0).save(tmp_path / "other" / "spot_00.png")
    model_dir = str(tmp_path / "other model")
    other = client_of(make_app(tmp_path / "other", model_dir=model_dir, allow="reload", readers="2"))
    assert put_label(client, upload()).status_code == 200
    servers = [client, other, client]
    assert [server.get("/datastore/").json()["total"] for server in servers] == [3, 1, 3]
    listed = [server.get("/datastore/images").json() for server in servers]
    assert [(page["total"], page["states"]["final"]) for page in listed] == [(3, 1), (1, 0), (3, 1)]
    told = [server.get("/info/").json() for server in servers]
    assert [info["readers"] for info in told] == [1, 2, 1]
    assert told[0]["instance"] == told[2]["instance"] != told[1]["instance"]
    assert [server.get("/datastore/image/info?image=spot_02").status_code for server in servers] == [200, 404, 200]
    assert [server.post("/reload").status_code for server in servers] == [403, 200, 403]
    assert_refused(other.post("/activelearning/first", json={}), 422, "This study has 2 readers")
    assert client.post("/activelearning/first", json={}).json()["id"] == "spot_01"
    publish_random(app)
    infers = [server.post("/infer/spots?image=spot_00&output=json").status_code for server in servers]
    assert infers == [200, 409, 200]


def test_info_describes_the_protocols(app: Any) -> None:
    info = app.info()
    described = info["protocols"]["spots"]
    assert [landmark["name"] for landmark in described["landmarks"]] == list(NAMES)
    assert described["landmarks"][1]["optional"] is True
    assert described["measurements"][0]["between"] == ["bright", "dim"]
    assert info["train_stats"] == {"spots": {"status": "never"}}
    assert list(info["strategies"]) == ["first", "random", "uncertainty", "diversity", "hybrid"]
    assert "uncertainty" in info["scoring"]
    json.dumps(info, allow_nan=False)


def test_protocols_with_labels_come_first_then_those_that_find_landmarks(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path], tmp_path: Path
) -> None:
    folder, studies = tmp_path / "three", make_studies(3)
    folder.mkdir()
    for name, landmark in (("arrows", "tip"), ("blobs", "middle"), ("spots", "bright")):
        text = SPOTS.replace("name: spots", f"name: {name}").replace("bright", landmark)
        (folder / f"{name}.yaml").write_text(text)
    app = make_app(studies, protocols="arrows,blobs,spots", protocol_dir=str(folder))
    assert list(app.info()["protocols"]) == ["arrows", "blobs", "spots"]
    publish_random(app, protocol=app.settings.protocols["blobs"])
    assert list(app.info()["protocols"]) == ["blobs", "arrows", "spots"]
    labels = studies / "labels" / "final"
    write_label(labels / "spot_01.mrk.json", studies / "spot_01.png", spot_points(1))
    app = make_app(studies, protocols="arrows,blobs,spots", protocol_dir=str(folder))
    assert list(app.info()["protocols"]) == ["spots", "blobs", "arrows"]


def test_app_class_is_a_direct_child_as_monai_label_demands(app_module: ModuleType) -> None:
    assert [base.__name__ for base in app_module.LandmarksApp.__bases__] == ["MONAILabelApp"]
