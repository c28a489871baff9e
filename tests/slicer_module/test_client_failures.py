"""What the client makes of servers that misbehave: one sentence of the right kind, in time, with the token kept."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from LandmarkDetectionLib.errors import (
    BadAnswer,
    Cancelled,
    ClientError,
    Refused,
    ServerFailed,
    TimedOut,
    Unreachable,
    WrongToken,
)
from LandmarkDetectionLib.server import transport
from LandmarkDetectionLib.server.http_client import HttpClient
from LandmarkDetectionLib.server.transport import Timeouts
from rude_server import Behaviour, RudeServer, Visit

TOKEN = "secret-4711"
QUICK = Timeouts(silence=0.3, prediction=0.3, total=0.8)


def failure(call: Callable[[], object], kind: type[ClientError]) -> str:
    """The sentence of the error of exactly that kind."""
    with pytest.raises(ClientError) as caught:
        call()
    assert type(caught.value) is kind, repr(caught.value)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert TOKEN not in sentence
    assert caught.value.__cause__ is None or TOKEN not in str(caught.value.__cause__)
    return sentence


def failure_of(behaviour: Behaviour, kind: type[ClientError], timeouts: Timeouts = QUICK, token: str = "") -> str:
    with RudeServer(behaviour) as server:
        client = HttpClient(server.url, token, timeouts)
        sentence = failure(client.info, kind)
        assert len(server.visits) == 1  # nothing is sent twice without a person's word
        return sentence


def test_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert f"127.0.0.1:{port}" in failure(HttpClient(f"127.0.0.1:{port}").info, Unreachable)


def test_unknown_host() -> None:
    assert "host" in failure(HttpClient("http://no-such-host.invalid:8000").info, Unreachable)


@pytest.mark.parametrize(
    "cut",
    [
        lambda v: None,
        lambda v: v.send(b"HTTP/1.1 200 OK\r\nConte"),
        lambda v: v.send(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"name": "x"'),
        lambda v: v.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"name"'),
    ],
    ids=["no answer", "in the headers", "in the body", "in a chunk"],
)
def test_server_stops_in_the_middle(cut: Behaviour) -> None:
    assert "broke off" in failure_of(cut, Unreachable)


def test_server_stops_while_a_label_is_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def hang_up() -> None:
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        failure(lambda: HttpClient(url).save_label("a", b"x" * 20_000_000, {}), Unreachable)
        thread.join(10)


def test_inner_error_and_its_status() -> None:
    sentence = failure_of(lambda v: v.answer(500, b"Internal Server Error", "text/plain"), ServerFailed)
    assert "(500)" in sentence
    assert "log" in sentence


def test_refusal_is_the_servers_own_sentence() -> None:
    detail = "There is no image 'x':\n use an image ID."
    with RudeServer(lambda v: v.say({"detail": detail}, 404)) as server, pytest.raises(Refused) as caught:
        HttpClient(server.url).infer("spots", "x")
    assert (str(caught.value), caught.value.status) == ("There is no image 'x': use an image ID.", 404)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"detail": [1]}', b"[1]", b"[" * 100_000, b"\xff\xfe"])
def test_refusal_without_a_sentence_is_one(body: bytes) -> None:
    assert "(409)" in failure_of(lambda v: v.answer(409, body), Refused)


def test_wrong_missing_and_insufficient_token() -> None:
    wrong = failure_of(lambda v: v.say({"detail": f"no {TOKEN}"}, 401), WrongToken, token=TOKEN)
    assert "does not accept the access token" in wrong
    assert "wants an access token" in failure_of(lambda v: v.say({}, 401), WrongToken)
    forbidden = failure_of(lambda v: v.say({"detail": 'Role "admin" is required.'}, 403), WrongToken, token=TOKEN)
    assert 'Role "admin" is required.' in forbidden


def test_redirect_is_not_followed_with_the_token() -> None:
    with RudeServer(lambda v: v.say({})) as other:
        moved = failure_of(lambda v: v.answer(307, b"", Location=other.url), BadAnswer, token=TOKEN)
        assert "another address" in moved
        assert other.visits == []


def test_token_is_sent_but_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), RudeServer(lambda v: v.say({"info": {}})) as server:
        client = HttpClient(server.url, TOKEN)
        client.save_label("a", b"{}", {})
        HttpClient(server.url).save_label("a", b"{}", {})
    sent, none = server.visits
    assert sent.headers["authorization"] == f"Bearer {TOKEN}"
    assert "authorization" not in none.headers
    assert TOKEN not in repr(client) + caplog.text + sent.line + sent.body.decode()


def test_the_machine_s_proxy_and_netrc_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with RudeServer(lambda v: v.say({"info": {}})) as server, RudeServer(lambda v: v.say({})) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        HttpClient(server.url, TOKEN).save_label("a", b"{}", {})
        assert proxy.visits == []
        assert server.visits[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("token", ["a b", "a\r\nX: y", "schlüssel"])
def test_token_that_cannot_be_sent_is_refused_unseen(token: str) -> None:
    with pytest.raises(WrongToken) as caught:
        HttpClient("localhost", token)
    assert token not in str(caught.value)


def test_token_in_clear_text_is_known() -> None:
    assert HttpClient("http://10.0.0.1:8000", TOKEN).exposes_token
    for url in ("https://10.0.0.1", "http://127.0.0.1:8000", "localhost:8000", "http://[::1]:8000"):
        assert not HttpClient(url, TOKEN).exposes_token
    assert not HttpClient("http://10.0.0.1:8000").exposes_token


def test_silence_is_not_waited_out() -> None:
    start = time.monotonic()
    assert "0.3 seconds" in failure_of(lambda v: v.wait(), TimedOut)
    assert time.monotonic() - start < 5  # the server would have waited 30


def test_trickle_ends_with_the_total_time() -> None:
    def trickle(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not visit.closing.wait(0.05):
            visit.send(b" ")

    assert "0.8 seconds" in failure_of(trickle, TimedOut)


def test_prediction_may_take_longer_than_other_answers() -> None:
    def think(visit: Visit) -> None:
        visit.closing.wait(0.6)
        visit.say({"detail": "thought."}, 409)

    with RudeServer(think) as server:
        client = HttpClient(server.url, timeouts=Timeouts(silence=0.2, prediction=5.0, total=9.0))
        failure(client.info, TimedOut)
        assert failure(lambda: client.infer("spots", "x"), Refused) == "thought."


@pytest.mark.parametrize("where", ["before the answer", "in the body"])
def test_cancel_from_another_thread_takes_less_than_a_fifth_of_a_second(where: str) -> None:
    arrived = threading.Event()

    def hold(visit: Visit) -> None:
        if where == "in the body":
            visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
        arrived.set()
        visit.wait()

    ended: list[float] = []
    with RudeServer(hold) as server:
        client = HttpClient(server.url)

        def ask() -> None:
            failure(client.info, Cancelled)
            ended.append(time.monotonic())

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        assert arrived.wait(10)
        while len(server.visits) < 2:
            time.sleep(0.01)
        time.sleep(0.1)
        start = time.monotonic()
        client.cancel()
        for thread in threads:
            thread.join(10)
        assert len(ended) == 2
        assert max(ended) - start < 0.2


def test_a_cancelled_request_is_broken_off_at_the_server_too() -> None:
    gone = threading.Event()

    def hold(visit: Visit) -> None:
        client.cancel()
        if visit.connection.recv(1) == b"":
            gone.set()

    with RudeServer(hold) as server:
        client = HttpClient(server.url)
        failure(lambda: client.infer("spots", "x"), Cancelled)
        assert gone.wait(5)


def test_an_uploaded_file_is_read_while_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "Müller 1.png"
    path.write_bytes(bytes(range(256)) * 3000)
    with RudeServer(lambda v: v.say({"image": "Müller 1"})) as server:
        assert HttpClient(server.url).upload_image(path) == "Müller 1"
    (visit,) = server.visits
    assert visit.headers["content-length"] == str(len(visit.body))
    assert visit.body.count(path.read_bytes()) == 1
    assert 'name="file"; filename="Müller 1.png"'.encode() in visit.body


def test_cancel_while_the_connection_is_being_made() -> None:
    # A listener that never accepts, with its queue full, leaves further connections pending.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        client = HttpClient(f"http://127.0.0.1:{listener.getsockname()[1]}", timeouts=Timeouts(silence=20))
        timer = threading.Timer(0.2, client.cancel)
        timer.start()
        start = time.monotonic()
        failure(client.info, Cancelled)
        assert time.monotonic() - start < 5
        for filler in fillers:
            filler.close()


def test_requests_after_a_cancel_are_not_touched() -> None:
    with RudeServer(lambda v: v.say({"info": {"tag": "final"}})) as server:
        client = HttpClient(server.url)
        client.cancel()
        assert client.save_label("a", b"{}", {}) == {"tag": "final"}


@pytest.mark.parametrize(
    ("garbage", "kind"),
    [
        (b"\x00\xff\x13garbage\r\n\r\n", BadAnswer),
        (b"220 mail.example.org ESMTP\r\n", BadAnswer),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xfe{}", BadAnswer),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", BadAnswer),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n""', BadAnswer),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", BadAnswer),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 500 + b"\r\n", BadAnswer),
    ],
    ids=["bytes", "mail server", "no unicode", "html", "text", "another MONAI Label app", "headers without end"],
)
def test_garbage(garbage: bytes, kind: type[ClientError]) -> None:
    failure_of(lambda v: v.send(garbage), kind)


@pytest.mark.parametrize("stated", [True, False])
def test_oversize_answer_is_not_read(stated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "BODY_LIMIT", transport.MEGABYTE)
    sent = [0]

    def flood(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 200 OK\r\n" + (b"Content-Length: 99999999\r\n\r\n" if stated else b"\r\n"))
        while True:  # until the client hangs up
            visit.send(b" " * 65536)
            sent[0] += 65536

    assert "1 MB" in failure_of(flood, BadAnswer, Timeouts())
    assert sent[0] < 99999999


def test_predictions_parts_are_checked() -> None:
    def half(visit: Visit) -> None:
        body = b'--b\r\nContent-Disposition: form-data; name="params"\r\n\r\n{}\r\n--b--\r\n'
        visit.answer(200, body, "multipart/form-data; boundary=b")

    with RudeServer(half) as server:
        assert "lacks" in failure(lambda: HttpClient(server.url).infer("spots", "x"), BadAnswer)


@pytest.mark.parametrize("kind", ["cut", "unnamed", "parent"])
def test_image_file_is_whole_or_not_there(kind: str, tmp_path: Path) -> None:
    def send(visit: Visit) -> None:
        if kind == "cut":
            visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Disposition: a; filename=x.png\r\n\r\n1234")
        else:
            name = "" if kind == "unnamed" else "; filename=.."
            visit.answer(200, b"1234", Content_Disposition=f"attachment{name}")

    with RudeServer(send) as server:
        failure(
            lambda: HttpClient(server.url).download_image("x", tmp_path), Unreachable if kind == "cut" else BadAnswer
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="scan.nii.gz"', "scan.nii.gz"),
        ("attachment; filename*=utf-8''M%C3%BCller%20%231.dcm", "Müller #1.dcm"),
        ('attachment; filename="../../etc/pass:wd.png"', "pass_wd.png"),
        ('attachment; filename="C:\\\\x\\\\y.png"', "y.png"),
    ],
)
def test_image_file_keeps_its_name_but_no_folder(disposition: str, name: str, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    with RudeServer(lambda v: v.answer(200, b"\x00\x01\r\n", Content_Disposition=disposition)) as server:
        path = HttpClient(server.url).download_image("x", folder)
    assert path == folder / name
    assert path.read_bytes() == b"\x00\x01\r\n"
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == [name]


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with RudeServer(lambda v: v.answer(200, b"1", Content_Disposition="a; filename=x.png")) as server:
        client = HttpClient(server.url)
        assert "cannot be written" in failure(lambda: client.download_image("x", tmp_path / "none"), ClientError)
        assert "cannot be read" in failure(lambda: client.upload_image(tmp_path / "none.png"), ClientError)


@pytest.mark.parametrize(
    "url", ["", "ftp://x", "http://", "http://a:b@host", "http://host:99999", "http://h/?q=1", "a b"]
)
def test_address_that_is_none(url: str) -> None:
    with pytest.raises(Unreachable) as caught:
        HttpClient(url)
    assert "a:b" not in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        (" 127.0.0.1:8000/ ", "http://127.0.0.1:8000"),
        ("https://h.example/monai/", "https://h.example/monai"),
        ("http://[::1]:9", "http://[::1]:9"),
    ],
)
def test_address_as_people_type_it(typed: str, url: str) -> None:
    assert HttpClient(typed).url == url


def test_path_of_the_address_stands_before_every_request() -> None:
    with RudeServer(lambda v: v.say({"images": []})) as server:
        HttpClient(f"{server.url}/monai").images("a&b ä")
    assert server.visits[0].line == "GET /monai/datastore/images?search=a%26b%20%C3%A4&offset=0&limit=1000 HTTP/1.1"
