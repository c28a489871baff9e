"""A table of requests that must be refused, sent to one real server among files that nobody may touch."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
from app_canary import CanaryHouse, answer_of, sentence_of
from probe_request import Probe
from probes import MAX_BODY_MB, PROBES

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CanaryHouse]:
    house = CanaryHouse(tmp_path_factory.mktemp("house"), max_body_mb=str(MAX_BODY_MB))
    house.start()
    yield house
    house.stop()


def is_well(house: CanaryHouse) -> bool:
    assert house.server is not None
    return requests.get(f"{house.server.url}/info/", timeout=30).status_code == 200


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_request_is_refused_with_one_sentence_and_changes_nothing(house: CanaryHouse, probe: Probe) -> None:
    assert house.server is not None
    before = house.listing()
    status, body, headers = answer_of(house.server, probe)
    assert status == probe.status, body[:500]
    assert headers["content-type"] == "application/json"
    sentence = sentence_of(body)
    assert probe.words in sentence
    assert str(house.root) not in sentence
    assert house.listing() == before
    assert is_well(house)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /info/ HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: localhost\r\n\r\n",
        b"GET /info/ HTTP/1.1\r\n\r\n",
        b"GET /info/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"PUT /datastore/image HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"PUT /datastore/image HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /train/spots HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_answered_with_400(house: CanaryHouse, raw: bytes) -> None:
    assert house.server is not None
    address = urlsplit(house.server.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(raw)
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert is_well(house)


def test_upload_that_ends_early_leaves_nothing(house: CanaryHouse) -> None:
    assert house.server is not None
    before = house.listing()
    address = urlsplit(house.server.url)
    start = b"PUT /datastore/image HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1500000\r\n"
    start += (
        b'Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-Disposition: form-data; name="file"; '
    )
    start += b'filename="half.png"\r\n\r\n' + bytes(1_200_000)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(start)
    assert is_well(house)
    assert house.listing() == before


def test_after_all_probes_the_log_names_nobody_and_a_restart_finds_everything(house: CanaryHouse) -> None:
    assert house.server is not None
    log, label = house.server.log(), house.label.read_bytes()
    house.stop()
    house.start()
    assert is_well(house)
    for private in ("spot_0", "canary", "/etc/passwd", "evil.example", "Traceback", "Exception in ASGI"):
        assert private not in log
    answer = requests.get(f"{house.server.url}/datastore/label?label=spot_00&tag=final", timeout=30)
    assert answer.content == label
    listed = requests.get(f"{house.server.url}/datastore/images", timeout=30).json()["images"]
    assert [entry["id"] for entry in listed] == ["broken", *(f"spot_{index:02}" for index in range(4))]


def test_every_probe_has_a_name_of_its_own() -> None:
    assert len({probe.name for probe in PROBES}) == len(PROBES) >= 60
