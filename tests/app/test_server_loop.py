"""The whole loop against the real server, with MONAI Label's own client."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from app_server import Server, end_group, launch
from app_spots import NAMES, spot_image, spot_points, write_label
from monailabel.client import MONAILabelClient

from monai_ext.images import read_frame
from monai_ext.landmarks.markups import read_markups

pytestmark = pytest.mark.server

IMAGES = 8
LABELLED = 6


class Loop:
    """A studies folder with the server that runs on it."""

    def __init__(self, studies: Path, start: Callable[..., AbstractContextManager[Server]], conf: dict[str, str]):
        self.studies, self._start, self._conf = studies, start, conf

    def server(self) -> AbstractContextManager[Server]:
        return self._start(self.studies, **self._conf)

    def label(self, index: int, folder: Path) -> str:
        """A markups file with the true points of an image."""
        image = self.studies / f"spot_{index:02}.png"
        return str(write_label(folder / "label.mrk.json", image, spot_points(index)))


@pytest.fixture
def loop(
    make_studies: Callable[[int], Path],
    start_server: Callable[..., AbstractContextManager[Server]],
    protocol_dir: Path,
    tmp_path: Path,
) -> Loop:
    conf = {
        "protocols": "spots,scleral_spur",
        "protocol_dir": str(protocol_dir),
        "model_dir": str(tmp_path / "my models"),
    }
    return Loop(make_studies(IMAGES), start_server, conf)


def train(client: MONAILabelClient, **params: Any) -> list[dict[str, Any]]:
    """Trains to the end; returns all different states that ``/info/`` showed meanwhile."""
    client.train_start("spots", params)
    seen: list[dict[str, Any]] = []
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        stats = client.info()["train_stats"]["spots"]
        if not seen or stats != seen[-1]:
            seen.append(stats)
        if stats["status"] not in {"queued", "running"}:
            break
        time.sleep(0.1)
    while client.train_status(check_if_running=True) and time.monotonic() < deadline:
        time.sleep(0.1)
    return seen


def check_refused(response: requests.Response, status: int, words: str) -> None:
    assert response.status_code == status, response.text
    detail = response.json()["detail"]
    assert isinstance(detail, str)
    assert words in detail


def test_label_train_predict_correct_and_restart(loop: Loop, tmp_path: Path) -> None:
    with loop.server() as server:
        client = MONAILabelClient(server.url, str(tmp_path))
        label_images(loop, client, tmp_path)
        states = train(client, max_epochs=3)
        check_progress(states, version="v1", max_epochs=3)
        assert list(client.info()["models"]) == ["spots", "scleral_spur"]
        check_prediction(loop, client, "v1")
        correct_prediction(loop, client, tmp_path)

        states = train(client, max_epochs=4, learning_rate=0.002)
        assert states[-1]["status"] == "done"
        version = states[-1]["model_version"]
        check_prediction(loop, client, version)
        check_new_version_is_served(loop, client, tmp_path)
        check_batch(server, client)

    with loop.server() as server:
        client = MONAILabelClient(server.url, str(tmp_path))
        info = client.info()
        assert info["datastore"]["completed"] == LABELLED + 1
        assert info["train_stats"]["spots"]["status"] == "done"
        _, document = client.infer("spots", "spot_00", {})
        assert document["model_version"] == "v9"
        saved = client.datastore()["objects"]["spot_06"]["labels"]["final"]["info"]
        assert saved["model_version"] == "v1"
        assert saved["displacement"]["bright"] == pytest.approx(5.0, abs=1e-3)


def label_images(loop: Loop, client: MONAILabelClient, tmp_path: Path) -> None:
    info = client.info()
    assert "spots" not in info["models"]
    assert list(info["trainers"]) == ["spots", "scleral_spur"]
    assert info["train_stats"]["spots"] == {"status": "never"}
    assert info["datastore"] == {"total": IMAGES, "completed": 0, "label_tags": {}}
    for index in range(LABELLED):
        sample = client.next_sample("first", {})
        assert sample["id"] == f"spot_{index:02}"
        saved = client.save_label(sample["id"], loop.label(index, tmp_path), "final", {})
        assert (saved["image"], saved["label"]) == (sample["id"], sample["id"])
    assert client.next_sample("random", {})["id"] in {"spot_06", "spot_07"}
    label = client.download_label("spot_03", "final")
    assert label.endswith(".mrk.json")
    frame = read_frame(loop.studies / "spot_03.png")
    np.testing.assert_allclose(read_markups(label, frame).points, spot_points(3), atol=1e-6)


def check_progress(states: list[dict[str, Any]], *, version: str, max_epochs: int) -> None:
    assert states[0]["status"] in {"queued", "running"}
    assert {"queued", "running", "done"} >= {state["status"] for state in states}
    running = [state for state in states if state["status"] == "running"]
    assert running, states
    last = states[-1]
    assert (last["status"], last["model_version"]) == ("done", version), last
    assert (last["epoch"], last["max_epochs"], last["labels_used"], last["unit"]) == (
        max_epochs,
        max_epochs,
        LABELLED,
        "px",
    )
    assert last["best"] <= last["val_error"]
    assert np.isfinite(last["loss"])


def check_prediction(loop: Loop, client: MONAILabelClient, version: str) -> None:
    path, document = client.infer("spots", "spot_06", {})
    assert Path(path).name == "spot_06.mrk.json"
    assert (document["protocol"], document["image"], document["model_version"]) == ("spots", "spot_06", version)
    landmarks = read_markups(path, read_frame(loop.studies / "spot_06.png"), NAMES)
    np.testing.assert_allclose(landmarks.points, [entry["pixel"] for entry in document["landmarks"]], atol=1e-6)
    assert [entry["radius"] for entry in document["landmarks"]] == [None, None]  # too few validation images
    unsure = document["uncertainty"]
    assert (unsure["measure"], unsure["unit"], set(unsure["landmarks"])) == ("map_radius", "px", set(NAMES))
    assert 0 < min(unsure["landmarks"].values()) <= unsure["score"] <= max(unsure["landmarks"].values())
    check_in_slicer(Path(path), document)


def check_in_slicer(path: Path, document: dict[str, Any]) -> None:
    """3D Slicer's own reader gives the same names and positions (RAS in its scene)."""
    try:
        import slicer
    except ImportError:
        markup = json.loads(path.read_text())["markups"][0]
        assert (markup["type"], markup["coordinateSystem"]) == ("Fiducial", "LPS")
        return
    storage, node = slicer.vtkMRMLMarkupsJsonStorageNode(), slicer.vtkMRMLMarkupsFiducialNode()
    scene = slicer.vtkMRMLScene()
    scene.AddNode(storage)
    scene.AddNode(node)
    storage.SetFileName(str(path))
    assert storage.ReadData(node) == 1
    assert [node.GetNthControlPointLabel(i) for i in range(node.GetNumberOfControlPoints())] == list(NAMES)
    for i, entry in enumerate(document["landmarks"]):
        left, posterior, superior = entry["position"]
        ras = node.GetNthControlPointPosition(i)
        np.testing.assert_allclose(ras, (-left, -posterior, superior), atol=1e-6)


