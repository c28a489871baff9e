"""Auto-detect without a network: from the first labels on, told as such, until a network is published."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from app_requests import assert_refused, client_of, image_file, publish_random, put_label
from app_server import Server
from app_spots import NAMES, write_label
from fastapi.testclient import TestClient

from monai_ext.landmarks.geometry import transform_points

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "inferers"))
from texture import texture, view, write_picture

from monai_ext.transforms.resample import resample

SIZE = (300, 220)
PLACES = np.array([[90.0, 70.0], [210.0, 150.0]])
VIEWS = [view(*v, SIZE) for v in ((0, 1, (0, 0)), (6, 1.0, (8, 3)), (-5, 1.05, (-6, 4)), (3, 0.95, (15, -8)))]


def truth(number: int) -> np.ndarray:
    """(2, 2) where the places lie in image ``number``."""
    return np.asarray(transform_points(VIEWS[number], PLACES))


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    """One picture seen four times, and another picture."""
    folder = tmp_path / "textures"
    folder.mkdir()
    picture = texture(0, size=SIZE)
    for number, matrix in enumerate(VIEWS):
        drawn = resample(picture, matrix, SIZE, padding_mode="reflection")
        write_picture(folder / f"view_{number}.png", drawn)
    write_picture(folder / "other.png", texture(12, size=SIZE))
    return folder


@pytest.fixture
def house(make_app: Callable[..., Any], studies: Path) -> Any:
    return make_app(studies)


@pytest.fixture
def web(house: Any) -> TestClient:
    return client_of(house)


def label(
    house: Any, web: TestClient, number: int, points: object = None, tag: str = "final", status: object = None
) -> None:
    image = f"view_{number}"
    path = image_file(house, image).with_name("upload.tmp")
    points = truth(number) if points is None else points
    write_label(path.with_suffix(".mrk.json"), image_file(house, image), points, status)
    content = path.with_suffix(".mrk.json").read_bytes()
    path.with_suffix(".mrk.json").unlink()
    response = put_label(web, content, image, tag)
    assert response.status_code == 200, response.text


def infer(web: TestClient, image: str) -> dict[str, Any]:
    response = web.post("/infer/spots", params={"image": image, "output": "json"})
    assert response.status_code == 200, response.text
    return dict(response.json())


def pixels(document: dict[str, Any]) -> np.ndarray:
    return np.array([mark["pixel"] for mark in document["landmarks"]])


def test_from_the_first_label_on_points_are_proposed_and_said_to_be(house: Any, web: TestClient) -> None:
    assert web.get("/info/").json()["models"] == {}
    assert_refused(web.post("/infer/spots?image=view_1"), 409, "POST /train/spots or `monai-landmarks train")
    label(house, web, 0)
    offered = web.get("/info/").json()["models"]["spots"]
    assert offered["model_version"] == "first-labels"
    assert offered["training"]["labels_used"] == 1
    assert offered["message"] == "No network yet: Auto-detect matches the labelled images."

    document = infer(web, "view_1")
    assert document["model_version"] == "first-labels"
    assert document["message"] == "Matched with 1 labelled image, as there is no trained network yet: check each point."
    assert np.linalg.norm(pixels(document) - truth(1), axis=1).max() < 2
    for mark, name in zip(document["landmarks"], NAMES, strict=True):
        assert (mark["name"], mark["status"], mark["radius"]) == (name, "defined", None)
        assert 0.3 < mark["confidence"] <= 1
    assert json.dumps(document, allow_nan=False)


def test_labels_that_are_added_corrected_and_deleted_are_followed(house: Any, web: TestClient) -> None:
    label(house, web, 0)
    assert "1 labelled image," in infer(web, "view_3")["message"]
    label(house, web, 1)
    label(house, web, 2, tag="draft")
    document = infer(web, "view_3")
    assert "2 labelled images," in document["message"]
    assert np.linalg.norm(pixels(document) - truth(3), axis=1).max() < 2
    assert infer(web, "view_3")["latencies"]["cached"] is True

    assert web.delete("/datastore/label", params={"id": "view_1", "tag": "final"}).status_code == 200
    other = PLACES[::-1] + 5.0
    label(house, web, 0, other)  # a person changes their mind
    expected = np.asarray(transform_points(VIEWS[3], other))
    assert np.linalg.norm(pixels(infer(web, "view_3")) - expected, axis=1).max() < 2


def test_an_image_is_not_answered_by_its_own_label(house: Any, web: TestClient) -> None:
    label(house, web, 0)
    assert_refused(web.post("/infer/spots?image=view_0"), 409, "no other image has a final label")
    label(house, web, 1, truth(1) + 9.0)
    assert np.linalg.norm(pixels(infer(web, "view_1")) - truth(1), axis=1).max() < 2


def test_another_kind_of_image_gets_no_answer(house: Any, web: TestClient) -> None:
    label(house, web, 0)
    words = "has no trained network yet, and its one labelled image is not enough like this one"
    assert_refused(web.post("/infer/spots?image=other"), 409, words)


def test_labels_that_contradict_each_other_give_no_answer(house: Any, web: TestClient) -> None:
    still = np.array([[60.0, 60.0], [240.0, 60.0]])
    for number in (0, 1, 3):  # the points stay where they are, the picture moves
        label(house, web, number, still)
    words = "find each other's landmarks no better than by where they usually lie"
    assert_refused(web.post("/infer/spots?image=view_2"), 409, words)


def test_nothing_is_stored_unless_a_person_asks_and_then_as_a_proposal(house: Any, web: TestClient) -> None:
    label(house, web, 0)
    infer(web, "view_1")
    assert house.datastore().get_labels_by_image_id("view_1") == {}
    response = web.post("/infer/spots?image=view_1&output=json", data={"params": json.dumps({"save_label": True})})
    assert response.status_code == 200
    assert list(house.datastore().get_labels_by_image_id("view_1")) == ["original"]
    assert house.datastore().get_labeled_images() == ["view_0"]
    assert "1 labelled image," in infer(web, "view_2")["message"]

    label(house, web, 1, truth(1) + 1.0)
    info = house.datastore().get_label_info("view_1", "final")
    assert info["model_version"] == "first-labels"
    assert all(0.2 < distance < 4 for distance in info["displacement"].values())
    assert "2 labelled images," in infer(web, "view_2")["message"]


def test_a_network_takes_over_and_a_damaged_one_is_not_covered_up(house: Any, web: TestClient) -> None:
    label(house, web, 0)
    assert infer(web, "view_1")["model_version"] == "first-labels"
    publish_random(house)
    document = infer(web, "view_1")
    assert document["model_version"] == "v1"
    assert "message" not in document
    assert "message" not in web.get("/info/").json()["models"]["spots"]
    (house.settings.model_root / "spots" / "v1.safetensors").write_bytes(b"")
    assert_refused(web.post("/infer/spots?image=view_1"), 409, "v1.safetensors")
    assert web.get("/info/").json()["models"] == {}


def test_the_latest_labels_count_and_never_the_image_itself(
    house: Any, web: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lib.inference.label_matcher.MOST", 2)
    for number, day in ((0, 3), (1, 1), (2, 4), (3, 2)):
        label(house, web, number)
        house.datastore().update_label_info(f"view_{number}", "final", {"ts": day})
    matcher = house.service.infer_task("spots")._matcher
    assert [Path(source.image[0].path).stem for source in matcher.sources("other")] == ["view_0", "view_2"]
    assert [Path(source.image[0].path).stem for source in matcher.sources("view_2")] == ["view_0", "view_3"]
    assert "2 labelled images," in infer(web, "view_2")["message"]


def test_a_real_server_answers_an_uploaded_image(
    start_server: Callable[..., AbstractContextManager[Server]], studies: Path, protocol_dir: Path, tmp_path: Path
) -> None:
    folder = studies / "labels" / "final"
    folder.mkdir(parents=True)
    write_label(folder / "view_0.mrk.json", studies / "view_0.png", truth(0))
    sent = (studies / "view_2.png").read_bytes()
    conf = {"protocols": "spots", "protocol_dir": str(protocol_dir), "model_dir": str(tmp_path / "model")}
    with start_server(studies, **conf) as server:
        assert (
            requests.get(f"{server.url}/info/", timeout=30).json()["models"]["spots"]["model_version"] == "first-labels"
        )
        answer = requests.post(
            f"{server.url}/infer/spots?output=json", files={"file": ("new.png", sent)}, timeout=60
        ).json()
    assert answer["image"] == "new"
    assert np.linalg.norm(pixels(answer) - truth(2), axis=1).max() < 2


@pytest.mark.slow
def test_a_damaged_labelled_image_stops_no_other(house: Any, web: TestClient, studies: Path) -> None:
    for number in range(3):
        label(house, web, number)
    path = studies / "view_1.png"
    path.write_bytes(path.read_bytes()[:2000])
    answer = infer(web, "view_3")
    found = [landmark["pixel"] for landmark in answer["landmarks"]]
    np.testing.assert_allclose(found, truth(3), atol=1.5)
    assert "Matched with 2 labelled images" in answer["message"]


@pytest.mark.slow
def test_labels_that_share_no_landmark_help_each_other(house: Any, web: TestClient) -> None:
    nowhere = [np.nan, np.nan]
    label(house, web, 0, np.array([truth(0)[0], nowhere]), status=[1, -1])
    label(house, web, 1, np.array([nowhere, truth(1)[1]]), status=[-1, 1])
    answer = infer(web, "view_3")
    found = [landmark["pixel"] for landmark in answer["landmarks"]]
    np.testing.assert_allclose(found, truth(3), atol=3)
