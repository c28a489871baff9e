"""Places for predictions: how many run, who is next, and what becomes of those that are given up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from typing import Any

import pytest

from lib.errors import QueueFullError
from lib.inference import Check, InferenceSlots, slots

SECONDS = 20


class Gate:
    """Work that begins, waits for permission, calls its check and gives its name."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun: list[str] = []
        self._change = threading.Condition()

    def work(self, name: str) -> Callable[[Check], str]:
        def run(check: Check) -> str:
            with self._change:
                self.begun.append(name)
                self._change.notify_all()
            assert self.open.wait(SECONDS)
            check()
            return name

        return run

    def wait_until_begun(self, *names: str) -> None:
        with self._change:
            assert self._change.wait_for(lambda: set(names) <= set(self.begun), SECONDS), self.begun


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


def test_work_is_begun_in_the_order_in_which_it_came(gate: Gate) -> None:
    places = InferenceSlots(1, 5)
    futures = [places.submit(gate.work(name)) for name in "abcdef"]
    gate.wait_until_begun("a")
    assert places.counts()[:4] == (1, 5, 1, 5)
    gate.open.set()
    assert [future.result(SECONDS) for future in futures] == list("abcdef")
    assert gate.begun == list("abcdef")
    assert places.counts()[:2] == (0, 0)


def test_no_more_run_at_once_than_there_are_places(gate: Gate) -> None:
    places = InferenceSlots(2, 10)
    futures = [places.submit(gate.work(name)) for name in "abcd"]
    gate.wait_until_begun("a", "b")
    assert places.counts()[:2] == (2, 2)
    gate.open.set()
    assert {future.result(SECONDS) for future in futures} == set("abcd")


def test_work_beyond_the_queue_is_refused_with_the_time_to_wait(gate: Gate) -> None:
    places = InferenceSlots(1, 2)
    first, *_ = [places.submit(gate.work(name)) for name in "abc"]
    gate.wait_until_begun("a")
    with pytest.raises(QueueFullError, match="makes 1 predictions at once and lets 2 wait") as refusal:
        places.submit(gate.work("d"))
    # No duration is known yet: one second each, for two that wait and the one that asks.
    assert refusal.value.headers == {"retry-after": "3"}
    patient = places.submit(gate.work("e"), patient=True)
    gate.open.set()
    assert first.result(SECONDS) == "a"
    assert patient.result(SECONDS) == "e"
    assert places.submit(gate.work("f")).result(SECONDS) == "f"
    assert "d" not in gate.begun


def test_without_a_queue_only_running_work_is_taken_on(gate: Gate) -> None:
    places = InferenceSlots(1, 0)
    future = places.submit(gate.work("a"))
    with pytest.raises(QueueFullError):
        places.submit(gate.work("b"))
    gate.open.set()
    assert future.result(SECONDS) == "a"
    assert places.submit(gate.work("c")).result(SECONDS) == "c"


def test_the_time_to_wait_follows_the_latest_durations(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    places = InferenceSlots(2, 2)
    clock = iter([100.0, 107.0])
    monkeypatch.setattr(slots.time, "monotonic", lambda: next(clock, 107.0))
    places.submit(lambda check: None).result(SECONDS)
    for name in "abcd":
        places.submit(gate.work(name))
    gate.wait_until_begun("a", "b")
    with pytest.raises(QueueFullError) as refusal:
        places.submit(gate.work("e"))
    assert refusal.value.headers == {"retry-after": "11"}  # 7 s each, third in the queue of two places: 10.5


def test_waiting_work_that_is_cancelled_leaves_the_queue(gate: Gate) -> None:
    places = InferenceSlots(1, 1)
    first, second = places.submit(gate.work("a")), places.submit(gate.work("b"))
    gate.wait_until_begun("a")
    assert second.cancel()
    assert places.counts()[:2] == (1, 0)
    third = places.submit(gate.work("c"))
    gate.open.set()
    assert (first.result(SECONDS), third.result(SECONDS)) == ("a", "c")
    assert gate.begun == ["a", "c"]


def test_running_work_that_is_cancelled_holds_its_place_until_its_next_check(gate: Gate) -> None:
    places = InferenceSlots(1, 1)
    first = places.submit(gate.work("a"))
    gate.wait_until_begun("a")
    assert first.cancel()
    second = places.submit(gate.work("b"))
    assert places.counts()[:2] == (1, 1)
    assert gate.begun == ["a"]
    gate.open.set()
    assert second.result(SECONDS) == "b"
    with pytest.raises(CancelledError):
        first.result(SECONDS)


def test_work_beyond_everybodys_patience_is_counted_as_stuck(gate: Gate) -> None:
    places = InferenceSlots(1, 1, patience=0.0)
    future = places.submit(gate.work("a"))
    gate.wait_until_begun("a")
    assert places.counts().stuck == 1
    gate.open.set()
    future.result(SECONDS)
    assert places.counts().stuck == 0


@pytest.mark.parametrize(("raised", "seen"), [(ValueError("bad"), ValueError), (SystemExit(3), RuntimeError)])
def test_an_error_is_given_to_who_asked_and_frees_the_place(raised: BaseException, seen: type[Exception]) -> None:
    places = InferenceSlots(1, 0)

    def fail(check: Check) -> None:
        raise raised

    with pytest.raises(seen):
        places.submit(fail).result(SECONDS)
    assert places.submit(lambda check: "well").result(SECONDS) == "well"


def test_the_place_is_free_when_the_answer_arrives() -> None:
    places = InferenceSlots(1, 0)
    for _ in range(50):  # without a queue, a place that is still taken would refuse the next
        places.submit(lambda check: None).result(SECONDS)
    assert places.counts()[:2] == (0, 0)


def test_idle_threads_end_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "IDLE_SECONDS", 0.01)
    prepared: list[str] = []
    places = InferenceSlots(1, 1, prepare=lambda: prepared.append(threading.current_thread().name))
    threads: list[threading.Thread] = []

    def remember(check: Check) -> None:
        threads.append(threading.current_thread())

    for _ in range(2):
        places.submit(remember).result(SECONDS)
        threads[-1].join(SECONDS)
        assert not threads[-1].is_alive()
    assert threads[0] is not threads[1]
    assert prepared == ["inference", "inference"]


def test_many_threads_at_once_lose_nothing() -> None:
    places = InferenceSlots(3, 10_000)
    found: list[Future[Any]] = []
    lock = threading.Lock()

    def ask(start: int) -> None:
        for number in range(start, start + 50):
            future = places.submit(lambda check, number=number: number)
            if number % 7 == 0:
                future.cancel()
            with lock:
                found.append(future)

    askers = [threading.Thread(target=ask, args=(1000 * i,)) for i in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(SECONDS)
    kept = sorted(future.result(SECONDS) for future in found if not future.cancelled())
    wanted = {1000 * i + j for i in range(8) for j in range(50)}
    assert set(kept) <= wanted
    assert {number for number in wanted if number % 7} <= set(kept)
    assert places.submit(lambda check: None).result(SECONDS) is None
    assert places.counts()[:2] == (0, 0)


def test_work_that_gets_no_thread_is_not_left_in_the_queue(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    places = InferenceSlots(1, 4)

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            places.submit(gate.work("a"))
    assert places.counts()[:2] == (0, 0)
    gate.open.set()
    assert places.submit(gate.work("b")).result(SECONDS) == "b"
    assert gate.begun == ["b"]