def correct_prediction(loop: Loop, client: MONAILabelClient, tmp_path: Path) -> None:
    """Moves both points of a prediction by (3, -4) pixels and saves it: a displacement of 5."""
    path, document = client.infer("spots", "spot_06", {})
    image = loop.studies / "spot_06.png"
    proposed = read_markups(path, read_frame(image), NAMES)
    towards = np.where(proposed.points < (44, 32), 1.0, -1.0) * (3.0, 4.0)
    corrected = write_label(tmp_path / "corrected.mrk.json", image, proposed.points + towards)
    client.save_label("spot_06", str(corrected), "final", {"model_version": document["model_version"]})
    info = client.datastore()["objects"]["spot_06"]["labels"]["final"]["info"]
    assert info["model_version"] == "v1"
    assert info["displacement"] == pytest.approx({"bright": 5.0, "dim": 5.0}, abs=1e-3)
    assert client.info()["datastore"]["completed"] == LABELLED + 1


def check_new_version_is_served(loop: Loop, client: MONAILabelClient, tmp_path: Path) -> None:
    """Whatever training decided, a newly published version answers the next request."""
    folder = tmp_path / "my models" / "spots"
    card = json.loads((folder / "card.json").read_text())
    new = folder / "card.new"
    new.write_text(json.dumps({**card, "version": "v9"}))
    os.replace(new, folder / "card.json")
    _, document = client.infer("spots", "spot_06", {})
    assert document["model_version"] == "v9"


