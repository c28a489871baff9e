"""The thread of the server's background work: woken, due later, tried again, and stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from lib import background
from lib.background import Background

SECONDS = 20


class Work:
    """Work that counts its pieces, each of which goes on when it may, and says what a test tells it to.

    Attributes:
        begun: released once by each piece that begins.
        go_on: taken once by each piece.
        answers: what the next pieces return or raise; then None.
    """

    def __init__(self, *answers: float | Exception | None) -> None:
        self.begun, self.go_on = threading.Semaphore(0), threading.Semaphore(0)
        self.answers = list(answers)
        self.threads: list[str] = []

    def __call__(self) -> float | None:
        self.threads.append(threading.current_thread().name)
        self.begun.release()
        assert self.go_on.acquire(timeout=SECONDS)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def piece(self) -> None:
        """Waits until a piece begins, and lets it end."""
        assert self.begun.acquire(timeout=SECONDS)
        self.go_on.release()

    def rests(self) -> bool:
        """No piece begins now."""
        return not self.begun.acquire(timeout=0.05)


@pytest.fixture
def run() -> Iterator[Callable[[Work], Background]]:
    made: list[tuple[Background, Work]] = []

    def make(work: Work) -> Background:
        made.append((Background("counting", work), work))
        return made[-1][0]

    yield make
    for thread, work in made:
        work.go_on.release()
        thread.stop()
        assert not thread.is_running()


def test_it_works_when_it_starts_and_then_when_it_is_woken(run: Callable[[Work], Background]) -> None:
    work = Work()
    thread = run(work)
    thread.wake()
    assert work.rests()  # nothing happens before the start
    thread.start()
    thread.start()
    work.piece()
    assert work.rests()
    thread.wake()
    work.piece()
    assert work.rests()
    assert work.threads == ["counting"] * 2


def test_who_wakes_it_in_the_middle_of_work_gets_another_piece(run: Callable[[Work], Background]) -> None:
    work = Work()
    thread = run(work)
    thread.start()
    assert work.begun.acquire(timeout=SECONDS)
    before = thread.calls
    thread.wake()
    thread.wake()
    assert thread.calls == before + 2
    work.go_on.release()
    work.piece()
    assert work.rests()


def test_it_goes_on_after_the_seconds_that_the_work_says_or_earlier(run: Callable[[Work], Background]) -> None:
    work = Work(0.0, 3600.0, 3600.0)
    thread = run(work)
    thread.start()
    work.piece()
    work.piece()
    assert work.rests()
    thread.wake(0.1)  # earlier than what the work said
    work.piece()
    thread.wake(7200.0)
    assert work.rests()


def test_work_that_fails_is_logged_and_tried_again(
    run: Callable[[Work], Background], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "RETRY_SECONDS", 0.0)
    work = Work(ValueError("not today"))
    thread = run(work)
    thread.start()
    work.piece()
    work.piece()
    assert work.rests()
    assert thread.is_running()
    assert "The work of counting failed." in caplog.text
    assert "not today" in caplog.text


def test_a_stop_waits_for_the_piece_and_no_other_begins(run: Callable[[Work], Background]) -> None:
    work = Work(0.0, 0.0)
    thread = run(work)
    thread.start()
    assert work.begun.acquire(timeout=SECONDS)
    thread.stop(0.05)
    assert (thread.stopping, thread.is_running()) == (True, True)
    work.go_on.release()
    thread.stop()
    assert not thread.is_running()
    thread.wake()
    assert len(work.threads) == 1


def test_what_is_prepared_is_prepared_once_in_the_thread() -> None:
    names: list[str] = []
    done = threading.Event()
    thread = Background("scoring", done.set, lambda: names.append(threading.current_thread().name))
    thread.start()
    assert done.wait(SECONDS)
    thread.stop()
    assert names == ["scoring"]
