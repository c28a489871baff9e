"""A label of many megabytes at every door of a real server that takes large images."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from io import BytesIO
from urllib.parse import urlsplit

import pytest
import requests
from app_canary import CanaryHouse, answer_of, sentence_of
from app_spots import spot_points, write_label
from PIL import Image
from probe_request import Probe, form

from monai_ext.studies import LABEL_MEGABYTES, MEGABYTE

pytestmark = pytest.mark.server

SENTENCE = (
    "This request holds more than the 1 MB that this server accepts for a label, or anything else that is no image: "
    "shorten it."
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CanaryHouse]:
    house = CanaryHouse(tmp_path_factory.mktemp("house"))
    house.start()
    yield house
    house.stop()


@pytest.fixture
def label(house: CanaryHouse) -> bytes:
    """A label of spot_01 that is stored as it stands."""
    return write_label(house.root / "l.mrk.json", house.studies / "spot_01.png", spot_points(1)).read_bytes()


def padded(label: bytes, size: int) -> bytes:
    """The same label with blanks, which JSON allows."""
    return label + b" " * (size - len(label))


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("tag", ["final", "draft", "original"])
def test_a_label_of_20_megabytes_is_refused(house: CanaryHouse, label: bytes, tag: str, chunked: bool) -> None:
    assert house.server is not None
    request = f"PUT /datastore/label?image=spot_01&tag={tag}"
    sent = form(("label", "l.mrk.json", padded(label, 20 * MEGABYTE)))
    before = house.listing()

    status, body, _ = answer_of(house.server, Probe("large", request, 413, "", **sent, chunked=chunked))

    assert (status, sentence_of(body)) == (413, SENTENCE)
    assert house.listing() == before


def test_it_is_refused_while_it_is_read(house: CanaryHouse) -> None:
    assert house.server is not None
    address = urlsplit(house.server.url)
    start = (
        b"PUT /datastore/label?image=spot_01 HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    part = b'--b\r\nContent-Disposition: form-data; name="label"; filename="l.mrk.json"\r\n\r\n'
    part += b" " * (LABEL_MEGABYTES * MEGABYTE)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(start + f"{len(part):x}\r\n".encode() + part + b"\r\n")  # and the end never comes
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_label_up_to_its_limit_is_stored(house: CanaryHouse, label: bytes) -> None:
    assert house.server is not None
    large = padded(label, LABEL_MEGABYTES * MEGABYTE - 1000)  # the form around it needs some
    answer = requests.put(
        f"{house.server.url}/datastore/label?image=spot_01&tag=draft",
        files={"label": ("l.mrk.json", large)},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    stored = requests.get(f"{house.server.url}/datastore/label?label=spot_01&tag=draft", timeout=30)
    assert stored.content == large


@pytest.mark.parametrize(
    ("method", "address", "field"),
    [
        ("PUT", "/datastore/image", "file"),
        ("PUT", "/datastore/", "file"),
        ("PUT", "/datastore", "file"),
        ("POST", "/infer/spots", "file"),
        ("PUT", "/session/", "files"),
        ("PUT", "/session", "files"),
    ],
)
def test_images_may_be_larger_but_no_label_comes_in_their_place(
    house: CanaryHouse, label: bytes, method: str, address: str, field: str
) -> None:
    assert house.server is not None
    stream = BytesIO()
    Image.new("RGB", (1200, 900)).save(stream, "BMP")
    image = stream.getvalue()
    assert len(image) > 3 * MEGABYTE
    answer = requests.request(method, f"{house.server.url}{address}", files={field: ("large.bmp", image)}, timeout=60)
    assert answer.status_code == 200, answer.text
    before = house.listing()
    files = {field: ("l.mrk.json", padded(label, 20 * MEGABYTE))}
    answer = requests.request(method, f"{house.server.url}{address}", files=files, timeout=60)
    assert answer.status_code == 400
    assert "image" in json.loads(answer.content)["detail"]
    assert house.listing() == before
