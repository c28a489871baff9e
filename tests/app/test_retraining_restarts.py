"""When the server trains by itself: what outlives a server, and the setting."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from app_spots import spot_points, write_label
from retraining_desk import Desk, training_desk, two_protocols, wait_for  # noqa: F401  # two are fixtures

from lib import retraining
from lib.retraining import Retraining, Unfinished
from lib.settings import Conf
from lib.start_report import training_words
from lib.trainers import training_queue
from lib.trainers.progress import ProgressFile
from monai_ext.landmarks import InputError

# What outlives a server


def test_a_training_that_ended_with_its_server_begins_again(desk: Desk) -> None:
    desk.label_all(0, 1, 2)
    desk.models.joinpath("spots").mkdir(parents=True)
    Unfinished(desk.models / "spots").begin()  # the server died right after it had asked
    desk.counter.mark("spots")
    desk.restart()
    assert desk.numbers() == (0, None)

    desk.policy.look()
    wait_for(lambda: desk.asked == ["spots"])
    desk.end("done")
    desk.restart()
    desk.policy.look()
    assert desk.asked == ["spots"]
    assert not training_queue.busy()


def test_a_training_that_ends_every_server_is_given_up(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.label_all(0, 1)
    for _ in range(retraining.MOST_BEGINNINGS):
        Unfinished(desk.models / "spots").begin()
    desk.restart()
    desk.policy.look()
    assert desk.asked == []
    assert "ended with its server 3 times: it is not repeated" in caplog.text

    desk.restart()
    desk.policy.look()
    assert desk.asked == []


def test_a_training_that_finds_no_room_does_not_count_as_begun(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    desk.models.joinpath("spots").mkdir(parents=True)
    note = Unfinished(desk.models / "spots")
    note.begin()
    desk.restart()
    with monkeypatch.context() as patch:
        patch.setattr(ProgressFile, "write", full)
        for _ in range(retraining.MOST_BEGINNINGS + 1):
            desk.policy.look()
            assert "cannot be written (No space left on device)" in str(desk.numbers()[1])
            assert note.times() == 1
    assert desk.asked == []
    desk.policy.look()
    wait_for(lambda: desk.asked == ["spots"])
    assert (desk.numbers(), note.times()) == ((0, None), 2)


def test_a_training_that_a_person_stopped_does_not_begin_again(desk: Desk) -> None:
    desk.label_all(0, 1, 2)
    desk.policy.look()
    wait_for(lambda: desk.asked == ["spots"])
    training_queue.stop("spots")
    desk.restart()
    desk.policy.look()

    assert not training_queue.busy()
    assert desk.tasks["spots"].stats()["status"] == "stopped"


@pytest.mark.parametrize("how", ["stopped", "interrupted"])
def test_a_training_that_was_ended_with_the_server_is_left_for_the_next_one(desk: Desk, how: str) -> None:
    desk.label_all(0, 1, 2)
    desk.policy.look()
    wait_for(lambda: desk.asked == ["spots"])
    desk.end(how)  # by the keyboard's signal, which reaches both
    desk.policy.look()
    assert desk.asked == ["spots"]

    desk.restart()
    desk.policy.look()
    wait_for(lambda: desk.asked == ["spots", "spots"])


# Settings


def test_without_the_setting_nothing_is_counted_or_watched(desk: Desk) -> None:
    off = Retraining(desk.counter, desk.tasks, 0)
    off.start()

    assert off.stats() == {}
    assert "retraining" not in [thread.name for thread in threading.enumerate()]


def test_the_setting_is_a_whole_number_that_is_not_negative() -> None:
    assert Conf.parse({}, {}).train_after == 0
    assert Conf.parse({"train_after": "12"}, {}).train_after == 12
    for value in ("-1", "2.5", "many"):
        with pytest.raises(InputError, match=f"--conf train_after cannot be '{value}'"):
            Conf.parse({"train_after": value}, {})


def test_the_start_report_says_when_the_server_trains_by_itself() -> None:
    assert training_words(0) == []
    assert training_words(10) == ["automatically after 10 new labels of a protocol"]


def test_info_has_the_numbers_only_where_the_setting_is_on(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path]
) -> None:
    studies = make_studies(2)
    write_label(studies / "labels/final/spot_00.mrk.json", studies / "spot_00.png", spot_points(0))
    assert make_app(studies).info()["train_stats"] == {"spots": {"status": "never"}}
    on = make_app(studies, train_after="4").info()["train_stats"]
    assert on == {"spots": {"status": "never", "labels_since": 1, "train_after": 4}}
    assert json.loads(json.dumps(on)) == on
