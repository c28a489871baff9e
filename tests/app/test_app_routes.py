"""The HTTP contract on the app's own routes, with real (untrained) weights and no server process."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from app_spots import NAMES, spot_image, spot_points, write_label
from fastapi import FastAPI
from fastapi.testclient import TestClient
from lib.infers import LandmarkInfer
from lib.routes import install_routes
from lib.routes import train as train_routes

from monai_ext.landmarks import Protocol, Status
from monai_ext.landmarks.markups import read_markups
from monai_ext.networks.model_store import publish
from monai_ext.networks.registry import build_network
from monai_ext.transforms.image_io import read_frame


@pytest.fixture
def app(make_app: Callable[..., Any], make_studies: Callable[[int], Path]) -> Any:
    return make_app(make_studies(3))


@pytest.fixture
def client(app: Any) -> TestClient:
    web = FastAPI()
    install_routes(web, app.service, app)
    return TestClient(web, raise_server_exceptions=True)


@pytest.fixture
def upload(app: Any, tmp_path: Path) -> Callable[..., bytes]:
    """The bytes of a label of spot_00."""

    def make(points: object = None, status: object = None) -> bytes:
        points = spot_points(0) if points is None else points
        return write_label(tmp_path / "l.mrk.json", image_file(app, "spot_00"), points, status).read_bytes()

    return make


def image_file(app: Any, image: str) -> Path:
    return Path(app.datastore().get_image_uri(image))


def publish_random(app: Any, seed: int = 0, protocol: Protocol | None = None) -> str:
    """Publishes an untrained network; returns its version."""
    torch.manual_seed(seed)
    protocol = protocol or app.settings.protocols["spots"]
    card = {"protocol": protocol, "labels_used": 2, "val_images": ("a",), "val_error": 9.0, "unit": "px"}
    card |= {"epochs": 1, "seed": seed, "date": "2026-01-01T00:00:00+00:00"}
    return publish(app.settings.model_root / "spots", build_network(protocol).state_dict(), card).version


def put_label(client: TestClient, content: bytes, image: str = "spot_00", tag: str = "final", **params: Any) -> Any:
    return client.put(
        "/datastore/label",
        params={"image": image, "tag": tag},
        files={"label": ("/tmp/upload.mrk.json", content)},
        data={"params": json.dumps(params)},
    )


def assert_refused(response: Any, status: int, words: str) -> None:
    """A 4xx status with one sentence that holds the words."""
    assert response.status_code == status, response.text
    detail = response.json()["detail"]
    assert words in detail
    assert detail[0].isupper() or detail[0] in "'-/" or detail.startswith("params.") or ".mrk.json" in detail
    assert detail.endswith(".")
    assert "\n" not in detail
    assert "Traceback" not in detail


# Inference


def test_infer_answers_multipart_with_markups_and_json(app: Any, client: TestClient, tmp_path: Path) -> None:
    version = publish_random(app)
    response = client.post("/infer/spots", params={"image": "spot_01"})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("multipart/form-data")
    params, markups = split_multipart(response)
    document = json.loads(params["body"])
    assert 'filename="spot_01.mrk.json"' in markups["head"]
    assert 'name="image"' in markups["head"]
    (tmp_path / "answer.mrk.json").write_bytes(markups["body"])
    frame = read_frame(image_file(app, "spot_01"))
    landmarks = read_markups(tmp_path / "answer.mrk.json", frame)
    assert landmarks.names == NAMES
    assert [entry["name"] for entry in document["landmarks"]] == list(NAMES)
    np.testing.assert_allclose(landmarks.points, [entry["pixel"] for entry in document["landmarks"]], atol=1e-6)
    assert document["protocol"] == "spots"
    assert document["image"] == "spot_01"
    assert (document["model_version"], document["unit"], document["spacing"]) == (version, "px", [1.0, 1.0])
    assert list(Path(tmp_path).glob("landmarks-*")) == []


def split_multipart(response: Any) -> list[dict[str, Any]]:
    boundary = response.headers["content-type"].split("boundary=")[1].encode()
    parts = response.content.split(b"--" + boundary)[1:-1]
    split = [part.strip(b"\r\n").split(b"\r\n\r\n", 1) for part in parts]
    found = [{"head": head.decode(), "body": body} for head, body in split]
    return sorted(found, key=lambda part: 'name="params"' not in part["head"])


def test_infer_answers_json_or_the_markups_alone(app: Any, client: TestClient) -> None:
    publish_random(app)
    document = client.post("/infer/spots?image=spot_00&output=json").json()
    assert {"protocol", "model_version", "landmarks", "measurements", "uncertainty", "latencies"} <= document.keys()
    markups = client.post("/infer/spots?image=spot_00&output=image")
    assert [point["label"] for point in markups.json()["markups"][0]["controlPoints"]] == list(NAMES)
    assert "spot_00.mrk.json" in markups.headers["content-disposition"]
    for output in ("dicom_seg", "xml"):
        assert client.post(f"/infer/spots?image=spot_00&output={output}").status_code == 422


def test_infer_without_weights_says_how_to_train(client: TestClient) -> None:
    response = client.post("/infer/spots?image=spot_00")
    assert_refused(response, 409, "POST /train/spots or `monai-landmarks train --protocol spots --studies DIR`")


def test_unknown_model_and_image_are_refused(app: Any, client: TestClient) -> None:
    publish_random(app)
    assert_refused(client.post("/infer/ear?image=spot_00"), 404, "There is no model 'ear'; there are spots.")
    assert_refused(client.post("/infer/spots?image=nobody"), 404, "There is no image 'nobody'")
    path = str(image_file(app, "spot_00"))
    assert_refused(client.post("/infer/spots", params={"image": path}), 404, "use an image ID")
    assert_refused(client.post("/infer/spots", params={"image": "/etc/passwd"}), 404, "use an image ID")
    assert_refused(client.post("/infer/spots"), 422, "State the image")
    assert_refused(client.post("/infer/spots?session_id=../x"), 404, "There is no session '../x'")


@pytest.mark.parametrize("name", ["image", "model", "device", "path"])
def test_params_cannot_override_the_address(app: Any, client: TestClient, name: str) -> None:
    publish_random(app)
    response = client.post("/infer/spots?image=spot_00", data={"params": json.dumps({name: "spot_01"})})
    assert_refused(response, 422, f"params.{name} cannot override the request")


@pytest.mark.parametrize("params", ["{", "[1]", '{"x": NaN}', "1" * 5000, "[" * 5000])
def test_params_that_are_no_json_object_are_refused(app: Any, client: TestClient, params: str) -> None:
    publish_random(app)
    response = client.post("/infer/spots?image=spot_00", data={"params": params})
    assert response.status_code == 422
    assert isinstance(response.json()["detail"], str)


def test_image_that_cannot_be_read_is_named(app: Any, client: TestClient) -> None:
    publish_random(app)
    image_file(app, "spot_02").write_bytes(b"not an image")
    response = client.post("/infer/spots?image=spot_02")
    assert response.status_code == 400
    assert "spot_02.png" in response.json()["detail"]


def test_image_file_of_a_request_is_answered(app: Any, client: TestClient) -> None:
    publish_random(app)
    picture = io.BytesIO()
    spot_image(1).save(picture, "PNG")
    sent = client.post("/infer/spots?output=json", files={"file": ("eye.left.png", picture.getvalue())}).json()
    stored = client.post("/infer/spots?image=spot_01&output=json").json()
    assert sent["image"] == "eye.left"
    assert sent["landmarks"] == stored["landmarks"]
    assert app.datastore().list_images() == ["spot_00", "spot_01", "spot_02"]


def test_new_weights_are_used_without_a_restart(app: Any, client: TestClient) -> None:
    publish_random(app, seed=1)
    first = client.post("/infer/spots?image=spot_00&output=json").json()
    publish_random(app, seed=2)
    second = client.post("/infer/spots?image=spot_00&output=json").json()
    assert (first["model_version"], second["model_version"]) == ("v1", "v2")
    assert first["landmarks"] != second["landmarks"]


def test_only_networks_with_fitting_weights_are_offered(app: Any, client: TestClient) -> None:
    assert app.info()["models"] == {}
    publish_random(app)
    assert app.info()["models"]["spots"]["labels"] == list(NAMES)
    other = app.settings.protocols["spots"]
    renamed = other.landmarks[0].model_copy(update={"name": "brighter"})
    publish_random(
        app, protocol=other.model_copy(update={"landmarks": (renamed, other.landmarks[1]), "measurements": ()})
    )
    assert app.info()["models"] == {}
    assert_refused(client.post("/infer/spots?image=spot_00"), 409, "was trained for the landmarks brighter, dim")
    (app.settings.model_root / "spots" / "card.json").write_text("{")
    assert app.info()["models"] == {}
    assert_refused(client.post("/infer/spots?image=spot_00"), 409, "card.json is damaged")


def test_damaged_weights_are_not_replaced_by_random_ones(app: Any, client: TestClient) -> None:
    publish_random(app)
    (app.settings.model_root / "spots" / "v1.safetensors").write_bytes(b"")
    assert_refused(client.post("/infer/spots?image=spot_00"), 409, "v1.safetensors")


def test_a_slow_prediction_blocks_no_other_request(
    app: Any, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_random(app)
    begun, go_on = threading.Event(), threading.Event()
    predict = LandmarkInfer.predict

    def slow(task: LandmarkInfer, path: Path, image: str) -> Any:
        begun.set()
        assert go_on.wait(20)
        return predict(task, path, image)

    monkeypatch.setattr(LandmarkInfer, "predict", slow)
    with client:  # one event loop for all requests
        answers: list[Any] = []
        slow_request = threading.Thread(target=lambda: answers.append(client.post("/infer/spots?image=spot_00")))
        slow_request.start()
        assert begun.wait(20)
        assert client.post("/activelearning/nobody").status_code == 404  # answered meanwhile
        assert answers == []
        go_on.set()
        slow_request.join()
    assert answers[0].status_code == 200


# Labels


def test_label_is_stored_as_sent_with_its_origin(app: Any, client: TestClient, upload: Callable[..., bytes]) -> None:
    version = publish_random(app)
    proposed = client.post("/infer/spots?image=spot_00&output=json").json()["landmarks"]
    content = upload()
    response = put_label(client, content, client_id="me")
    assert response.status_code == 200, response.text
    store = app.datastore()
    assert Path(store.get_label_uri("spot_00", "final")).read_bytes() == content
    info = store.get_label_info("spot_00", "final")
    moved = np.linalg.norm(np.array([entry["pixel"] for entry in proposed]) - spot_points(0), axis=1)
    assert (info["protocol"], info["model_version"], info["unit"]) == ("spots", version, "px")
    assert info["client_id"] == "me"
    np.testing.assert_allclose(list(info["displacement"].values()), moved, atol=1e-3)
    assert list(info["displacement"]) == list(NAMES)


def test_origin_is_known_after_a_restart_when_the_proposal_was_kept(
    app: Any, make_app: Callable[..., Any], client: TestClient, upload: Callable[..., bytes]
) -> None:
    version = publish_random(app)
    kept = client.post("/infer/spots?image=spot_00&output=json", data={"params": '{"save_label": true}'}).json()
    assert app.datastore().get_label_info("spot_00", "original")["model_version"] == version
    again = make_app(app.datastore().folder)
    web = FastAPI()
    install_routes(web, again.service, again)
    info = put_label(TestClient(web), upload()).json()["info"]
    moved = np.hypot(*(np.array(kept["landmarks"][0]["pixel"]) - spot_points(0)[0]))
    assert info["model_version"] == version
    assert info["displacement"]["bright"] == pytest.approx(moved, abs=1e-3)


def test_missing_landmark_and_draft_are_kept(app: Any, client: TestClient, upload: Callable[..., bytes]) -> None:
    status = [Status.DEFINED, Status.MISSING]
    assert put_label(client, upload(status=status)).status_code == 200
    nothing = upload(np.full((2, 2), np.nan), [Status.UNDEFINED] * 2)
    assert put_label(client, nothing, "spot_01", tag="draft").status_code == 200
    assert_refused(put_label(client, nothing, "spot_01"), 400, "Every landmark of the label is undefined")
    assert app.datastore().status()["label_tags"] == {"final": 1, "draft": 1}
    assert app.datastore().get_labeled_images() == ["spot_00"]


def _with(content: bytes, old: str, new: str) -> bytes:
    assert old in content.decode()
    return content.decode().replace(old, new).encode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: b"", "spot_00.mrk.json"),
        (lambda c: b"\x89PNG\r\n", "spot_00.mrk.json"),
        (lambda c: b"[" * 100_000, "spot_00.mrk.json"),
        (lambda c: b'{"markups": []}', "spot_00.mrk.json"),
        (lambda c: _with(c, '"bright"', '"nose"'), "fit no served protocol"),
        (lambda c: _with(c, '"bright"', '"dim"'), "'dim' more than once"),
        (lambda c: _with(c, '"LPS"', '"RAS"'), "outside the image of 88 x 64 pixels"),
        (lambda c: _with(c, '"LPS"', '"XYZ"'), "coordinateSystem"),
    ],
)
def test_label_that_does_not_fit_is_refused_and_nothing_is_stored(
    app: Any, client: TestClient, upload: Callable[..., bytes], change: Callable[[bytes], bytes], words: str
) -> None:
    index = (app.datastore().folder / "datastore_v2.json").read_bytes()
    response = put_label(client, change(upload()))
    assert_refused(response, 400, words)
    assert "/tmp" not in response.json()["detail"]
    assert (app.datastore().folder / "datastore_v2.json").read_bytes() == index
    assert list((app.datastore().folder / "labels").rglob("*.*")) == []


def test_label_of_an_unknown_image_tag_or_protocol_is_refused(
    app: Any, client: TestClient, upload: Callable[..., bytes]
) -> None:
    assert_refused(put_label(client, upload(), "nobody"), 404, "There is no image 'nobody'")
    assert_refused(put_label(client, upload(), "/etc/passwd"), 404, "use an image ID")
    for tag in ("finale", "../up", "Final"):
        assert_refused(put_label(client, upload(), tag=tag), 400, "use one of final, draft, original")
    assert_refused(put_label(client, upload(), protocol="ear"), 404, "The protocol 'ear' is not served")
    assert_refused(put_label(client, upload(), protocol=7), 400, "params.protocol must be the name")
    response = client.put("/datastore/label?image=spot_00")
    assert response.status_code == 422
    assert "label" in response.json()["detail"]
    assert app.datastore().get_labeled_images() == []


@pytest.mark.parametrize("value", ["\ud800", [[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]])
def test_params_that_cannot_be_stored_are_refused(
    app: Any, client: TestClient, upload: Callable[..., bytes], value: object
) -> None:
    assert_refused(put_label(client, upload(), note=value), 400, "The info of an image or label")
    assert app.datastore().get_labeled_images() == []


def test_label_of_another_protocol_is_not_overwritten(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path], tmp_path: Path
) -> None:
    app = make_app(make_studies(1), protocols="spots,fundus")
    web = FastAPI()
    install_routes(web, app.service, app)
    client = TestClient(web)
    content = write_label(tmp_path / "l.mrk.json", image_file(app, "spot_00"), spot_points(0)).read_bytes()
    fundus = _with(_with(content, '"bright"', '"fovea"'), '"dim"', '"optic_disc"')
    assert put_label(client, fundus).json()["info"]["protocol"] == "fundus"
    assert_refused(put_label(client, content), 409, "belongs to the protocol fundus")
    assert b"fovea" in Path(app.datastore().get_label_uri("spot_00", "final")).read_bytes()


def test_label_info_can_be_changed(app: Any, client: TestClient, upload: Callable[..., bytes]) -> None:
    put_label(client, upload())
    address = "/datastore/label/info?label=spot_00&tag=final"
    assert client.put(address, data={"info": '{"seen": 1}'}).status_code == 200
    assert app.datastore().get_label_info("spot_00", "final")["seen"] == 1
    assert_refused(client.put(address, data={"info": "nonsense"}), 422, "'info' must be a JSON object")
    missing = client.put("/datastore/label/info?label=spot_01&tag=final", data={"info": "{}"})
    assert_refused(missing, 404, "has no label 'final'")


# Images


def test_image_is_stored_under_its_whole_name(app: Any, client: TestClient) -> None:
    picture = io.BytesIO()
    spot_image(4).save(picture, "PNG")
    sent = {"file": ("/home/me/eye.left.01.png", picture.getvalue())}
    assert client.put("/datastore/image", files=sent).json() == {"image": "eye.left.01"}
    assert image_file(app, "eye.left.01").read_bytes() == picture.getvalue()
    for bad in ({"file": ("x.txt", b"text")}, {"file": ("x.png", b"text")}):
        response = client.put("/datastore/image", files=bad)
        assert response.status_code == 400
        assert "x." in response.json()["detail"]
        assert "/tmp" not in response.json()["detail"]
    assert_refused(client.put("/datastore/image?image=../x", files=sent), 400, "cannot be an image ID")


def test_labelled_image_is_replaced_only_by_one_that_its_labels_fit(
    app: Any, client: TestClient, upload: Callable[..., bytes]
) -> None:
    put_label(client, upload())
    for size, status in (((88, 64), 200), ((64, 88), 409)):
        picture = io.BytesIO()
        spot_image(4, size).save(picture, "PNG")
        response = client.put("/datastore/image?image=spot_00", files={"file": ("new.png", picture.getvalue())})
        assert response.status_code == status, response.text
    assert app.datastore().get_labeled_images() == ["spot_00"]
    assert read_frame(image_file(app, "spot_00")).size == (88, 64)


# Training, the next image, the rest


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The training requests that would have been run."""
    found: list[dict[str, Any]] = []

    def run(method: str, request: dict, params: dict, force_sync: bool, enqueue: bool) -> Any:
        if found and not enqueue:
            return None, "busy"
        found.append({**request, **params})
        return {"id": "1", "status": "SUBMITTED"}, None

    monkeypatch.setattr(train_routes.AsyncTask, "run", staticmethod(run))
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


