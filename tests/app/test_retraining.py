"""When the server trains by itself: what counts, what is asked for, and what outlives a server."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from app_spots import NAMES, SPOTS, spot_points, write_label

from lib.conf import Conf
from lib.datastore import LandmarkDatastore
from lib.retraining import LabelCounter, Retraining, policy
from lib.retraining.unfinished import Unfinished
from lib.served_model import ServedModel
from lib.start_report import training_words
from lib.trainers import LandmarkTrain, queue, training_queue
from monai_ext.engines.lock import training_lock
from monai_ext.engines.seen_labels import add_seen_labels, read_seen_labels
from monai_ext.landmarks import InputError, Protocol, read_protocol
from monai_ext.landmarks.markups import write_markups
from monai_ext.landmarks.points import Landmarks
from monai_ext.transforms.image_io import read_frame

IMAGES = 8
AFTER = 3

#: A process in the place of a training: it waits for a file and then ends as that file says.
PROCESS = """
import json, os, pathlib, signal, sys, time
name, folder, models = sys.argv[1:]
order = pathlib.Path(folder, name)
while not order.exists():
    time.sleep(0.01)
status = order.read_text()
order.unlink()
if status in ("done", "stopped"):
    pathlib.Path(models, name, "progress.json").write_text(json.dumps({"status": status, "message": "As asked."}))
elif status == "interrupted":
    os.kill(os.getpid(), signal.SIGTERM)
else:
    print("Training failed: " + status)
    sys.exit(1)
"""


@pytest.fixture
def protocols(tmp_path: Path) -> dict[str, Protocol]:
    found = {}
    for name in ("spots", "dots"):
        text = SPOTS.replace("name: spots", f"name: {name}")
        text = text if name == "spots" else text.replace("bright", "upper").replace("dim", "lower")
        (tmp_path / f"{name}.yaml").write_text(text)
        found[name] = read_protocol(tmp_path / f"{name}.yaml")
    return found


class Desk:
    """A studies folder, the trainers and a policy on them; ``asked`` has the requests of all processes."""

    def __init__(self, studies: Path, protocols: dict[str, Protocol], tmp_path: Path) -> None:
        self.studies, self.models, self._protocols = studies, tmp_path / "models", protocols
        self._orders = tmp_path / "orders"
        self._orders.mkdir()
        self.asked: list[str] = []
        self.restart()

    def restart(self) -> None:
        """As a server starts."""
        self.store = LandmarkDatastore(str(self.studies))
        self.tasks = {
            name: LandmarkTrain(ServedModel(protocol, self.models, self.models.parent / "none"), self._protocols)
            for name, protocol in self._protocols.items()
        }
        self.counter = LabelCounter(self.store, self._protocols, self.models)
        self.policy = Retraining(self.counter, self.tasks, AFTER)
        self.policy.take_up()

    def command(self, request: dict[str, Any]) -> list[str]:
        self.asked.append(request["model"])
        return [sys.executable, "-c", PROCESS, request["model"], str(self._orders), str(self.models)]

    def label(self, index: int, *, move: float = 0.0, tag: str = "final", protocol: str = "spots") -> None:
        """Saves a label as a client does."""
        image = f"spot_{index:02}"
        path = self.studies.parent / f"{image}.mrk.json"
        names = NAMES if protocol == "spots" else ("upper", "lower")
        frame = read_frame(self.studies / f"{image}.png")
        write_markups(path, Landmarks(names, spot_points(index) + move, frame))
        self.store.save_label(image, str(path), tag, {"protocol": protocol})

    def label_all(self, *indices: int, protocol: str = "spots") -> None:
        for index in indices:
            self.label(index, protocol=protocol)

    def numbers(self, name: str = "spots") -> tuple[int, str | None]:
        stats = self.policy.stats()[name]
        assert stats["train_after"] == AFTER
        return stats["labels_since"], stats.get("waiting")

    def end(self, status: str, name: str = "spots") -> None:
        """Lets the process of a training end, and waits for that."""
        partial = self._orders / f".{name}"
        partial.write_text(status)
        partial.rename(self._orders / name)
        wait_for(lambda: not training_queue.busy(name))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def desk(
    make_studies: Callable[[int], Path],
    protocols: dict[str, Protocol],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Desk]:
    desk = Desk(make_studies(IMAGES), protocols, tmp_path)
    monkeypatch.setattr(queue, "command_of", desk.command)
    monkeypatch.setattr(policy, "SECONDS_AFTER_REFUSAL", 0.0)
    yield desk
    training_queue.stop()


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
    training_queue.submit({"model": "spots"}, lambda: None, task.ended)
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

    import lib.retraining.counter as counter

    monkeypatch.setattr(counter, "add_seen_labels", full)
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
    for _ in range(policy.MOST_BEGINNINGS):
        Unfinished(desk.models / "spots").begin()
    desk.restart()
    desk.policy.look()
    assert desk.asked == []
    assert "ended with its server 3 times: it is given up" in caplog.text

    desk.restart()
    desk.policy.look()
    assert desk.asked == []


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
    assert training_words(10) == ["by itself after 10 new labels of a protocol"]


def test_info_has_the_numbers_only_where_the_setting_is_on(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path]
) -> None:
    studies = make_studies(2)
    write_label(studies / "labels/final/spot_00.mrk.json", studies / "spot_00.png", spot_points(0))
    assert make_app(studies).info()["train_stats"] == {"spots": {"status": "never"}}
    on = make_app(studies, train_after="4").info()["train_stats"]
    assert on == {"spots": {"status": "never", "labels_since": 1, "train_after": 4}}
    assert json.loads(json.dumps(on)) == on
