"""The background scores: what they are, what is found out anew and what is not, and what stays after a restart."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from app_pool import IMAGES, NAMES, SECONDS, Counter, House, scored, wait_for
from app_requests import assert_refused, publish_random
from app_spots import spot_image, spot_points, write_label

from lib.pool import Looker, image_pool
from lib.pool.protocol_pool import ProtocolPool
from monai_ext.inferers import Predictor
from monai_ext.networks import build_network


def check_like_library(house: House, version: str, measure: str = "map_radius") -> None:
    view, notes = house.view(measure), house.notes()
    table = house.pool.table("spots", NAMES)
    assert table is not None
    assert view.scores is not None
    assert view.features is not None
    for image, score, features in zip(NAMES, view.scores, view.features, strict=True):
        assert notes[image]["score"] == pytest.approx(score, rel=1e-5)
        assert (notes[image]["model_version"], notes[image]["measure"]) == (version, measure)
        assert table.images[image].score == notes[image]["score"]
        np.testing.assert_allclose(table.images[image].features, features, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("measure", ["map_radius", "augmentation"])
def test_scores_and_features_are_those_of_the_library(move_in: Callable[..., House], measure: str) -> None:
    house = move_in(measure=measure)
    assert house.pool.stats()["spots"] == {
        "status": "idle",
        "scored": 0,
        "images": IMAGES,
        "model_version": "v1",
        "measure": measure,
        "uncertainty": None,
        "message": "Images are scored once a strategy needs it, or by POST /scoring/uncertainty.",
    }
    house.pool.ask("spots")
    stats = scored(house.pool, IMAGES)
    assert (stats["images"], stats["model_version"], stats["measure"], stats["message"]) == (IMAGES, "v1", measure, "")
    scores = [note["score"] for note in house.notes().values()]
    assert stats["uncertainty"] == {"median": pytest.approx(np.median(scores)), "highest": max(scores)}
    check_like_library(house, "v1", measure)


def test_only_what_changed_is_looked_at_again(move_in: Callable[..., House], tmp_path: Path) -> None:
    house = move_in()
    store = house.app.datastore()
    for image in ("spot_00", "spot_02"):
        label = write_label(tmp_path / "l.mrk.json", house.studies / f"{image}.png", spot_points(0))
        store.save_label(image, str(label), "final", {})
    house.pool.ask("spots")
    scored(house.pool, IMAGES)
    assert house.counter.images == ["spot_01", "spot_03", "spot_00", "spot_02"]  # those that wait for a label first

    for _ in range(3):
        house.pool.ask("spots")
    spot_image(9).save(tmp_path / "new.png")
    store.add_image("new", str(tmp_path / "new.png"), {})
    house.pool.ask("spots")
    scored(house.pool, IMAGES + 1)
    assert house.counter.images[IMAGES:] == ["new"]

    old = house.notes()["spot_03"]["score"]
    spot_image(8).save(house.studies / "spot_03.png")
    house.pool.ask("spots")
    wait_for(lambda: len(house.counter.images) == IMAGES + 2)
    scored(house.pool, IMAGES + 1)
    assert house.counter.images[-1] == "spot_03"
    assert house.notes()["spot_03"]["score"] != old

    store.remove_image("new")
    house.pool.ask("spots")
    scored(house.pool, IMAGES)
    assert len(house.counter.images) == IMAGES + 2


def test_another_model_makes_all_stale(move_in: Callable[..., House]) -> None:
    house = move_in()
    house.pool.ask("spots")
    scored(house.pool, IMAGES)
    old = {image: note["score"] for image, note in house.notes().items()}
    assert publish_random(house.app, seed=1) == "v2"
    assert scored(house.pool, IMAGES)["model_version"] == "v2"  # asking how far it is is enough to begin
    first, again = house.counter.seen[:IMAGES], house.counter.seen[IMAGES:]
    assert sorted(first) == [(image, "v1") for image in NAMES]
    assert again == [(image, "v2") for image in sorted(NAMES, key=lambda image: -old[image])]  # the unsure ones first
    check_like_library(house, "v2")


def test_scores_stay_after_a_restart(move_in: Callable[..., House]) -> None:
    first = move_in()
    first.pool.ask("spots")
    scored(first.pool, IMAGES)
    notes = first.notes()
    first.pool.stop()

    second = move_in(seed=None)
    assert second.pool.stats()["spots"]["scored"] == IMAGES
    spot_image(8).save(second.studies / "spot_01.png")  # nobody asks: studies that were scored before are kept so
    second.pool.wake()
    wait_for(lambda: second.counter.images == ["spot_01"])
    scored(second.pool, IMAGES)
    second.pool.stop()
    assert {i: n for i, n in second.notes().items() if i != "spot_01"} == {
        i: n for i, n in notes.items() if i != "spot_01"
    }
    assert second.counter.images == ["spot_01"]
    check_like_library(second, "v1")


@pytest.mark.parametrize("content", [None, b"PK\x03\x04 no archive", b""])
def test_lost_features_are_found_out_anew(move_in: Callable[..., House], content: bytes | None) -> None:
    first = move_in()
    first.pool.ask("spots")
    scored(first.pool, IMAGES)
    first.pool.stop()
    path = first.studies / ".pool" / "spots.npz"
    assert path.stat().st_size < 20_000
    path.unlink() if content is None else path.write_bytes(content)
    second = move_in(seed=None)
    wait_for(lambda: len(second.counter.images) == IMAGES)
    scored(second.pool, IMAGES)
    check_like_library(second, "v1")
    assert path.stat().st_size > 1000


def test_an_image_that_cannot_be_read_is_named_and_left_out_until_it_changes(
    move_in: Callable[..., House], caplog: pytest.LogCaptureFixture
) -> None:
    house = move_in()
    (house.studies / "spot_02.png").write_bytes(b"no image")
    with caplog.at_level(logging.WARNING, "lib.pool.protocol_pool"):
        house.pool.ask("spots")
        stats = scored(house.pool, IMAGES - 1)
        assert stats["images"] == IMAGES
        assert stats["message"].startswith("1 not scored, as they cannot be read: spot_02.png")
        house.pool.wake()
        house.pool.ask("spots")
        scored(house.pool, IMAGES - 1)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "The image spot_02.png is not scored for spots"
    ]
    spot_image(2).save(house.studies / "spot_02.png")
    house.pool.ask("spots")
    assert scored(house.pool, IMAGES)["message"] == ""
    check_like_library(house, "v1")


@pytest.mark.parametrize("when", ["auto", "off"])
def test_an_image_that_is_being_written_is_looked_at_once_it_is_whole(
    move_in: Callable[..., House], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    house = move_in(pool_scores=when)
    house.pool.score_now(["spots"])
    scored(house.pool, IMAGES)
    looked, go_on = threading.Event(), threading.Event()
    look = ProtocolPool.look

    def look_and_wait(pool: ProtocolPool, image: str, lookers: Sequence[Looker]) -> None:
        look(pool, image, lookers)
        looked.set()
        assert go_on.wait(SECONDS)

    monkeypatch.setattr(ProtocolPool, "look", look_and_wait)
    (house.studies / "spot_02.png").write_bytes(b"")
    house.pool.score_now(["spots"])
    assert looked.wait(SECONDS)
    spot_image(8).save(house.studies / "spot_02.png")
    house.pool.score_now(["spots"])  # the thread is at work, and has found the image empty
    go_on.set()
    assert scored(house.pool, IMAGES)["message"] == ""
    assert house.counter.images == [*NAMES, "spot_02"]
    check_like_library(house, "v1")


def test_without_a_model_nothing_is_scored_until_there_is_one(move_in: Callable[..., House]) -> None:
    house = move_in(seed=None, pool_scores="always")
    stats = house.pool.stats()["spots"]
    assert (stats["status"], stats["scored"], stats["model_version"]) == ("no_model", 0, None)
    assert "POST /train/spots" in stats["message"]
    publish_random(house.app)
    assert scored(house.pool, IMAGES)["model_version"] == "v1"


def test_a_measure_that_the_model_cannot_have_is_said(move_in: Callable[..., House]) -> None:
    house = move_in(measure="ensemble")
    house.pool.ask("spots")
    wait_for(lambda: house.pool.stats()["spots"]["status"] == "failed")
    assert "cannot have the measure 'ensemble', as there is one model" in house.pool.stats()["spots"]["message"]
    assert house.counter.seen == []


def test_values_that_are_not_finite_are_no_scores(
    move_in: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = move_in()
    network = house.app.models["spots"].predictor().network
    with torch.no_grad():
        next(network.parameters()).fill_(torch.nan)  # weights that were damaged in memory
    house.pool.ask("spots")
    wait_for(lambda: house.pool.stats()["spots"]["status"] == "failed")
    assert "are not finite" in house.pool.stats()["spots"]["message"]
    assert set(house.notes().values()) == {None}
    publish_random(house.app, seed=1)
    assert scored(house.pool, IMAGES)["model_version"] == "v2"


def test_off_scores_once_on_request_only(move_in: Callable[..., House]) -> None:
    house = move_in(pool_scores="off")
    house.pool.ask("spots")
    house.pool.wake()
    answer = house.client.post("/scoring/uncertainty", json={"protocol": "spots"})
    assert answer.status_code == 200
    assert set(answer.json()) == {"spots"}
    assert answer.json()["spots"]["scored"] in range(IMAGES + 1)
    scored(house.pool, IMAGES)
    publish_random(house.app, seed=1)
    house.pool.ask("spots")
    house.pool.stop()
    assert len(house.counter.seen) == IMAGES
    stats = house.client.get("/scoring/").json()["spots"]
    assert (stats["status"], stats["scored"], stats["model_version"]) == ("idle", 0, "v2")


def test_scoring_requests_are_checked(move_in: Callable[..., House]) -> None:
    client = move_in().client
    assert_refused(client.post("/scoring/uncertainty", json={"protocol": "ear"}), 404, "'ear'; there are spots")
    assert_refused(client.post("/scoring/uncertainty", json={"protocol": [1]}), 422, "not [1]")
    assert client.delete("/scoring/").json()["spots"]["status"] == "idle"


def test_predictions_that_people_wait_for_go_first(move_in: Callable[..., House]) -> None:
    house = move_in()
    go_on = threading.Event()
    running = house.app.desk.slots.submit(lambda check: go_on.wait(20))
    house.pool.ask("spots")
    wait_for(
        lambda: house.pool.stats()["spots"]["status"] == "waiting" and house.pool._pools["spots"].state == "waiting"
    )
    assert house.counter.seen == []
    go_on.set()
    assert running.result(20)
    scored(house.pool, IMAGES)
    assert len(house.counter.seen) == IMAGES


def test_scores_are_written_in_batches(move_in: Callable[..., House], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_pool, "BATCH", 3)
    house = move_in()
    store, sizes = house.app.datastore(), []
    write = store.note_images

    def count(notes: dict[str, Any]) -> None:
        sizes.append(len(notes))
        write(notes)

    monkeypatch.setattr(store, "note_images", count)
    house.pool.ask("spots")
    scored(house.pool, IMAGES)
    house.pool.stop()
    assert sizes == [3, 1]


def test_a_stop_saves_what_was_found_out(move_in: Callable[..., House]) -> None:
    house = move_in()
    house.pool.ask("spots")
    wait_for(lambda: house.counter.seen)
    house.pool.stop()
    seen = house.counter.images
    assert {image for image, note in house.notes().items() if note is not None} == set(seen)


def test_scores_that_cannot_be_saved_are_kept(move_in: Callable[..., House], caplog: pytest.LogCaptureFixture) -> None:
    house = move_in()
    obstacle = house.studies / ".pool"
    obstacle.write_text("a file where a folder should be")
    house.pool.ask("spots")
    wait_for(lambda: len(house.counter.seen) == IMAGES)
    wait_for(lambda: "could not be saved, and are kept in memory" in caplog.text)
    assert set(house.notes().values()) == {None}
    assert house.pool.stats()["spots"]["scored"] == IMAGES
    obstacle.unlink()
    house.pool.wake()
    wait_for(lambda: None not in house.notes().values())
    assert len(house.counter.seen) == IMAGES
    check_like_library(house, "v1")


def test_a_looker_sees_what_it_wants_and_harms_nobody(
    move_in: Callable[..., House], caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Counter):
        def look(self, sight: Any) -> None:
            super().look(sight)
            raise KeyError("of the looker")

    house = move_in(ready=False)
    broken = Broken()
    house.pool.add_looker(broken)
    house.pool.start()
    house.pool.ask("spots")
    scored(house.pool, IMAGES)
    assert broken.images == house.counter.images
    assert "What was seen in spot_00.png could not be used" in caplog.text
    house.counter.wanted = {"spot_03", "spot_01"}
    house.pool.wake()
    wait_for(lambda: len(house.counter.images) == IMAGES + 2)
    scored(house.pool, IMAGES)
    assert sorted(house.counter.images[IMAGES:]) == ["spot_01", "spot_03"]


def test_a_sight_holds_the_landmarks_that_a_prediction_answers(move_in: Callable[..., House]) -> None:
    house = move_in()
    house.pool.ask("spots")
    scored(house.pool, IMAGES)
    predictor = Predictor.load(house.app.settings.model_root / "spots")
    for sight in house.counter.sights:
        answer, found = predictor.predict(house.studies / f"{sight.image}.png"), sight.landmarks()
        assert (found.names, found.frame.size) == (answer.names, answer.frame.size)
        np.testing.assert_array_equal(found.status, answer.status)
        np.testing.assert_allclose(found.points, answer.points, atol=1e-4)
        assert sight.score == house.notes()[sight.image]["score"]


def test_predictions_run_beside_the_worker_on_the_same_weights(move_in: Callable[..., House]) -> None:
    house = move_in()
    house.pool.ask("spots")
    scored(house.pool, IMAGES)
    served = house.app.models["spots"].predictor().network
    own = house.pool._pools["spots"]._eye._observer.predictors[0].network  # type: ignore[union-attr]
    assert own is not served
    assert all(a is b for a, b in zip(own.parameters(), served.parameters(), strict=True))
    assert build_network(house.app.settings.protocols["spots"]).state_dict().keys() == own.state_dict().keys()
