"""Equal requests: made once while they run, kept afterwards, and forgotten when what they depend on changes."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from typing import Any

import numpy as np
import pytest
import torch

from lib.errors import ConflictError, QueueFullError
from lib.inference import AnswerCache, Check, InferenceDesk, InferenceSlots, Reply, desk
from lib.proposals import Proposal
from lib.settings import Conf
from monai_ext.landmarks import Frame, Landmarks

SECONDS = 20


def answer(text: str) -> Reply:
    landmarks = Landmarks(("a",), np.array([[1.0, 2.0]]), Frame(8, 6), None)
    proposal = Proposal("v1", landmarks, np.array([np.nan]))
    return Reply("x.mrk.json", b"{}", {"image": text, "latencies": {"total": 0.5}}, proposal)


def is_kept(reply: Reply) -> bool:
    return "cached" in reply.document["latencies"]


class Maker:
    """Makes numbered answers, as soon as it is allowed to."""

    def __init__(self, *, at_once: bool = True) -> None:
        self.made = 0
        self.begun, self.go_on = threading.Event(), threading.Event()
        if at_once:
            self.go_on.set()

    def __call__(self, check: Check) -> Reply:
        self.made += 1
        self.begun.set()
        assert self.go_on.wait(SECONDS)
        check()
        return answer(f"number {self.made}")


def desk_of(slots: int = 1, queue: int = 4, capacity: int = 10) -> InferenceDesk:
    return InferenceDesk(InferenceSlots(slots, queue), AnswerCache(capacity), 10.0)


def test_an_equal_request_gets_the_kept_answer_which_says_so() -> None:
    place, make = desk_of(), Maker()
    first = place.ask(lambda: "key", make).result(SECONDS)
    second = place.ask(lambda: "key", make).result(SECONDS)
    assert make.made == 1
    assert first.document == {"image": "number 1", "latencies": {"total": 0.5}}
    assert second.document == {"image": "number 1", "latencies": {"total": 0.5, "cached": True}}
    assert place.ask(lambda: "other", make).result(SECONDS).document["image"] == "number 2"


def test_what_a_reader_does_to_a_document_changes_no_other() -> None:
    place, make = desk_of(), Maker()
    place.ask(lambda: "key", make).result(SECONDS).document["latencies"]["total"] = 9
    assert place.ask(lambda: "key", make).result(SECONDS).document["latencies"]["total"] == 0.5


def test_the_answer_that_was_asked_for_longest_ago_is_forgotten() -> None:
    place, make = desk_of(capacity=2), Maker()
    for key in ("a", "b", "a", "c"):  # c takes the place of b
        place.ask(lambda key=key: key, make).result(SECONDS)
    assert make.made == 3
    place.ask(lambda: "a", make).result(SECONDS)
    assert make.made == 3
    place.ask(lambda: "b", make).result(SECONDS)
    assert make.made == 4


def test_without_a_cache_every_answer_is_made() -> None:
    place, make = desk_of(capacity=0), Maker()
    assert not any(is_kept(place.ask(lambda: "key", make).result(SECONDS)) for _ in range(2))
    assert make.made == 2


def test_without_a_key_every_answer_is_made() -> None:
    place, make = desk_of(), Maker()
    for _ in range(2):
        place.ask(lambda: None, make).result(SECONDS)
    assert make.made == 2


def test_an_answer_is_not_kept_when_its_key_changed_meanwhile() -> None:
    place, make = desk_of(), Maker(at_once=False)
    key = ["old"]
    future = place.ask(lambda: key[0], make)
    assert make.begun.wait(SECONDS)
    key[0] = "new"
    make.go_on.set()
    assert future.result(SECONDS).document["image"] == "number 1"
    for wanted in ("new", "old"):
        key[0] = wanted
        assert not is_kept(place.ask(lambda: key[0], make).result(SECONDS))


def test_an_answer_is_given_even_if_its_model_is_gone_by_then() -> None:
    place, make = desk_of(), Maker(at_once=False)
    gone = threading.Event()

    def key() -> str:
        if gone.is_set():
            raise ConflictError("There is no model.")
        return "key"

    future = place.ask(key, make)
    assert make.begun.wait(SECONDS)
    gone.set()
    make.go_on.set()
    assert future.result(SECONDS).document["image"] == "number 1"
    with pytest.raises(ConflictError):
        place.ask(key, make)


def test_equal_requests_at_the_same_time_are_made_once_and_take_one_place() -> None:
    place, make = desk_of(slots=1, queue=0), Maker(at_once=False)
    futures = [place.ask(lambda: "key", make) for _ in range(5)]
    assert make.begun.wait(SECONDS)
    futures.append(place.ask(lambda: "key", make))
    with pytest.raises(QueueFullError):
        place.ask(lambda: "other", make)
    make.go_on.set()
    assert {future.result(SECONDS).document["image"] for future in futures} == {"number 1"}
    assert make.made == 1


def test_one_who_gives_up_takes_nothing_from_the_others() -> None:
    place, make = desk_of(), Maker(at_once=False)
    first, second = place.ask(lambda: "key", make), place.ask(lambda: "key", make)
    assert make.begun.wait(SECONDS)
    assert first.cancel()
    make.go_on.set()
    assert second.result(SECONDS).document["image"] == "number 1"
    with pytest.raises(CancelledError):
        first.result(SECONDS)


def test_when_all_give_up_waiting_work_leaves_the_queue() -> None:
    place, busy, make = desk_of(), Maker(at_once=False), Maker()
    running = place.ask(lambda: "busy", busy)
    assert busy.begun.wait(SECONDS)
    futures = [place.ask(lambda: "key", make) for _ in range(3)]
    assert place.slots.counts()[:2] == (1, 1)
    for future in futures:
        future.cancel()
    assert place.slots.counts()[:2] == (1, 0)
    busy.go_on.set()
    running.result(SECONDS)
    assert make.made == 0
    assert place.ask(lambda: "key", make).result(SECONDS).document["image"] == "number 1"


def test_errors_reach_all_who_wait_and_are_not_kept() -> None:
    place = desk_of()
    begun, go_on, calls = threading.Event(), threading.Event(), []

    def fail(check: Check) -> Reply:
        calls.append(1)
        begun.set()
        assert go_on.wait(SECONDS)
        raise ConflictError(f"Failure {len(calls)}.")

    futures = [place.ask(lambda: "key", fail) for _ in range(2)]
    assert begun.wait(SECONDS)
    go_on.set()
    for future in futures:
        with pytest.raises(ConflictError, match=r"Failure 1\."):
            future.result(SECONDS)
    with pytest.raises(ConflictError, match=r"Failure 2\."):
        place.ask(lambda: "key", fail).result(SECONDS)


def test_many_threads_share_all_answers() -> None:
    place, lock = desk_of(slots=2, queue=1000), threading.Lock()
    made: dict[str, int] = {}

    def ask(seed: int) -> None:
        for i in np.random.default_rng(seed).integers(0, 8, 60):
            name = f"key {i}"

            def make(check: Check, name: str = name) -> Reply:
                with lock:
                    made[name] = made.get(name, 0) + 1
                return answer(name)

            assert place.ask(lambda name=name: name, make).result(SECONDS).document["image"] == name

    askers = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(SECONDS)
        assert not asker.is_alive()
    assert made == {f"key {i}": 1 for i in range(8)}


@pytest.mark.parametrize(("gpu", "cores", "slots"), [(True, 8, 1), (False, 8, 2), (False, 1, 1)])
def test_places_by_default(gpu: bool, cores: int, slots: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(desk, "usable_cores", lambda: cores)
    assert InferenceDesk.from_limits(Conf()).slots.slots == slots
    chosen = InferenceDesk.from_limits(Conf(infer_slots=3, infer_queue=7, infer_timeout=5.0, infer_cache=0))
    assert (chosen.slots.slots, chosen.slots.queue, chosen.timeout) == (3, 7, 5.0)


@pytest.mark.parametrize(
    ("cores", "slots", "before", "threads"), [(8, 2, 8, 4), (2, 2, 2, 1), (2, 4, 2, 1), (8, 2, 3, 3)]
)
def test_places_share_the_cores(
    cores: int, slots: int, before: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[Any] = []
    monkeypatch.setattr(desk, "usable_cores", lambda: cores)
    monkeypatch.setattr(torch, "get_num_threads", lambda: before)
    monkeypatch.setattr(torch, "set_num_threads", chosen.append)
    places = InferenceDesk.from_limits(Conf(infer_slots=slots))
    places.slots.submit(lambda check: None).result(SECONDS)
    assert chosen == [threads]
