"""Which image is offered to whom: by ID, by chance, and never the same to two people while others are free."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

import pytest
from app_requests import put_label
from app_spots import spot_points, write_label
from fastapi.testclient import TestClient

from lib.datastore import LandmarkDatastore
from lib.errors import NotFoundError
from lib.strategies import First, Offers, Random

IMAGES = 4
MINUTE = 60.0


class Clock:
    """Seconds since 1970 that a test moves on."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """Offers images by a strategy and notes it, as the route does."""

    def __init__(self, store: LandmarkDatastore, strategy: type[First | Random] = First) -> None:
        self.store, self.clock = store, Clock()
        self.offers = Offers(30, self.clock)
        self._strategy = strategy(self.offers)

    def ask(self, client: str) -> str | None:
        with self.offers.one_moment():
            found = self._strategy({"client_id": client}, self.store)
            if found is not None:
                self.offers.note(self.store, found["id"], "first", client)
        return None if found is None else str(found["id"])

    def why(self, client: str) -> str:
        return self.offers.why_none(self.store, client)


@pytest.fixture
def store(make_studies: Callable[[int], Path], tmp_path: Path) -> LandmarkDatastore:
    return LandmarkDatastore(str(make_studies(IMAGES)))


@pytest.fixture
def label(store: LandmarkDatastore, tmp_path: Path) -> str:
    return str(write_label(tmp_path / "l.mrk.json", store.folder / "spot_00.png", spot_points(0)))


def test_first_is_stable_and_skips_labelled_images(store: LandmarkDatastore, label: str) -> None:
    assert [First()({}, store) for _ in range(3)] == [{"id": "spot_00"}] * 3
    store.save_label("spot_00", label, "final", {})
    assert First()({}, store) == {"id": "spot_01"}


@pytest.mark.parametrize("strategy", [First(), Random()])
def test_drafts_come_last_and_labelled_images_never(
    store: LandmarkDatastore, label: str, strategy: First | Random
) -> None:
    for i, tag in enumerate(["draft", "final", "draft", "original"]):
        store.save_label(f"spot_{i:02}", label, tag, {})
    for _ in range(20):
        assert strategy({}, store)["id"] == "spot_03"
    store.save_label("spot_03", label, "final", {})
    assert {strategy({}, store)["id"] for _ in range(40)} <= {"spot_00", "spot_02"}
    store.save_label("spot_00", label, "final", {})
    store.save_label("spot_02", label, "final", {})
    assert strategy({}, store) is None


def test_random_prefers_what_was_not_offered(store: LandmarkDatastore) -> None:
    for i in range(3):
        store.update_image_info(f"spot_{i:02}", {"strategy": {"random": {"ts": int(time())}}})
    drawn = Counter(Random()({"strategy": "random"}, store)["id"] for _ in range(50))
    assert drawn == {"spot_03": 50}


def test_random_draws_when_all_were_just_offered_or_notes_are_odd(store: LandmarkDatastore) -> None:
    for i, note in enumerate([{"random": {"ts": int(time()) + 60}}, {"random": "x"}, ["x"], {"random": {"ts": "y"}}]):
        store.update_image_info(f"spot_{i:02}", {"strategy": note})
    assert Random()({"strategy": "random"}, store)["id"] in store.list_images()


def test_who_asks_again_gets_the_next_image_and_then_its_own_again(store: LandmarkDatastore) -> None:
    desk = Desk(store)
    given = []
    for _ in range(2 * IMAGES):
        given.append(desk.ask("ann"))
        desk.clock.now += 1
    assert given == ["spot_00", "spot_01", "spot_02", "spot_03"] * 2
    answer = First(desk.offers)({"client_id": "ann"}, store)
    assert answer == {
        "id": "spot_00",
        "note": "No other image is free: this one was offered to you before, or you began it.",
    }


@pytest.mark.parametrize("strategy", [First, Random])
def test_nobody_gets_what_was_offered_to_somebody_else(
    store: LandmarkDatastore, strategy: type[First | Random]
) -> None:
    desk = Desk(store, strategy)
    given = [desk.ask(client) for client in ("ann", "ben", "ann", "ben")]
    assert sorted(map(str, given)) == store.list_images()
    assert desk.ask("eve") is None
    assert desk.ask("ann") in {given[0], given[2]}
    assert desk.ask("ben") in {given[1], given[3]}


def test_an_image_that_was_deleted_is_not_offered(store: LandmarkDatastore) -> None:
    store.remove_image("spot_00")
    with pytest.raises(NotFoundError, match="There is no image 'spot_00'"):
        Desk(store).offers.note(store, "spot_00", "first", "ann")


def test_an_offer_ends_when_its_time_is_over(store: LandmarkDatastore) -> None:
    desk = Desk(store)
    assert [desk.ask("ann") for _ in range(IMAGES)] == store.list_images()
    desk.clock.now += 29.4 * MINUTE
    assert desk.ask("ben") is None
    assert desk.why("ben") == (
        "The last 4 images without a label are in other hands: 4 offered to others, free again in 1 minute at the "
        "latest."
    )
    assert desk.ask("ann") == "spot_00"  # renewed
    desk.clock.now += 0.6 * MINUTE
    assert [desk.ask("ben") for _ in range(3)] == ["spot_01", "spot_02", "spot_03"]
    assert desk.ask("eve") is None
    assert "free again in 30 minutes at the latest" in desk.why("eve")
    desk.clock.now += 30 * MINUTE
    assert desk.ask("eve") == "spot_00"


def test_an_offer_that_ends_between_choice_and_reason_counts_as_running(store: LandmarkDatastore) -> None:
    desk = Desk(store)
    for _ in range(IMAGES):
        assert desk.ask("ann") is not None
    desk.clock.now += 29 * MINUTE
    with desk.offers.one_moment():
        assert First(desk.offers)({"client_id": "ben"}, store) is None
        desk.clock.now += 31 * MINUTE
        reason = desk.why("ben")
    assert reason == (
        f"The last {IMAGES} images without a label are in other hands: {IMAGES} offered to others, "
        "free again in 1 minute at the latest."
    )
    assert desk.ask("ben") == "spot_00"


def test_a_clock_that_was_set_back_ends_an_offer(store: LandmarkDatastore) -> None:
    desk = Desk(store)
    assert desk.ask("ann") == "spot_00"
    desk.clock.now -= 31 * MINUTE
    assert desk.ask("ben") == "spot_00"


def test_a_final_label_ends_an_offer_and_a_deleted_one_does_not_renew_it(store: LandmarkDatastore, label: str) -> None:
    desk = Desk(store)
    assert desk.ask("ann") == "spot_00"
    store.save_label("spot_00", label, "final", {})
    assert [desk.ask("ben") for _ in range(3)] == ["spot_01", "spot_02", "spot_03"]
    assert desk.ask("ann") is None
    store.remove_label("spot_00", "final")
    desk.clock.now += 31 * MINUTE
    assert desk.ask("eve") == "spot_00"


def test_a_draft_keeps_its_image_for_the_person_who_saved_it(store: LandmarkDatastore, label: str) -> None:
    desk = Desk(store)
    assert desk.ask("ann") == "spot_00"
    store.save_label("spot_00", label, "draft", {"annotator": "ann", "user": "admin"})
    store.save_label("spot_01", label, "draft", {"client_id": "ben", "user": "admin"})
    store.save_label("spot_02", label, "draft", {"user": "eve"})
    desk.clock.now += 31 * MINUTE
    assert desk.ask("tom") == "spot_03"
    assert desk.ask("tom") == "spot_03"
    assert [desk.ask(client) for client in ("ann", "ben", "eve")] == ["spot_00", "spot_01", "spot_02"]
    store.save_label("spot_03", label, "final", {})
    desk.clock.now += 31 * MINUTE
    assert desk.ask("tom") is None
    assert desk.why("tom") == (
        "The last 3 images without a label are in other hands: 3 with a draft of another person, to be finished or "
        "deleted."
    )


def test_own_drafts_come_after_images_that_were_only_offered(store: LandmarkDatastore, label: str) -> None:
    desk = Desk(store)
    for image in ("spot_00", "spot_01"):
        store.save_label(image, label, "draft", {"annotator": "ann"})
    given = []
    for _ in range(4):
        given.append(desk.ask("ann"))
        desk.clock.now += 1
    assert given == ["spot_02", "spot_03", "spot_02", "spot_03"]
    store.save_label("spot_02", label, "final", {})
    store.save_label("spot_03", label, "final", {})
    assert desk.ask("ann") == "spot_00"


def test_a_draft_of_nobody_known_is_offered_last(store: LandmarkDatastore, label: str) -> None:
    desk = Desk(store)
    store.save_label("spot_00", label, "draft", {})
    assert [desk.ask(client) for client in ("ann", "ben", "eve", "tom")] == ["spot_01", "spot_02", "spot_03", "spot_00"]
    assert desk.ask("una") is None


def test_offers_outlive_a_restart(store: LandmarkDatastore) -> None:
    first = Desk(store)
    assert first.ask("ann") == "spot_00"
    second = Desk(LandmarkDatastore(str(store.folder)))
    second.clock.now = first.clock.now + MINUTE
    assert second.ask("ben") == "spot_01"


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["first", "uncertainty"])
def test_eight_clients_at_the_same_moment_get_different_images(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path], ask_app: Callable[..., Any], strategy: str
) -> None:
    app = make_app(make_studies(16))
    barrier, given = threading.Barrier(8), Counter[str]()

    def ask(number: int) -> None:
        barrier.wait(20)
        for _ in range(2):
            given.update([ask_app(app, strategy, f"client {number}")["id"]])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert given == Counter(app.datastore().list_images())
    assert set(ask_app(app, strategy, "one more")) == {"message"}


def test_the_route_says_why_there_is_none(
    app: Any, client: TestClient, upload: Callable[..., bytes], ask_app: Callable[..., Any]
) -> None:
    for name in ("ann", "ben"):
        assert ask_app(app, "first", name)["id"] == {"ann": "spot_00", "ben": "spot_01"}[name]
    saved = put_label(client, upload(), "spot_02", "draft", annotator="eve")
    assert saved.status_code == 200
    answer = client.post("/activelearning/random", json={"client_id": "tom"}).json()
    assert answer == {
        "message": "The last 3 images without a label are in other hands: 2 offered to others, free again in 30 "
        "minutes at the latest; 1 with a draft of another person, to be finished or deleted."
    }
    offered = client.post("/activelearning/first", json={"client_id": "ann"}).json()
    assert offered["id"] == "spot_00"
    assert offered["strategy"]["first"]["client_id"] == "ann"
    assert Path(offered["path"]).name == "spot_00.png"
    for image in ("spot_00", "spot_01", "spot_02"):
        assert put_label(client, upload(), image).status_code == 200
    answer = client.post("/activelearning/first", json={"client_id": "ann"})
    assert answer.json() == {"message": "All 3 images are labelled."}


def test_offer_minutes_come_from_the_start(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path], ask_app: Callable[..., Any]
) -> None:
    app = make_app(make_studies(1), offer_minutes="0.001")
    assert ask_app(app, "first", "ann")["id"] == "spot_00"
    deadline = time() + 20
    while "id" not in (answer := ask_app(app, "first", "ben")) and time() < deadline:
        assert "free again in 1 minute at the latest" in answer["message"]
    assert answer["id"] == "spot_00"
