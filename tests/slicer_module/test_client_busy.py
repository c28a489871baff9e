"""What the client makes of a server that is busy, full, or refuses before it has heard all: its own sentence."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from LandmarkDetectionLib.errors import Busy, Cancelled, ClientError, Refused, ServerFailed, WrongToken
from LandmarkDetectionLib.server.failures import refusal
from LandmarkDetectionLib.server.http_client import HttpClient
from LandmarkDetectionLib.server.transport import Timeouts
from rude_server import RudeServer, Visit

FULL = "4 predictions wait already: ask again in 1 second."
URL = "http://10.0.0.1:8000"


def busy_until(tries: int, retry_after: str = "1", answer: object = None) -> Callable[[Visit], None]:
    """Busy at first; the given request is the first that is answered."""
    left = iter([True] * (tries - 1))

    def behave(visit: Visit) -> None:
        if next(left, False):
            visit.answer(429, f'{{"detail": "{FULL}"}}'.encode(), Retry_After=retry_after)
        else:
            visit.say(answer if answer is not None else {"info": {"ts": 1}})

    return behave


def caught(call: Callable[[], object], kind: type[ClientError]) -> str:
    with pytest.raises(ClientError) as found:
        call()
    assert type(found.value) is kind, repr(found.value)
    return str(found.value)


def test_a_busy_server_is_asked_again_with_the_whole_request() -> None:
    with RudeServer(busy_until(3, "0")) as server:
        info = HttpClient(server.url, "a-token").save_label("a ü", b"points" * 9000, {"x": 1}, "draft")
        first, *others = server.visits
    assert info == {"ts": 1}
    assert len(others) == 2
    for other in others:
        assert other.line == first.line
        assert other.headers["authorization"] == "Bearer a-token"
        assert other.headers["content-length"] == str(len(other.body))
        assert b"points" * 9000 in other.body


def test_waiting_ends_where_the_person_would_wait_too_long() -> None:
    with RudeServer(busy_until(100, "1")) as server:
        client = HttpClient(server.url, timeouts=Timeouts(busy=2.5))
        assert caught(client.info, Busy) == FULL
        assert len(server.visits) == 3


@pytest.mark.parametrize("retry_after", ["61", "999999999999", "Wed, 21 Oct 2026 07:28:00 GMT", "soon", "-1", "1.5"])
def test_a_far_or_unclear_time_is_not_waited_for(retry_after: str) -> None:
    with RudeServer(busy_until(2, retry_after)) as server:
        with pytest.raises(Refused, match="4 predictions wait") as found:
            HttpClient(server.url).info()
        assert found.value.status == 429
        assert len(server.visits) == 1


def test_a_refusal_without_a_time_is_final() -> None:
    with RudeServer(lambda v: v.say({"detail": "A training already runs: wait for it."}, 429)) as server:
        assert caught(lambda: HttpClient(server.url).train("a"), Refused) == "A training already runs: wait for it."
        assert len(server.visits) == 1


def test_waiting_can_be_cancelled() -> None:
    asked = threading.Event()

    def behave(visit: Visit) -> None:
        visit.answer(429, b"{}", Retry_After="30")
        asked.set()

    with RudeServer(behave) as server:
        client = HttpClient(server.url)
        errors: list[BaseException] = []

        def ask() -> None:
            try:
                client.infer("a", "b")
            except ClientError as error:
                errors.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        assert asked.wait(10)
        client.cancel()
        thread.join(10)
        assert [type(error) for error in errors] == [Cancelled]
        assert len(server.visits) == 1


def test_waiting_is_no_silence_of_the_server() -> None:
    with RudeServer(busy_until(2, "1", answer={})) as server:
        client = HttpClient(server.url, timeouts=Timeouts(silence=0.4, total=30.0))
        client.stop_training()
        assert len(server.visits) == 2


@pytest.mark.parametrize("status", [503, 507])
def test_what_cannot_be_done_now_is_told_in_the_servers_words(status: int) -> None:
    sentence = "The studies folder takes no more data: make room on its disk and try again."
    with RudeServer(lambda v: v.say({"detail": sentence}, status)) as server:
        assert caught(lambda: HttpClient(server.url).save_label("a", b"{}", {}), ServerFailed) == sentence
        assert len(server.visits) == 1


def test_a_failure_without_words_names_the_log() -> None:
    for status, body in ((503, b""), (500, b'{"detail": "The server failed on this request."}')):
        error = refusal(URL, status, body)
        assert str(error) == f"{URL} failed inside ({status}): try again, and see the server's log."


@contextmanager
def deaf_server(answer: bytes, linger: float) -> Iterator[tuple[str, list[int]]]:
    """Answers as soon as it has seen the head of a request, and reads no more of it."""
    heard: list[int] = []
    done = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(4096)
            connection.sendall(answer)
            done.wait(linger)
            heard.append(len(data))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
        done.set()
        thread.join(20)


@pytest.mark.parametrize("linger", [0.0, 10.0], ids=["hangs up", "waits"])
def test_a_label_that_is_too_large_is_refused_in_the_servers_words(linger: float) -> None:
    body = b'{"detail": "This request holds more than the 1 MB that this server accepts: send a smaller file."}'
    answer = b"HTTP/1.1 413 x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with deaf_server(answer, linger) as (url, heard):
        client = HttpClient(url, timeouts=Timeouts(silence=5.0))
        sentence = caught(lambda: client.save_label("a", b"x" * 30_000_000, {}), Refused)
    assert sentence == "This request holds more than the 1 MB that this server accepts: send a smaller file."
    assert heard[0] < 1_000_000


def test_who_is_not_let_in_reads_why() -> None:
    detail = b'{"detail": "This server answers programs on its own machine only: set a token \\nwhen you start it."}'
    own = "This server answers programs on its own machine only: set a token when you start it."
    assert str(refusal(URL, 403, detail)) == f"{URL} does not allow this: {own}"
    assert str(refusal(URL, 403, detail, token="x")) == f"The access token does not allow this at {URL}: {own}"
    assert str(refusal(URL, 401, b'{"detail": "Send the header Authorization."}')) == (
        f"{URL} wants an access token: enter the one that its administrator gave you (Send the header Authorization)."
    )
    wrong = refusal(URL, 401, b'{"detail": "The token s3cret is not the server\'s."}', token="s3cret")
    assert isinstance(wrong, WrongToken)
    assert str(wrong).endswith("gave you (The token ... is not the server's).")


@pytest.mark.parametrize("status", [400, 404, 413, 429, 503])
def test_a_token_that_the_server_repeats_is_not_shown(status: int) -> None:
    assert "s3cret" not in str(refusal(URL, status, b'{"detail": "You sent s3cret."}', "1", "s3cret"))
