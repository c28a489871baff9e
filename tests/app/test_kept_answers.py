"""Answers that the server keeps: only for the same image file and the same model, and never an error."""

from __future__ import annotations

import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from app_pause import Pause
from app_requests import image_file, know_one_image, publish_random, put_label
from app_spots import NAMES, spot_image, write_label
from fastapi.testclient import TestClient

from lib.proposals import Proposal
from monai_ext.images import read_frame
from monai_ext.inferers import Predictor
from monai_ext.landmarks.markups import read_markups
from monai_ext.models import Calibration, ConformalRadius, calibration_path, write_calibration


@pytest.fixture
def predicted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that the network looked at, in order."""
    seen: list[str] = []
    predict = Predictor.predict_stages

    def spy(predictor: Predictor, path: Any, *arguments: Any) -> Any:
        seen.append(os.path.basename(path))
        return predict(predictor, path, *arguments)

    monkeypatch.setattr(Predictor, "predict_stages", spy)
    return seen


def infer(client: TestClient, image: str = "spot_00") -> dict[str, Any]:
    response = client.post("/infer/spots", params={"image": image, "output": "json"})
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_an_unchanged_image_is_looked_at_once(app: Any, client: TestClient, predicted: list[str]) -> None:
    publish_random(app)
    first, second = infer(client), infer(client)
    assert predicted == ["spot_00.png"]
    assert second["latencies"] == {**first["latencies"], "cached": True}
    assert {**second, "latencies": None} == {**first, "latencies": None}
    markups = [client.post("/infer/spots?image=spot_00&output=image").content for _ in range(2)]
    assert markups[0] == markups[1]
    infer(client, "spot_01")
    assert predicted == ["spot_00.png", "spot_01.png"]


def test_a_replaced_image_gets_a_new_answer(app: Any, client: TestClient, predicted: list[str]) -> None:
    publish_random(app)
    before = infer(client)
    content = io.BytesIO()
    spot_image(7, size=(120, 90)).save(content, "PNG")
    files = {"file": ("spot_00.png", content.getvalue())}
    assert client.put("/datastore/image?image=spot_00", files=files).status_code == 200
    after = infer(client)
    assert "cached" not in after["latencies"]
    assert after["landmarks"] != before["landmarks"]
    assert len(predicted) == 2


def test_a_calibration_that_is_stored_later_gets_a_new_answer(app: Any, client: TestClient) -> None:
    version = publish_random(app)
    before = infer(client)
    assert [mark["radius"] for mark in before["landmarks"]] == [None] * len(NAMES)
    assert before["coverage"] is None
    folder = app.settings.model_root / "spots"
    radius = ConformalRadius.fit(np.arange(20.0)[:, None].repeat(len(NAMES), 1), NAMES)
    calibration = Calibration(protocol="spots", version=version, images=20, radius=radius)
    write_calibration(folder, calibration)
    after = infer(client)
    assert "cached" not in after["latencies"]
    assert [mark["radius"] for mark in after["landmarks"]] == [19.0] * len(NAMES)
    assert after["coverage"] == 0.95
    unsure = after["uncertainty"]
    assert (unsure["measure"], unsure["unit"], list(unsure["landmarks"])) == ("map_radius", "px", list(NAMES))
    assert unsure["score"] == pytest.approx(np.mean(list(unsure["landmarks"].values())))
    assert infer(client)["latencies"]["cached"] is True
    calibration_path(folder, version).write_text("{")
    refused = client.post("/infer/spots", params={"image": "spot_00", "output": "json"})
    assert refused.status_code == 409
    assert "is damaged" in refused.json()["detail"]
    calibration_path(folder, version).unlink()
    assert [mark["radius"] for mark in infer(client)["landmarks"]] == [None] * len(NAMES)


def test_an_image_unlike_those_of_the_training_is_answered_with_a_warning(app: Any, client: TestClient) -> None:
    publish_random(app)
    before = infer(client)
    assert "unfamiliar" not in before
    file = know_one_image(app.settings.model_root / "spots", image_file(app, "spot_01"))
    after = infer(client)
    assert "cached" not in after["latencies"]
    told = after["unfamiliar"]
    assert told["distance"] > told["threshold"] == 1e-9
    assert told["message"] == "This image is unlike those that the model was trained on; check every point."
    assert after["landmarks"] == before["landmarks"]
    assert infer(client)["unfamiliar"] == told
    known = client.post("/infer/spots", params={"image": "spot_01", "output": "json"}).json()
    assert "unfamiliar" not in known
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    refused = client.post("/infer/spots", params={"image": "spot_00", "output": "json"})
    assert refused.status_code == 409
    assert "spots/v1.familiar.npz" in refused.json()["detail"]
    assert "is damaged" in refused.json()["detail"]
    file.unlink()
    assert "unfamiliar" not in infer(client)


def test_an_image_changed_in_place_gets_a_new_answer(app: Any, client: TestClient) -> None:
    publish_random(app)
    path = image_file(app, "spot_00")
    before, old = infer(client), path.stat()
    spot_image(7, size=(120, 90)).save(path)
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))  # its size tells
    after = infer(client)
    assert "cached" not in after["latencies"]
    assert after["landmarks"] != before["landmarks"]


def test_an_image_replaced_while_it_is_looked_at_is_looked_at_again(
    app: Any, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_random(app)
    begun, go_on = threading.Event(), threading.Event()
    predict = Predictor.predict_stages

    def slow(predictor: Predictor, *arguments: Any) -> Any:
        found = predict(predictor, *arguments)
        begun.set()
        assert go_on.wait(20)
        return found

    monkeypatch.setattr(Predictor, "predict_stages", slow)
    old = app.service.ask("spots", "spot_00")
    assert begun.wait(20)
    content = io.BytesIO()
    spot_image(7, size=(120, 90)).save(content, "PNG")
    files = {"file": ("spot_00.png", content.getvalue())}
    assert client.put("/datastore/image?image=spot_00", files=files).status_code == 200
    go_on.set()
    assert old.result(20).document["image"] == "spot_00"
    new = infer(client)
    assert "cached" not in new["latencies"]
    assert new["landmarks"] != old.result().document["landmarks"]


def test_a_newly_published_model_gives_a_new_answer(app: Any, client: TestClient) -> None:
    publish_random(app, seed=1)
    assert infer(client)["model_version"] == "v1"
    publish_random(app, seed=2)
    for latencies in ({"total"}, {"total", "cached"}):
        answer = infer(client)
        assert answer["model_version"] == "v2"
        assert answer["latencies"].keys() == latencies


def test_errors_are_not_kept(app: Any, client: TestClient) -> None:
    publish_random(app)
    path = image_file(app, "spot_00")
    good, old = path.read_bytes(), path.stat()
    for content, status in ((bytes(len(good)), 400), (good, 200)):  # all that a file is known by stays the same
        path.write_bytes(content)
        os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))
        assert client.post("/infer/spots?image=spot_00").status_code == status


def test_equal_requests_at_the_same_time_are_predicted_once(
    app: Any, predicted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_random(app)
    pause = Pause(monkeypatch)
    futures = [app.service.ask("spots", "spot_00") for _ in range(6)]
    pause.wait_until_begun()
    pause.end()
    answers = [future.result(20).document for future in futures]
    assert predicted == ["spot_00.png"]
    assert all(answer == answers[0] for answer in answers)


def test_a_kept_answer_is_the_proposal_that_a_label_is_measured_against(
    app: Any, client: TestClient, tmp_path: Any
) -> None:
    publish_random(app)
    image = image_file(app, "spot_00")
    infer(client)
    proposed = infer(client)
    assert proposed["latencies"]["cached"] is True
    points = np.array([entry["pixel"] for entry in proposed["landmarks"]])
    later = Proposal("v7", read_markups(write_label(tmp_path / "x.mrk.json", image, points), read_frame(image), NAMES))
    app.service.proposals.remember("spots", "spot_00", later)
    infer(client)
    content = write_label(tmp_path / "l.mrk.json", image, points + np.array([3.0, 4.0])).read_bytes()
    info = put_label(client, content, model_version="v1").json()["info"]
    assert info["displacement"] == pytest.approx({"bright": 5.0, "dim": 5.0}, abs=1e-3)


def test_the_proposals_of_the_server_are_answered_alike_to_all(app: Any, client: TestClient) -> None:
    publish_random(app)
    with client, ThreadPoolExecutor(8) as pool:  # one event loop
        answers = list(pool.map(lambda _: infer(client), range(24)))
    for answer in answers:
        answer["latencies"].pop("cached", None)
    assert all(answer == answers[0] for answer in answers)


def test_files_that_are_sent_along_are_always_looked_at(app: Any, client: TestClient, predicted: list[str]) -> None:
    publish_random(app)
    content = io.BytesIO()
    spot_image(1).save(content, "PNG")
    for _ in range(2):
        response = client.post("/infer/spots?output=json", files={"file": ("eye.png", content.getvalue())})
        assert "cached" not in response.json()["latencies"]
    assert predicted == ["eye.png", "eye.png"]


def test_infer_cache_0_keeps_nothing(make_app: Any, make_studies: Any, predicted: list[str]) -> None:
    app = make_app(make_studies(1), infer_cache="0")
    publish_random(app)
    for _ in range(2):
        app.service.infer("spots", "spot_00")
    assert len(predicted) == 2
