"""Lines of a log, by a clock of its own."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from monai_ext.commands import console as console_module
from monai_ext.commands.console import Meter, duration


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def console(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> io.StringIO:
    file = io.StringIO()
    monkeypatch.setattr(console_module, "errors", Console(file=file, force_terminal=terminal, width=80))
    return file


def test_a_log_gets_a_line_every_thirty_seconds_and_one_at_the_end(monkeypatch, clock) -> None:
    file = console(monkeypatch, terminal=False)

    with Meter("Detecting", 40, clock=clock) as meter:
        for _ in range(40):
            clock.now += 4
            meter.advance()

    assert file.getvalue().splitlines() == [
        "Detecting: 8 of 40, 32 s, about 2 min left",
        "Detecting: 16 of 40, 64 s, about 96 s left",
        "Detecting: 24 of 40, 96 s, about 64 s left",
        "Detecting: 32 of 40, 2 min, about 32 s left",
        "Detecting: 40 of 40, 3 min",
    ]


def test_a_line_that_is_asked_for_puts_off_the_next_one(monkeypatch, clock) -> None:
    file = console(monkeypatch, terminal=False)

    with Meter("Training", 4, clock=clock) as meter:
        clock.now += 29
        meter.update(1, note="loss 2", line="epoch 1/4: loss [2]", seconds_left=7200)
        clock.now += 29
        meter.update(2, note="loss 1")
        clock.now += 1
        meter.update(2, note="loss 1")
        meter.update(4, line="epoch 4/4: loss 0", seconds_left=0)

    assert file.getvalue().splitlines() == [
        "epoch 1/4: loss [2], 29 s, about 2.0 h left",
        "Training: 2 of 4, loss 1, 59 s, about 59 s left",
        "epoch 4/4: loss 0, 59 s",
    ]


def test_work_that_failed_is_not_called_done(monkeypatch, clock) -> None:
    file = console(monkeypatch, terminal=False)

    def fail() -> None:
        with Meter("Detecting", 1, clock=clock) as meter:
            meter.advance()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert file.getvalue() == ""


def test_a_terminal_has_a_bar_and_the_lines_that_are_asked_for(monkeypatch, clock) -> None:
    file = console(monkeypatch, terminal=True)

    with Meter("Training", 4, clock=clock) as meter:
        clock.now += 100
        meter.update(2)
        meter.update(4, line="epoch 4/4: loss 0")

    told = file.getvalue()
    assert "epoch 4/4: loss 0, 100 s" in told
    assert "4/4" in told
    assert "━" in told
    assert "Training: 2 of 4" not in told


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (9000, "2.5 h")]
)
def test_a_duration_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
