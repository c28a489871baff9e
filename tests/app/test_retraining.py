"""When the server trains by itself: what counts and what is asked for."""

from __future__ import annotations

import pytest
from app_spots import spot_points, write_label
from retraining_desk import Desk, training_desk, two_protocols, wait_for  # noqa: F401  # two are fixtures

from lib import retraining
from lib.retraining import Unfinished
from lib.trainers import queue, training_queue
from monai_ext.engines.dataset import add_seen_labels, read_seen_labels
from monai_ext.models import training_lock

# What counts


def test_a_final_label_counts_once_until_it_is_seen(desk: Desk) -> None:
    desk.label(0)
    desk.label(0, move=1)
    desk.label(0, move=2)
    desk.label(1)
    desk.label(2, tag="draft")
    assert desk.counter.since("spots") == 2

    desk.counter.mark("spots")
    assert desk.counter.since("spots") == 0
    desk.label(0, move=2)  # the same points again
    assert desk.counter.since("spots") == 0
    desk.label(0, move=3)
    desk.label(2)
    assert desk.counter.since("spots") == 2


def test_only_labels_of_the_protocol_count(desk: Desk) -> None:
    desk.label_all(0, 1)
    desk.label_all(2, 3, 4, protocol="dots")
    assert [desk.counter.since(name) for name in ("spots", "dots")] == [2, 3]

    desk.counter.mark("dots")
    assert [desk.counter.since(name) for name in ("spots", "dots")] == [2, 0]


def test_a_label_placed_by_hand_counts_for_the_protocol_that_it_fits(desk: Desk) -> None:
    write_label(desk.studies / "labels/final/spot_00.mrk.json", desk.studies / "spot_00.png", spot_points(0))
    (desk.studies / "labels/final/spot_01.mrk.json").write_text("{}")
    desk.store.refresh()

    assert [desk.counter.since(name) for name in ("spots", "dots")] == [1, 0]


def test_a_deleted_label_counts_no_more(desk: Desk) -> None:
    desk.label_all(0, 1)
    desk.store.remove_label("spot_00", "final")

    assert desk.counter.since("spots") == 1


def test_the_count_outlives_the_server(desk: Desk) -> None:
    desk.label_all(0, 1)
    desk.counter.mark("spots")
    desk.label_all(2, 3)
    desk.restart()

    assert desk.numbers() == (2, None)
    assert sorted(read_seen_labels(desk.models / "spots")) == ["spot_00", "spot_01"]


def test_what_a_training_of_the_command_line_saw_does_not_count(desk: Desk) -> None:
    desk.label_all(0, 1, 2)
    assert desk.numbers() == (3, None)
    seen = {f"spot_{i:02}": desk.store.objects[f"spot_{i:02}"].labels["final"].sha256 for i in (0, 2)}

    add_seen_labels(desk.models / "spots", seen)

    assert desk.numbers() == (1, None)


def test_a_damaged_record_makes_all_labels_new_and_is_told(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.label_all(0, 1)
    desk.counter.mark("spots")
    (desk.models / "spots" / "seen_labels.json").write_text("[1]")

    assert desk.counter.since("spots") == 2
    assert "All labels of spots count as new" in caplog.text


# What is asked for


def test_a_training_begins_with_the_label_that_makes_it_enough(desk: Desk) -> None:
    desk.label_all(0, 1)
    desk.label_all(4, 5, 6, protocol="dots")
    desk.store.remove_label("spot_06", "final")
    desk.policy.look()
    assert desk.asked == []

    desk.label(2)
    desk.policy.look()
    wait_for(lambda: desk.asked == ["spots"])
    assert training_queue.busy("spots")
    assert desk.numbers() == (0, None)
    assert desk.tasks["spots"].stats()["status"] == "queued"
    assert desk.numbers("dots") == (2, None)


def test_what_comes_meanwhile_counts_for_the_next(desk: Desk) -> None:
    desk.label_all(0, 1, 2)
    desk.policy.look()
    desk.label_all(3, 4)
    desk.label(0, move=1)
    desk.policy.look()
    assert desk.numbers() == (3, None)
    wait_for(lambda: desk.asked == ["spots"])

    desk.end("done")
    desk.policy.look()
    wait_for(lambda: desk.asked == ["spots", "spots"])
    assert desk.numbers() == (0, None)
    desk.end("done")
    desk.policy.look()
    assert not training_queue.busy()


def test_a_failed_training_is_not_repeated_before_as_many_labels_came(desk: Desk) -> None:
    desk.label_all(0, 1, 2)
    desk.policy.look()
    desk.end("Label at least one validation image.")
    for _ in range(3):
        desk.policy.look()
    assert desk.asked == ["spots"]
    assert desk.tasks["spots"].stats() == {
        "status": "failed", "message": "Label at least one validation image.", "epoch": 0, "max_epochs": 4,
    }  # fmt: skip

    desk.label_all(3, 4)
    desk.policy.look()
    assert desk.asked == ["spots"]
    desk.label(5)
    desk.policy.look()
    wait_for(lambda: desk.asked == ["spots", "spots"])


def test_a_training_that_cannot_be_started_at_all_is_not_repeated(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "command_of", lambda request: ["/nowhere/python"])
    desk.label_all(0, 1, 2)
    desk.policy.look()
    wait_for(lambda: not training_queue.busy())
    desk.restart()
    desk.policy.look()

    assert not training_queue.busy()
    assert desk.tasks["spots"].stats()["status"] == "failed"
    assert desk.numbers() == (0, None)


def test_protocols_wait_for_one_another(desk: Desk) -> None:
    desk.label_all(0, 1, 2)
    desk.label_all(3, 4, 5, protocol="dots")
    desk.policy.look()
    wait_for(lambda: desk.asked == ["spots"])
    assert training_queue.busy("dots")

    desk.end("done", "spots")
    wait_for(lambda: desk.asked == ["spots", "dots"])
    desk.end("done", "dots")


def test_a_training_that_a_person_asked_for_is_enough(desk: Desk) -> None:
    desk.label_all(0, 1, 2)
    task = desk.tasks["spots"]
    training_queue.submit({"model": "spots"}, lambda _: None, task.ended)
    desk.policy.look()
    assert desk.numbers() == (3, None)
    desk.counter.mark("spots")  # as the training process does when it begins
    desk.end("done")
    desk.policy.look()

    assert desk.asked == ["spots"]
    assert desk.numbers() == (0, None)


def test_a_folder_in_which_another_program_trains_is_waited_for(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.label_all(0, 1, 2)
    with training_lock(desk.models / "spots"):
        for _ in range(2):
            desk.policy.look()
        count, waiting = desk.numbers()
    assert count == 3
    assert waiting is not None
    assert waiting.startswith("The network 'spots' is being trained already, by process ")
    assert caplog.text.count("is being trained already") == 1
    assert desk.asked == []

    desk.policy.look()
    wait_for(lambda: desk.asked == ["spots"])
    assert desk.numbers() == (0, None)


def test_a_full_disk_ends_in_no_loop(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(retraining, "add_seen_labels", full)
    desk.label_all(0, 1, 2)
    desk.policy.look()
    desk.end("There is no room.")
    desk.policy.look()
    assert desk.asked == ["spots"]

    monkeypatch.setattr(Unfinished, "begin", full)
    desk.label_all(3, 4, 5)
    desk.policy.look()
    count, waiting = desk.numbers()
    assert count == 3
    assert "retraining.json cannot be written" in str(waiting)
    assert desk.asked == ["spots"]
