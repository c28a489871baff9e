"""The client, its jobs and the session against a real server process, for a PNG, an NRRD and a DICOM image."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_spots import NAMES, spot_image, spot_points, write_label
from LandmarkDetectionLib.errors import Cancelled, ClientError, Refused, Unreachable
from LandmarkDetectionLib.server.http_client import HttpClient
from LandmarkDetectionLib.server.prediction import Prediction
from LandmarkDetectionLib.work import jobs
from LandmarkDetectionLib.work.proposal import noted_answer
from LandmarkDetectionLib.work.session import Session
from session_parts import TestClock
from spot_server import Place, spot_server, write_spots

from monai_ext.images import read_frame
from monai_ext.landmarks.markups import read_markups

pytestmark = pytest.mark.server

FILES = {"photo": "photo.png", "scan": "scan.nrrd", "film": "film.dcm", "Müller 1": "Müller 1.PNG"}


def make_studies(folder: Path) -> None:
    """Four images of the same two spots, each placed and calibrated in its own way."""
    for name in FILES.values():
        write_spots(folder / name, 3)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with spot_server(tmp_path_factory.mktemp("place with a space"), make_studies) as running:
        yield running


def test_info_gives_what_the_panel_shows(place: Place) -> None:
    info = place.client.info()
    task = info.tasks["spots"]
    assert (task.names, task.title, task.landmarks[1].optional) == (NAMES, "Two spots", True)
    assert task.landmarks[0].description == "the bright spot"
    assert task.landmarks[0].color.startswith("#")
    assert (task.measurements[0].kind, task.measurements[0].between) == ("distance", NAMES)
    model = info.models["spots"]
    assert (model.version, model.labels_used, model.val_error, model.unit) == ("v1", 2, 90.0, "px")
    assert set(info.strategies) >= {"first", "random"}
    assert all(info.strategies.values())
    assert info.train_options["spots"]["max_epochs"] == 4
    assert info.version


@pytest.mark.parametrize("image", FILES)
def test_image_file_comes_as_it_is_with_its_suffix(place: Place, image: str, tmp_path: Path) -> None:
    path = place.client.download_image(image, tmp_path)
    assert path.name == FILES[image]
    assert path.read_bytes() == (place.studies / FILES[image]).read_bytes()
    entry = place.client.images(image.split()[0]).get(image)
    assert entry.file_name == FILES[image]


@pytest.mark.parametrize("image", ["photo", "scan", "film"])
def test_detect_correct_submit_and_reopen(place: Place, image: str, tmp_path: Path) -> None:
    client, clock = place.client, TestClock()
    session = Session(clock)
    session.annotator = "Ada"
    assert session.connect(client.url, jobs.refresh(client)) == ""
    work = session.open(jobs.open_image(client, session.task, session.images.get(image), tmp_path))
    frame = read_frame(place.studies / FILES[image])
    assert (work.geometry.size, work.geometry.unit) == (frame.size, frame.unit)
    np.testing.assert_allclose(work.geometry.spacing, frame.scale)

    assert session.detected(jobs.detect(client, session.task, image))
    said = client.infer("spots", image).document
    for point, told in zip(work.points, said["landmarks"], strict=True):
        np.testing.assert_allclose(work.geometry.to_pixel(point.position), told["pixel"], atol=1e-6)
        assert point.confidence == told["confidence"]
    np.testing.assert_allclose(work.measurements()[0].value, said["measurements"][0]["value"])

    # Six pixels towards the middle of the image, so that the point stays on it.
    x, y = work.geometry.to_pixel(work[0].position)
    target = (x + (3.0 if x < 44 else -3.0), y + (4.0 if y < 32 else -4.0))
    work.begin_drag(0)
    work.end_drag(0, work.geometry.to_lps(*target))
    clock.now += 12
    submission = session.submission("draft")
    session.sent(jobs.send(client, submission))
    assert session.entry.state == "draft"
    assert client.images(state="draft").get(image).labels["draft"].annotator == "Ada"

    again = session.open(jobs.open_image(client, session.task, client.images().get(image), tmp_path))
    assert again.points == work.points
    assert (again.saved_tag, again.seconds, again.dirty) == ("draft", 12.0, False)
    again.mark_missing(1)
    session.sent(jobs.send(client, session.submission("final")))

    label = read_markups(place.studies / "labels" / "final" / f"{image}.mrk.json", frame, NAMES)
    np.testing.assert_allclose(label.points[0], target, atol=1e-6)
    assert [status.item() for status in label.status] == [1, 0]
    info = client.label_info(image, "final")
    assert (info["model_version"], info["protocol"], info["seconds"]) == ("v1", "spots", 12.0)
    # The server measures by itself how far the point was moved, and agrees.
    assert info["displacement"] == pytest.approx({"bright": again.moved(0), "dim": None}, abs=1e-3)
    assert info["displacement"]["bright"] == pytest.approx(float(np.hypot(*(np.array([3, 4]) * frame.scale))), abs=1e-3)
    assert info["unit"] == work.geometry.unit
    entry = client.images().get(image)
    assert (entry.state, set(entry.labels), entry.labels["final"].model_version) == ("final", {"final"}, "v1")
    last = session.open(jobs.open_image(client, session.task, entry, tmp_path))
    assert [point.status for point in last.points] == ["corrected", "missing"]


def test_label_by_hand_has_no_model_version(place: Place, tmp_path: Path) -> None:
    session = Session()
    session.connect(place.client.url, jobs.refresh(place.client))
    image = "Müller 1"
    work = session.open(jobs.open_image(place.client, session.task, session.images.get(image), tmp_path))
    assert work.point_placed(0, work.geometry.to_lps(10.25, 20.5)) == 1
    session.sent(jobs.send(place.client, session.submission("final")))
    info = place.client.label_info(image, "final")
    assert (info["model_version"], info["displacement"]) == (None, None)
    frame = read_frame(place.studies / FILES[image])
    label = read_markups(place.studies / "labels" / "final" / f"{image}.mrk.json", frame, NAMES)
    np.testing.assert_allclose(label.points[0], (10.25, 20.5), atol=1e-9)


def test_a_prediction_is_kept_as_the_image_s_proposal_beside_a_label(place: Place) -> None:
    image, client = "Müller 1", place.client
    before = client.download_label(image, "final")
    answer = client.infer("spots", image, keep=True)
    entry = client.images().get(image)
    assert entry is not None
    assert entry.state == "final"
    assert client.download_label(image, "final") == before
    assert (entry.labels["original"].protocol, entry.labels["original"].model_version) == ("spots", "v1")
    kept = json.loads(client.download_label(image, "original"))["markups"][0]["controlPoints"]
    sent = json.loads(answer.markups)["markups"][0]["controlPoints"]
    assert [point["position"] for point in kept] == [point["position"] for point in sent]
    task = client.info().tasks["spots"]
    noted = noted_answer(client.label_info(image, "original"), task)
    assert noted == Prediction.from_document(answer.document, task)


def test_uploaded_image_is_listed_and_can_be_detected(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "new one.png"
    spot_image(8).save(path)
    image = place.client.upload_image(path)
    assert image == "new one"
    assert place.client.images().get(image).file_name == "new one.png"
    task = place.client.info().tasks["spots"]
    assert jobs.detect(place.client, task, image).model_version == "v1"
    chosen = place.client.next_sample("first", {"client_id": "test"}).image
    assert place.client.images().get(chosen).state != "final"


def test_refusals_are_the_servers_sentences(place: Place, tmp_path: Path) -> None:
    client = place.client
    for call, status, words in (
        (lambda: client.infer("spots", "nobody"), 404, "There is no image 'nobody'"),
        (lambda: client.infer("a/b", "photo"), 404, "There is no address /infer/a/b"),
        (lambda: client.next_sample("psychic"), 404, "There is no strategy 'psychic'"),
        (lambda: client.train("spots", {"colour": 1}), 422, "'colour' is unknown"),
        (lambda: client.save_label("photo", b"{}", {}), 400, "photo.mrk.json"),
        (lambda: client.label_info("photo", "original"), 404, "has no label"),
        (lambda: client.download_image("nobody", tmp_path), 404, "nobody"),
        (lambda: client.frame("nobody"), 404, "There is no image"),
    ):
        with pytest.raises(Refused, match=words) as caught:
            call()
        assert caught.value.status == status
        assert str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_training_moves_and_can_be_stopped(place: Place) -> None:
    for index in range(3):
        image = place.studies / f"more_{index}.png"
        spot_image(index).save(image)
        write_label(place.studies / "labels" / "final" / f"more_{index}.mrk.json", image, spot_points(index))
    client = place.client
    deadline = time.monotonic() + 30
    while client.images().counts["final"] < 3 and time.monotonic() < deadline:
        time.sleep(0.2)
    client.train("spots", {"max_epochs": 50_000})
    deadline = time.monotonic() + 120
    seen: list[Any] = []
    while time.monotonic() < deadline and len({stats.epoch for stats in seen}) < 3:
        seen.append(client.info().train_stats["spots"])
        time.sleep(0.1)
    last = seen[-1]
    assert (last.status, last.active, last.max_epochs) == ("running", True, 50_000)
    assert last.epoch >= 2
    assert np.isfinite([last.loss, last.val_error]).all()
    assert last.labels_used >= 3
    assert last.unit
    with pytest.raises(Refused) as caught:
        client.train("spots")
    assert caught.value.status == 429
    client.stop_training()
    assert client.info().train_stats["spots"].status == "stopped"
    client.stop_training()  # nothing runs, nothing happens


def test_server_that_is_stopped_in_the_middle_loses_no_work(place: Place, tmp_path: Path) -> None:
    """The last test of this server: it is stopped, first for a while and then for good."""
    session = Session()
    client = HttpClient(place.server.url)
    session.connect(client.url, jobs.refresh(client))
    work = session.open(jobs.open_image(client, session.task, session.images.get("photo"), tmp_path))
    work.point_placed(0, work.geometry.to_lps(5.0, 6.0))
    submission = session.submission()
    before = (place.studies / "labels" / "final" / "photo.mrk.json").read_bytes()
    errors: list[ClientError] = []

    def send() -> None:
        try:
            jobs.send(client, submission)
        except ClientError as error:
            errors.append(error)

    os.kill(place.server.process.pid, signal.SIGSTOP)
    for end in (client.cancel, lambda: os.kill(place.server.process.pid, signal.SIGKILL)):
        thread = threading.Thread(target=send)
        thread.start()
        time.sleep(0.3)
        end()
        thread.join(20)
        assert not thread.is_alive()
    place.server.process.wait(20)
    assert [type(error) for error in errors] == [Cancelled, Unreachable]
    assert session.not_sent(submission, errors[1]).startswith("photo was not sent, and its points are kept: ")
    assert (place.studies / "labels" / "final" / "photo.mrk.json").read_bytes() == before
    text = json.loads(session.to_json())
    fresh = Session()
    fresh.restore(json.dumps(text))
    assert fresh.work.points == work.points
    assert fresh.unsent[0].record.points == work.points
