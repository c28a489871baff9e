"""Encrypted connections: verified unless the certificate is named."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
from LandmarkDetectionLib.errors import Cancelled, Unreachable
from LandmarkDetectionLib.server.http_client import HttpClient, encode
from rude_server import RudeServer, Visit


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of its own for 127.0.0.1, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def test_certificate_of_unknown_origin_is_refused_before_the_token_goes_out(tls: ssl.SSLContext) -> None:
    with RudeServer(lambda v: v.say({}), tls) as server:
        with pytest.raises(Unreachable, match="not trusted"):
            HttpClient(server.url, "secret").info()
        assert server.visits == []


def test_large_bodies_pass_both_ways_over_tls(tls: ssl.SSLContext, certificate: tuple[Path, Path]) -> None:
    content = bytes(range(256)) * 20_000

    def echo(visit: Visit) -> None:
        start = visit.body.index(b"\r\n\r\n") + 4
        visit.answer(200, visit.body[start : start + len(content)], Content_Disposition="a; filename=x.png")

    with RudeServer(echo, tls) as server:
        client = HttpClient(server.url, ca_file=certificate[0])
        form = encode({}, "file", "x.png", content)
        assert client._transport.body("PUT", "/datastore/image", {}, form)[1] == content
        assert server.visits[0].body == b"".join(form[1])


def test_certificate_for_another_name_is_refused(tls: ssl.SSLContext, certificate: tuple[Path, Path]) -> None:
    with RudeServer(lambda v: v.say({}), tls) as server:
        client = HttpClient(server.url.replace("127.0.0.1", "localhost"), ca_file=certificate[0])
        with pytest.raises(Unreachable, match="not trusted"):
            client.info()


def test_plain_server_behind_https_and_the_reverse(tls: ssl.SSLContext) -> None:
    with RudeServer(lambda v: v.say({})) as server, pytest.raises(Unreachable):
        HttpClient(server.url.replace("http:", "https:")).info()
    with RudeServer(lambda v: v.say({}), tls) as server, pytest.raises(Unreachable):
        HttpClient(server.url.replace("https:", "http:")).info()


def test_cancel_over_tls(tls: ssl.SSLContext, certificate: tuple[Path, Path]) -> None:
    with RudeServer(lambda v: (client.cancel(), v.wait()), tls) as server:
        client = HttpClient(server.url, ca_file=certificate[0])
        watchdog = threading.Timer(20, server.__exit__, (None, None, None))
        watchdog.start()
        with pytest.raises(Cancelled):
            client.info()
        watchdog.cancel()


def test_certificate_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("nothing")
    for name in ("x.pem", "absent.pem"):
        with pytest.raises(Unreachable, match=name):
            HttpClient("https://h", ca_file=tmp_path / name)