@pytest.mark.parametrize(
    ("address", "params", "status", "words"),
    [
        ("/train/ear", {}, 404, "There is no protocol 'ear' to train; there are spots."),
        ("/train/spots", {"name": "x"}, 422, "'name' is unknown; use max_epochs, batch_size"),
        ("/train/spots", {"max_epochs": -1}, 422, "'max_epochs' cannot be -1"),
        ("/train/spots", [1], 422, "valid dictionary"),
        ("/train/", {"ear": {}}, 404, "'ear'"),
        ("/train/", {"spots": {"bad": 1}}, 422, "'bad' is unknown"),
        ("/activelearning/psychic", {}, 404, "There is no strategy 'psychic'; there are first, random."),
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
    assert_refused(response, 422, "they never replace a person's label")


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


def test_info_describes_the_protocols(app: Any) -> None:
    info = app.info()
    described = info["protocols"]["spots"]
    assert [landmark["name"] for landmark in described["landmarks"]] == list(NAMES)
    assert described["landmarks"][1]["optional"] is True
    assert described["measurements"][0]["between"] == ["bright", "dim"]
    assert info["train_stats"] == {"spots": {"status": "never"}}
    assert list(info["strategies"]) == ["first", "random"]
    json.dumps(info, allow_nan=False)


def test_app_class_is_a_direct_child_as_monai_label_demands(app_module: ModuleType) -> None:
    assert [base.__name__ for base in app_module.LandmarksApp.__bases__] == ["MONAILabelApp"]
