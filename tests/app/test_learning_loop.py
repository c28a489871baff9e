"""Labels make a model, the model proposes, corrections make a better one: on the real server, with the real client."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import psutil
import pytest
from app_loop import Annotator, Subject, eyes, image_id, spots
from app_server import Server

from monai_ext.engines.dataset import read_seen_labels
from monai_ext.models import read_card

pytestmark = pytest.mark.server


class Clinic:
    """A studies folder, a model folder and servers on them."""

    def __init__(
        self,
        subject: Subject,
        images: int,
        after: int,
        folder: Path,
        start: Callable[..., AbstractContextManager[Server]],
    ):
        self.subject, self.studies, self.models = subject, folder / "studies", folder / "my models"
        subject.write(self.studies, folder / "protocols", images)
        conf = {"protocols": subject.name, "protocol_dir": str(folder / "protocols"), "model_dir": str(self.models)}
        self.server = lambda: start(self.studies, **conf, train_after=str(after))
        self._folder = folder

    def annotator(self, server: Server) -> Annotator:
        return Annotator(server, self.subject, self.studies, self._folder)

    @property
    def folder(self) -> Path:
        """Of the model."""
        return self.models / self.subject.name


@pytest.mark.slow
def test_labels_train_a_better_model_that_is_served_at_once(
    tmp_path: Path,
    start_server: Callable[..., AbstractContextManager[Server]],
    cli: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    clinic = Clinic(spots(max_epochs=24, val_interval=6), 12, 4, tmp_path, start_server)
    with clinic.server() as server:
        learn(clinic, clinic.annotator(server), capsys)
        back_and_forth(clinic, clinic.annotator(server), cli)
        assert "Traceback" not in server.log()


@pytest.mark.slow
def test_a_worse_model_is_not_published_and_a_lost_training_is_taken_up(
    tmp_path: Path,
    start_server: Callable[..., AbstractContextManager[Server]],
    cli: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    clinic = Clinic(spots(max_epochs=24, val_interval=6), 18, 4, tmp_path, start_server)
    with clinic.server() as server:
        person = clinic.annotator(server)
        learn(clinic, person, capsys)
        be_worse(clinic, person)
        lose_the_server_in_a_training(clinic, person, server)
    take_up(clinic, cli)


@pytest.mark.slow
def test_synthetic_eyes_are_found_better_from_version_to_version(
    tmp_path: Path, start_server: Callable[..., AbstractContextManager[Server]], capsys: pytest.CaptureFixture[str]
) -> None:
    after = 6
    clinic = Clinic(eyes(max_epochs=16, val_interval=4), 3 * after, after, tmp_path, start_server)
    with clinic.server() as server:
        person = clinic.annotator(server)
        for index in range(after):
            person.submit(index)
        assert person.wait_for_training()["model_version"] == "v1"
        for index in range(after, 2 * after):
            assert person.correct(index) == "v1"
        done = person.wait_for_training()
        assert (done["model_version"], done["labels_used"]) == ("v2", 2 * after)
        for index in range(2 * after, 3 * after - 1):
            assert person.correct(index) == "v2"
        compare(person, capsys, v1=after, v2=after - 1)


def learn(clinic: Clinic, person: Annotator, capsys: pytest.CaptureFixture[str]) -> None:
    """From no model to the second version, and some corrections of that."""
    first_model(person)
    better_model(person)
    for index in (9, 10):
        assert person.correct(index) == "v2"
    assert person.stats()["labels_since"] == 3
    compare(person, capsys, v1=5, v2=2)


def compare(person: Annotator, capsys: pytest.CaptureFixture[str], **counts: int) -> None:
    """The later version was corrected less."""
    agreement = person.agreement()
    with capsys.disabled():
        print(f"\nimages corrected and mean displacement in pixels, by version: {agreement}")
    assert {version: count for version, (count, _) in agreement.items()} == counts
    assert agreement["v2"][1] < agreement["v1"][1]


def first_model(person: Annotator) -> None:
    """Four labels by hand, the last of which begins a training."""
    assert person.client.info()["models"] == {}
    for index in range(4):
        assert person.stats() == {"status": "never", "labels_since": index, "train_after": 4}
        person.submit(index)
    done = person.wait_for_training()
    assert (done["status"], done["model_version"], done["labels_used"]) == ("done", "v1", 4)
    assert done["message"].startswith("Published with a validation error of ")


def better_model(person: Annotator) -> None:
    """Four corrections, the last of which begins a training, and one that comes while it runs."""
    for count, index in enumerate(range(4, 8)):
        assert person.stats()["labels_since"] == count
        assert person.correct(index) == "v1"
    person.wait_until(lambda found: found["labels_since"] == 0)
    person.wait_until(lambda found: found["status"] == "running")
    assert person.correct(8) == "v1"
    done = person.wait_until(lambda found: found["status"] != "running")
    assert (done["status"], done["model_version"], done["labels_used"]) == ("done", "v2", 8)
    assert (done["labels_since"], done["train_after"]) == (1, 4)


def back_and_forth(clinic: Clinic, person: Annotator, cli: Callable[..., str]) -> None:
    """The running server follows the command line to the earlier version and back."""
    where = ("models", "--models", clinic.models, "--rollback", clinic.subject.name)
    newest = person.ask(11)
    assert (
        " ".join(cli(*where).split()) == "spots now uses v1 instead of v2; `--rollback spots --to v2` returns to that."
    )
    earlier = person.ask(11)
    assert (newest[0], earlier[0]) == ("v2", "v1")
    assert np.abs(newest[1] - earlier[1]).max() > 0.01
    assert person.client.info()["models"]["spots"]["model_version"] == "v1"
    assert (
        " ".join(cli(*where, "--to", "v2").split())
        == "spots now uses v2 instead of v1; `--rollback spots --to v1` returns to that."
    )
    again = person.ask(11)
    assert again[0] == "v2"
    np.testing.assert_array_equal(again[1], newest[1])


def be_worse(clinic: Clinic, person: Annotator) -> None:
    """A training that a person asked for ends with a worse model, which is not published, and resets the count."""
    assert person.stats()["labels_since"] == 3
    card = read_card(clinic.folder)
    person.client.train_start(clinic.subject.name, {"learning_rate": 0.5, "max_epochs": 2})
    done = person.wait_for_training()
    assert (done["status"], done["model_version"], done["labels_used"]) == ("done", "v2", 11)
    assert done["message"].startswith("Not published: its validation error of ")
    assert "is above the current model's " in done["message"]
    assert read_card(clinic.folder) == card
    assert person.ask(16)[0] == "v2"


def lose_the_server_in_a_training(clinic: Clinic, person: Annotator, server: Server) -> None:
    for index in range(11, 15):
        assert person.correct(index) == "v2"
    person.wait_until(lambda found: found["labels_since"] == 0)
    person.wait_until(lambda found: found["status"] == "running" and found["epoch"] >= 1)
    (trainer,) = psutil.Process(server.process.pid).children()
    os.kill(server.process.pid, signal.SIGKILL)
    psutil.wait_procs([trainer], timeout=60)
    assert len(read_seen_labels(clinic.folder)) == 15


def take_up(clinic: Clinic, cli: Callable[..., str]) -> None:
    """The next server ends the training that was lost, and nothing is trained twice."""
    with clinic.server() as server:
        person = clinic.annotator(server)
        person.wait_until(lambda found: found["status"] == "running")
        done = person.wait_for_training()
        assert (done["status"], done["labels_used"], done["labels_since"]) == ("done", 15, 0)
        newest = done["model_version"]
        assert newest in {"v2", "v3"}
        assert person.ask(16)[0] == newest
        assert not (clinic.folder / "retraining.json").exists()
        person.submit(16)
        assert person.stats()["labels_since"] == 1
        printed = " ".join(cli("models", "--models", clinic.models, "--rollback", "spots", "--to", "v1").split())
        assert printed.startswith(f"spots now uses v1 instead of {newest}")
        assert person.ask(16)[0] == "v1"
    assert image_id(16) not in read_seen_labels(clinic.folder)
