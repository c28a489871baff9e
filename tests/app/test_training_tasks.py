"""``GET /train/`` and ``GET /info/`` tell the same of a training, in every state and after a restart."""

from __future__ import annotations

import json
from typing import Any

import pytest
from monailabel.utils.async_tasks.utils import tasks
from retraining_desk import Desk, training_desk, two_protocols, wait_for  # noqa: F401  # two are fixtures

from lib.routes.train import TrainingTasks
from lib.trainers import training_queue
from lib.trainers.queue import WORDS, new_record
from monai_ext.engines import TrainOptions


def told(desk: Desk, name: str = "spots") -> tuple[str, str]:
    """The state of a protocol's last training, as ``/info/`` and as ``/train/`` tell it."""
    found = [task for task in TrainingTasks({name: desk.tasks[name]}).all() if task["request"]["model"] == name]
    progress, record = desk.tasks[name].state()
    assert record is not None
    assert desk.tasks[name].stats() == progress
    (present,) = [task for task in found if task["id"] == record["id"]]
    last = TrainingTasks({name: desk.tasks[name]}).last()
    assert last is not None
    assert last["status"] == present["status"]
    return progress["status"], present["status"]


def ask(desk: Desk, name: str = "spots", **options: Any) -> dict[str, Any]:
    return desk.tasks[name].queue(TrainOptions(**options))


def test_without_a_training_both_say_so(desk: Desk) -> None:
    found = TrainingTasks(desk.tasks)
    assert (found.last(), found.active()) == (None, None)
    assert {task.stats()["status"] for task in desk.tasks.values()} == {"never"}


@pytest.mark.parametrize("status", ["running", "done", "stopped", "failed"])
def test_what_is_recorded_is_told_by_both_whoever_recorded_it(desk: Desk, status: str) -> None:
    record = new_record({"model": "spots", "max_epochs": 4})
    desk.tasks["spots"].progress.write({"status": "queued", "epoch": 0}, record)
    desk.tasks["spots"].progress.write({"status": status, "epoch": 3, "message": "As it was."})
    desk.restart()

    assert told(desk) == (status, WORDS[status])
    found = TrainingTasks(desk.tasks)
    task = found.last()
    assert task is not None
    assert {name: task[name] for name in record} == record
    assert task["details"] == ["As it was."]
    assert ("end_ts" in task) == (status != "running")
    assert (found.active() is None) == (status != "running")
    assert desk.tasks["spots"].stats() == {"status": status, "epoch": 3, "message": "As it was."}


def test_a_process_that_has_not_come_so_far_is_queued_for_both(desk: Desk) -> None:
    asked = ask(desk, max_epochs=7)
    wait_for(lambda: desk.asked == ["spots"])
    wait_for(lambda: tasks("train")[-1]["status"] == "RUNNING")  # the process is there
    assert told(desk) == ("queued", "SUBMITTED")
    assert desk.tasks["spots"].stats() == {"status": "queued", "epoch": 0, "max_epochs": 7}
    active = TrainingTasks(desk.tasks).active()
    assert active is not None
    assert (active["id"], active["request"]) == (asked["id"], {"model": "spots", "max_epochs": 7})
    desk.end("done")
    assert told(desk) == ("done", "DONE")


def test_a_queued_run_that_lost_its_server_has_failed_for_both(desk: Desk) -> None:
    desk.tasks["spots"].announce(TrainOptions())
    assert told(desk) == ("failed", "ERROR")


@pytest.mark.parametrize(("end", "status"), [("done", "done"), ("stopped", "stopped"), ("It broke.", "failed")])
def test_one_that_waits_behind_another_of_its_protocol_has_its_own_end(desk: Desk, end: str, status: str) -> None:
    first, second = ask(desk), ask(desk, seed=5)
    wait_for(lambda: desk.asked == ["spots"])
    assert TrainingTasks(desk.tasks).last() == {**first, "status": "SUBMITTED", "details": []}

    finish_first(desk)
    assert told(desk) == ("queued", "SUBMITTED")
    assert desk.tasks["spots"].state()[1]["id"] == second["id"]

    desk.end(end)
    assert told(desk) == (status, WORDS[status])
    statuses = {task["id"]: task["status"] for task in TrainingTasks(desk.tasks).all()}
    assert (statuses[first["id"]], statuses[second["id"]]) == ("DONE", WORDS[status])
    desk.restart()
    assert told(desk) == (status, WORDS[status])


def finish_first(desk: Desk) -> None:
    partial = desk.models.parent / "orders" / ".spots"
    partial.write_text("done")
    partial.rename(partial.with_name("spots"))
    wait_for(lambda: desk.asked == ["spots", "spots"])


def test_one_that_was_removed_while_it_waited_leaves_the_running_one_as_it_is(desk: Desk) -> None:
    ask(desk)
    waiting = ask(desk, "dots")
    wait_for(lambda: desk.asked == ["spots"])
    training_queue.stop("dots")
    assert told(desk, "dots") == ("stopped", "STOPPED")
    assert told(desk) == ("queued", "SUBMITTED")
    last = TrainingTasks(desk.tasks).last()
    assert last is not None
    assert last["id"] != waiting["id"]
    training_queue.stop()
    assert told(desk) == ("stopped", "STOPPED")


def test_of_several_protocols_the_one_that_ended_last_is_told(desk: Desk) -> None:
    for name, start, end in (("spots", "10:00", "10:30"), ("dots", "10:05", "10:20")):
        task = {"id": name, "request": {"model": name}, "start_ts": f"2026-01-01 {start}:00"}
        document = {"status": "done", "task": {**task, "end_ts": f"2026-01-01 {end}:00"}}
        path = desk.models / name / "progress.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(document))
    last = TrainingTasks(desk.tasks).last()
    assert last is not None
    assert last["id"] == "spots"


def test_progress_of_an_earlier_version_of_the_server_is_told(desk: Desk) -> None:
    path = desk.models / "spots" / "progress.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"status": "done", "epoch": 9, "message": "Published."}))
    assert desk.tasks["spots"].stats() == {"status": "done", "epoch": 9, "message": "Published."}
    task = TrainingTasks(desk.tasks).last()
    assert task is not None
    assert (task["status"], task["request"], task["details"]) == ("DONE", {"model": "spots"}, ["Published."])
