"""What the client makes of right answers, and of fields that have the wrong type."""

from __future__ import annotations

import re
from typing import Any

import pytest
from LandmarkDetectionLib.errors import BadAnswer, WrongDefinition
from LandmarkDetectionLib.server.http_client import HttpClient
from LandmarkDetectionLib.server.images import ImageEntry
from LandmarkDetectionLib.server.prediction import Prediction
from LandmarkDetectionLib.server.server_info import ServerInfo, TrainStats
from rude_server import RudeServer, Visit
from session_parts import PROTOCOL, TASK, answer, info_document


def test_list_of_images_is_read_page_by_page() -> None:
    def page(visit: Visit) -> None:
        offset, limit = (int(re.search(f"{name}=(\\d+)", visit.line)[1]) for name in ("offset", "limit"))
        images = [{"id": f"i{n:04}", "state": "draft", "file": f"i{n:04}.png"} for n in range(2500)]
        visit.say({"total": 2500, "states": {"draft": 2500}, "images": images[offset : offset + limit]})

    with RudeServer(page) as server:
        images = HttpClient(server.url).images("i", "draft")
        assert [visit.line.split("?")[1].split(" ")[0] for visit in server.visits] == [
            f"search=i&state=draft&offset={offset}&limit=1000" for offset in (0, 1000, 2000)
        ]
    assert (len(images), images.counts) == (2500, {"draft": 2500})
    assert [entry.id for entry in images] == [f"i{n:04}" for n in range(2500)]


def test_next_sample_and_its_end() -> None:
    with RudeServer(lambda v: v.say({"id": "a", "path": "/x"})) as server:
        assert HttpClient(server.url).next_sample("first", {"client_id": "me"}) == ("a", "")
        assert server.visits[0].line.startswith("POST /activelearning/first ")
        assert (server.visits[0].body, server.visits[0].headers["content-type"]) == (
            b'{"client_id": "me"}',
            "application/json",
        )
    with RudeServer(lambda v: v.say({"id": "a", "note": "None is scored yet."})) as server:
        assert HttpClient(server.url).next_sample("uncertainty") == ("a", "None is scored yet.")
    with RudeServer(lambda v: v.say({"message": "All 9 images are labelled."})) as server:
        assert HttpClient(server.url).next_sample("first") == (None, "All 9 images are labelled.")


def test_progress_of_training() -> None:
    stats = TrainStats.from_dict(
        {"status": "running", "epoch": 3, "max_epochs": 12, "loss": 0.5, "val_error": None, "labels_used": 7}
    )
    assert (stats.active, stats.loss, stats.val_error, stats.labels_used) == (True, 0.5, None, 7)
    never = TrainStats.from_dict({"status": "never"})
    assert (never.active, never.loss) == (False, None)
    assert TrainStats.from_dict(None) == TrainStats()


@pytest.mark.parametrize(
    "change",
    [
        {"protocols": []},
        {"protocols": {"head": {**PROTOCOL, "landmarks": 7}}},
        {"models": []},
        {"models": {"head": []}},
        {"strategies": 1},
        {"train_stats": {"head": {"loss": "low"}}},
        {"train_stats": {"head": {"loss": float("nan")}}},
        {"trainers": {"head": []}},
    ],
)
def test_info_of_the_wrong_type_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer):
        ServerInfo.from_dict(info_document(**change) if "protocols" not in change else {**info_document(), **change})


def test_protocol_without_network_or_training_is_offered_all_the_same() -> None:
    info = ServerInfo.from_dict(info_document(models={}, trainers={}, train_stats={}))
    assert (list(info.tasks), info.models.get("head"), dict(info.train_stats)) == (["head"], None, {})


def test_label_that_opens_with_an_image() -> None:
    labels = {tag: {"protocol": tag[:2]} for tag in ("original", "final", "draft")}
    entry = ImageEntry.from_dict({"id": "a", "state": "final", "file": "a.png", "labels": labels})
    assert (entry.open_tag, entry.protocol) == ("draft", "dr")
    del labels["draft"]
    assert ImageEntry.from_dict({"id": "a", "labels": labels}).open_tag == "final"
    assert ImageEntry.from_dict({"id": "a"}).protocol == ""
    for wrong in ([], {"id": 1}, {"id": "a", "labels": {"final": 1}}):
        with pytest.raises(BadAnswer):
            ImageEntry.from_dict(wrong)


def test_prediction_of_other_landmarks_is_refused() -> None:
    document = answer()
    for wrong in (
        {**document, "protocol": "foot"},
        {**document, "landmarks": document["landmarks"][::-1]},
        {**document, "landmarks": document["landmarks"][:6]},
    ):
        with pytest.raises(WrongDefinition, match="connect again"):
            Prediction.from_document(wrong, TASK)


@pytest.mark.parametrize(
    "change",
    [
        {"position": None},
        {"position": [1.0, 2.0]},
        {"position": [1.0, 2.0, float("nan")]},
        {"status": "lost"},
        {"confidence": "high"},
        {"radius": "wide"},
        {"name": None},
    ],
)
def test_prediction_of_the_wrong_type_is_refused(change: dict[str, Any]) -> None:
    document = answer()
    document["landmarks"][2] = {**document["landmarks"][2], **change}
    with pytest.raises(BadAnswer):
        Prediction.from_document(document, TASK)


def test_place_of_a_missing_landmark_is_no_position() -> None:
    prediction = Prediction.from_document(answer(missing=("nose",)), TASK)
    assert (prediction.points[2].status, prediction.points[2].position) == ("missing", None)