def check_batch(server: Server, client: MONAILabelClient) -> None:
    address = f"{server.url}/batch/infer"
    for _ in range(3):  # one that is stopped at once has begun
        begun, stopped = requests.post(f"{address}/spots", timeout=60), requests.delete(address, timeout=60)
        told = [(answer.json()["id"], answer.json()["status"]) for answer in (begun, stopped)]
        assert told == [(told[0][0], "RUNNING"), (told[0][0], "STOPPED")]
        check_refused(requests.get(f"{address}?check_if_running=true", timeout=60), 404, "No batch inference runs now")
    answer = requests.post(f"{server.url}/batch/infer/spots?images=unlabeled&run_sync=true", timeout=60)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["spot_07"]
    assert client.info()["datastore"]["label_tags"] == {"final": LABELLED + 1, "original": 1}


def test_wrong_requests_get_4xx_and_the_server_stays_well(loop: Loop, tmp_path: Path) -> None:
    with loop.server() as server:
        client, url = MONAILabelClient(server.url, str(tmp_path)), server.url
        check_refused(requests.post(f"{url}/infer/spots?image=spot_00"), 409, "POST /train/spots")
        for address in ("image?image=nobody", "image/info?image=nobody"):
            check_refused(requests.get(f"{url}/datastore/{address}"), 404, "'nobody'")
        check_refused(requests.get(f"{url}/datastore/label/info?label=spot_00&tag=final"), 404, "has no label")
        assert client.info()["datastore"] == {"total": IMAGES, "completed": 0, "label_tags": {}}

        place_files_by_hand(loop, client, tmp_path)
        finish_labelling(loop, client, tmp_path)
        fail_a_training(loop, client)
        assert "Exception in ASGI application" not in server.log()


def place_files_by_hand(loop: Loop, client: MONAILabelClient, tmp_path: Path) -> None:
    shutil.copy(loop.label(2, tmp_path), loop.studies / "labels" / "final" / "spot_02.mrk.json")
    spot_image(50).save(loop.studies / "later.png")
    wanted = {"total": IMAGES + 1, "completed": 1, "label_tags": {"final": 1}}
    deadline = time.monotonic() + 20
    while client.info()["datastore"] != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    assert client.info()["datastore"] == wanted


def finish_labelling(loop: Loop, client: MONAILabelClient, tmp_path: Path) -> None:
    client.save_label("spot_01", loop.label(1, tmp_path), "draft", {})
    assert client.info()["datastore"]["completed"] == 1
    while "id" in (sample := client.next_sample("first", {})):
        client.save_label(sample["id"], loop.label(0, tmp_path), "final", {"protocol": "spots"})
    assert sample == {"message": f"All {IMAGES + 1} images are labelled."}
    assert client.info()["datastore"]["label_tags"] == {"final": IMAGES + 1}


def fail_a_training(loop: Loop, client: MONAILabelClient) -> None:
    (loop.studies / "labels" / "final" / "spot_04.mrk.json").write_text("{")
    last = train(client, max_epochs=1)[-1]
    assert last["status"] == "failed"
    assert "spot_04.mrk.json" in last["message"]
    assert client.train_status()["status"] == "ERROR"


@pytest.fixture
def refused(tmp_path: Path) -> Callable[[dict[str, str]], str]:
    """Starts a server with bad ``--conf`` values and returns what it said after it ended."""
    app = tmp_path / "an app folder"
    shutil.copytree(
        Path(__file__).resolve().parents[2] / "apps" / "landmarks",
        app,
        ignore=shutil.ignore_patterns("model", "pretrained", "logs", "bin", "__pycache__"),
    )

    studies = tmp_path / "studies"
    studies.mkdir()

    def start(conf: dict[str, str]) -> str:
        server = launch(app, studies, conf, tmp_path / "refused.log")
        try:
            assert server.process.wait(timeout=120) == 2
        finally:
            end_group(server.process)
        return server.log()

    return start


def test_bad_start_ends_with_one_sentence(refused: Callable[[dict[str, str]], str]) -> None:
    log = refused({"protocols": "fundus,ear"})
    assert "The landmarks app cannot start: --conf protocols: there is no protocol 'ear'; there are" in log
    assert "Traceback" not in log
