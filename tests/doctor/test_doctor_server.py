from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from monai_ext.doctor.check import OK, PROBLEM
from monai_ext.doctor.server import check_port, check_token


@contextmanager
def web_server(answers: dict[str, object]) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answers.get(self.path, {"detail": "no"})).encode()
            self.send_response(200 if self.path in answers else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_free_port_is_ok() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    check = check_port(port)
    assert (check.name, check.state, check.found) == (f"Port {port}", OK, "free on 127.0.0.1")


def test_a_port_that_another_program_has_is_a_problem() -> None:
    with web_server({"/": "hello"}) as port:
        check = check_port(port)
    assert check.state == PROBLEM
    assert check.found.startswith("taken by another program (")
    assert f"--port {port + 1}" in check.advice


def test_a_port_whose_owner_does_not_speak_http_is_a_problem() -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(8)
        stop = threading.Event()

        def hang_up() -> None:
            while not stop.is_set():
                try:
                    mute.accept()[0].close()
                except OSError:
                    return

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        check = check_port(mute.getsockname()[1])
        stop.set()
        with socket.create_connection(mute.getsockname()):
            pass
        thread.join(5)
    assert check.state == PROBLEM


def test_a_landmarks_server_that_runs_already_is_named() -> None:
    info = {"name": "Landmark detection", "version": "0.1.0", "models": {}}
    with web_server({"/info/": info}) as port:
        check = check_port(port)
    assert (check.state, check.found) == (OK, "the server 'Landmark detection' 0.1.0 runs there")
    assert "use another port" in check.advice


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_that_is_none_is_a_problem(port: int) -> None:
    assert check_port(port).state == PROBLEM


def test_the_token_is_told_but_never_shown() -> None:
    token = "correct-horse-battery-staple"
    check = check_token(token)
    assert (check.state, token in check.found + check.advice) == (OK, False)
    for nothing in (None, ""):
        assert check_token(nothing).found.startswith("not set: the server answers this machine only")


@pytest.mark.parametrize(
    "token", ["qwx", "a token with spaces in it", "schlüssel-schlüssel", "line\nline-line-line-line"]
)
def test_a_token_that_the_server_refuses_is_a_problem(token: str) -> None:
    check = check_token(token)
    assert check.state == PROBLEM
    assert token not in check.found + check.advice
