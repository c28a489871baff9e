"""Inference over HTTP, with real (untrained) weights and no server process."""

from __future__ import annotations

import io
import json
import threading
from email.message import Message
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from app_requests import assert_refused, image_file, publish_random
from app_spots import NAMES, spot_image
from fastapi.testclient import TestClient
from monailabel.client.client import MONAILabelUtils

from lib.inference import LandmarkInfer
from monai_ext.images import read_frame
from monai_ext.inferers import Predictor
from monai_ext.landmarks.markups import read_markups


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


@pytest.mark.parametrize("image", ["Größe 1", "a+b (2)", "眼.left"])
def test_any_image_id_reaches_the_stock_client(app: Any, client: TestClient, image: str) -> None:
    publish_random(app)
    spot_image(3).save(app.datastore().folder / f"{image}.png")
    app.datastore().refresh()
    response = client.post("/infer/spots", params={"image": image})
    headers = Message()
    headers["content-type"] = response.headers["content-type"]
    headers["content-length"] = response.headers["content-length"]
    form, files = MONAILabelUtils.parse_multipart(io.BytesIO(response.content), headers)
    assert json.loads(form["params"])["image"] == image
    assert list(files) == [f"{image}.mrk.json"]
    alone = client.post("/infer/spots", params={"image": image, "output": "image"})
    assert MONAILabelUtils.get_filename(alone.headers["content-disposition"]) == f"{image}.mrk.json"


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


def test_without_memory_a_request_is_told_to_come_again(
    app: Any, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_random(app)
    predict = Predictor.predict_stages
    monkeypatch.setattr(Predictor, "predict_stages", lambda *_: torch.empty(1 << 50))  # a petabyte
    response = client.post("/infer/spots?image=spot_00")
    assert_refused(response, 503, "There is not enough memory on cpu for a prediction now")
    assert response.headers["retry-after"] == "30"
    monkeypatch.setattr(Predictor, "predict_stages", predict)
    assert client.post("/infer/spots?image=spot_00").status_code == 200


def test_a_slow_prediction_blocks_no_other_request(
    app: Any, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_random(app)
    begun, go_on = threading.Event(), threading.Event()
    predict = LandmarkInfer.predict

    def slow(task: LandmarkInfer, *arguments: Any) -> Any:
        begun.set()
        assert go_on.wait(20)
        return predict(task, *arguments)

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


def test_a_stated_pixel_size_answers_in_mm_at_once(app: Any, client: TestClient) -> None:
    publish_random(app)
    before = client.post("/infer/spots?image=spot_00&output=json").json()
    stated = {"spot_00": {"mm_per_px": [0.5, 0.25], "how": "ruler"}}
    (app.datastore().folder / "calibration.json").write_text(json.dumps(stated))
    after = client.post("/infer/spots?image=spot_00&output=json").json()
    assert (before["unit"], after["unit"], after["spacing"]) == ("px", "mm", [0.5, 0.25])
    assert [mark["pixel"] for mark in after["landmarks"]] == [mark["pixel"] for mark in before["landmarks"]]
    frame = client.get("/datastore/image/frame?image=spot_00").json()
    assert (frame["unit"], frame["spacing_source"]) == ("mm", "ruler")
