"""A server's app that trains by itself, whose training processes do as a test tells them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from app_spots import NAMES, SPOTS, spot_points

from lib import retraining
from lib.datastore import LandmarkDatastore
from lib.retraining import LabelCounter, Retraining
from lib.served_labels import FinalLabels
from lib.served_model import ServedModel
from lib.trainers import LandmarkTrain, queue, training_queue
from monai_ext.images import read_frame
from monai_ext.landmarks import Protocol, read_protocol
from monai_ext.landmarks.markups import write_markups
from monai_ext.landmarks.points import Landmarks

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
    task = {"id": os.environ["LANDMARKS_TRAINING_PROCESS"], "request": {"model": name}, "start_ts": "2026-01-01"}
    progress = {"status": status, "message": "As asked.", "task": task}
    pathlib.Path(models, name, "progress.json").write_text(json.dumps(progress))
elif status == "interrupted":
    os.kill(os.getpid(), signal.SIGTERM)
else:
    print("Training failed: " + status)
    sys.exit(1)
"""


@pytest.fixture(name="protocols")
def two_protocols(tmp_path: Path) -> dict[str, Protocol]:
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
        self.counter = LabelCounter(self.store, FinalLabels(self.store, self._protocols), self.models)
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


@pytest.fixture(name="desk")
def training_desk(
    make_studies: Callable[[int], Path],
    protocols: dict[str, Protocol],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Desk]:
    desk = Desk(make_studies(IMAGES), protocols, tmp_path)
    monkeypatch.setattr(queue, "command_of", desk.command)
    monkeypatch.setattr(retraining, "SECONDS_AFTER_REFUSAL", 0.0)
    yield desk
    training_queue.stop()
