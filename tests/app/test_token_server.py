"""A real server that asks for a token: MONAI Label's own client works with it, and its log names nobody."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import requests
from app_canary import CanaryHouse, answer_of, sentence_of
from app_server import Server
from app_spots import NAMES, spot_image, spot_points, write_label
from monailabel.client import MONAILabelClient
from monailabel.client.client import MONAILabelClientException
from probe_request import Probe

from monai_ext.images import read_frame
from monai_ext.landmarks.markups import read_markups

pytestmark = pytest.mark.server

TOKEN = "the-token-of-the-eye-clinic"
NAME = "Mustermann_1961"
DOORS = "reload,logs,model_download,dataset_download"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CanaryHouse]:
    house = CanaryHouse(tmp_path_factory.mktemp("clinic"), allow=DOORS)
    house.start(["--access_log"], {"LANDMARKS_TOKEN": TOKEN})
    yield house
    house.stop()


@pytest.fixture
def server(house: CanaryHouse) -> Server:
    assert house.server is not None
    return house.server


@pytest.fixture
def client(server: Server, tmp_path: Path) -> MONAILabelClient:
    client = MONAILabelClient(server.url, str(tmp_path), client_id="Dr. Beispiel")
    client.update_auth({"token_type": "Bearer", "access_token": TOKEN})
    return client


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("headers", [{}, bearer("wrong"), {"Authorization": TOKEN}])
@pytest.mark.parametrize(
    "request_line", ["GET /info/", "POST /reload", "PUT /datastore/image", "GET /openapi.json", "GET /x"]
)
def test_without_the_token_nothing_is_answered(server: Server, request_line: str, headers: dict[str, str]) -> None:
    status, body, answered = answer_of(server, Probe("", request_line, 401, ""), headers)
    assert status == 401
    assert answered["www-authenticate"] == "Bearer"
    assert "token" in sentence_of(body)


def test_the_whole_flow_with_monai_labels_client(
    house: CanaryHouse, server: Server, client: MONAILabelClient, tmp_path: Path
) -> None:
    picture = tmp_path / f"{NAME}.png"
    spot_image(9).save(picture)
    with pytest.raises(MONAILabelClientException, match="token"):
        MONAILabelClient(server.url, str(tmp_path)).info()

    session = client.create_session(str(picture))
    assert session["session_info"]["image"] == picture.name
    assert str(house.root) not in json.dumps(session)
    markups, document = client.infer("spots", "", {}, session_id=session["session_id"])
    assert document["image"] == session["session_id"]
    assert client.get_session(session["session_id"])["name"] == session["session_id"]
    client.remove_session(session["session_id"])
    assert list(house.sessions.iterdir()) == []

    assert client.upload_image(str(picture), NAME) == {"image": NAME}
    assert client.next_sample("first", {})["id"] == NAME
    markups, document = client.infer("spots", NAME, {})
    found = read_markups(markups, read_frame(picture), NAMES)
    np.testing.assert_allclose(found.points, [entry["pixel"] for entry in document["landmarks"]], atol=1e-6)
    label = write_label(tmp_path / "label.mrk.json", picture, spot_points(9))
    assert client.save_label(NAME, str(label), "final", {})["label"] == NAME
    saved = client.download_label(NAME, "final")
    assert Path(saved).read_bytes() == label.read_bytes()
    assert client.datastore()["objects"][NAME]["labels"]["final"]["info"]["protocol"] == "spots"
    assert client.info()["datastore"]["completed"] == 2


@pytest.mark.slow
def test_training_with_monai_labels_client(house: CanaryHouse, client: MONAILabelClient, tmp_path: Path) -> None:
    for index in (1, 2):
        image = house.studies / f"spot_{index:02}.png"
        label = write_label(tmp_path / "label.mrk.json", image, spot_points(index))
        client.save_label(image.stem, str(label), "final", {})
    client.train_start("spots", {"max_epochs": 50_000})
    deadline = time.monotonic() + 60
    while client.info()["train_stats"]["spots"]["status"] != "running" and time.monotonic() < deadline:
        time.sleep(0.2)
    assert client.train_status(check_if_running=True)
    client.train_stop()
    while client.train_status(check_if_running=True) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert client.info()["train_stats"]["spots"]["status"] == "stopped"


def test_opened_doors(house: CanaryHouse, server: Server) -> None:
    def get(path: str) -> requests.Response:
        return requests.get(f"{server.url}{path}", headers=bearer(), timeout=30)

    weights = next((house.root / "my models" / "spots").glob("*.safetensors"))
    assert get("/model/spots").content == weights.read_bytes()
    assert get("/model/info/spots").json()["checksum"].startswith("SHA256:")
    before = house.listing()
    archive = zipfile.ZipFile(BytesIO(get("/datastore/dataset").content))
    assert "spot_00.png" in {Path(name).name for name in archive.namelist()}
    deadline = time.monotonic() + 30
    while house.listing() != before and time.monotonic() < deadline:  # the archive is removed once it is sent
        time.sleep(0.05)
    assert house.listing() == before
    for path, words in (
        ("/logs/?lines=0", "lines"),
        ("/model/ear", "'ear'"),
        ("/datastore/dataset?limit_cases=0", "limit"),
    ):
        assert words in sentence_of(get(path).content)
    said = [line.rpartition(" - ")[2] for line in get("/logs/?lines=20").text.splitlines()]
    assert "GET /model/{model} is answered with 404." in said
    assert "GET /datastore/dataset is answered with 422." in said
    assert len(get("/logs/?lines=2").text.splitlines()) == 2


def test_reload_reads_the_folder_again_and_does_not_block(house: CanaryHouse, server: Server) -> None:
    (house.studies / "spot_03.png").rename(house.studies / "spot_33.png")
    for _ in range(5):
        answer = requests.post(f"{server.url}/reload", headers=bearer(), timeout=30)
        assert answer.status_code == 200
    images = requests.get(f"{server.url}/datastore/images", headers=bearer(), timeout=30).json()["images"]
    assert "spot_33" in [entry["id"] for entry in images]


def test_the_log_names_nobody_and_shows_no_token(server: Server) -> None:
    for request_line, content in (
        (f"POST /infer/spots?image={NAME}_x", b""),
        (f"PUT /datastore/label?image={NAME}", b"garbage"),
        (f"DELETE /datastore/label?id={NAME}&tag=draft", b""),
        (f"GET /datastore/image?image={NAME}", b""),
        (f"GET /{NAME}", b""),
        (f"DELETE /datastore/image?id={NAME}", b""),
    ):
        assert answer_of(server, Probe("", request_line, 0, "", content), bearer())[0] != 401
    log = server.log()
    assert "GET /info/ HTTP" in log, "the access log is on"
    for private in (NAME, "Mustermann", "Beispiel", TOKEN, "image=", '"label"', "Traceback"):
        assert private not in log, private
