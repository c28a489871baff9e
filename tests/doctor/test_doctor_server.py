from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from monai_ext.doctor.check import OK, PROBLEM
from monai_ext.doctor.server import check_port, check_token, port_problem


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


def has_address(address: str) -> bool:
    try:
        with socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET):
            return True
    except OSError:
        return False


@pytest.mark.parametrize(
    ("owner", "hosts"),
    [
        ("127.0.0.1", ("127.0.0.1", "0.0.0.0", "localhost")),
        ("0.0.0.0", ("127.0.0.1", "0.0.0.0", "localhost")),
        ("::1", ("::1", "::")),
        ("::", ("::1", "::")),
    ],
)
def test_a_port_is_taken_at_every_host_whose_addresses_overlap(owner: str, hosts: tuple[str, ...]) -> None:
    if not has_address(owner):
        pytest.skip(f"this machine has no {owner}")
    family = socket.AF_INET6 if ":" in owner else socket.AF_INET
    with socket.socket(family) as other:
        if family == socket.AF_INET6:
            other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        other.bind((owner, 0))
        port = other.getsockname()[1]
        for host in hosts:
            problem = port_problem(port, host)  # bound, though nothing listens yet
            assert problem is not None, host
            assert (problem.found.startswith("taken by another program ("), problem.port_alone) == (True, True)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost", "::1", "::"])
def test_a_port_that_was_looked_at_is_free_for_who_asks_next(host: str) -> None:
    if ":" in host and not has_address(host):
        pytest.skip(f"this machine has no {host}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as free:
        free.bind((host, 0))
        port = free.getsockname()[1]
    assert port_problem(port, host) is None
    with socket.socket(family) as next_one:
        next_one.bind((host, port))
        next_one.listen()


@pytest.mark.parametrize("host", ["203.0.113.7", "2001:db8::7", "no-such-name.invalid"])
def test_a_host_that_is_not_this_machine_is_a_problem_of_the_host(host: str) -> None:
    problem = port_problem(8765, host)
    assert problem is not None
    assert problem.found.startswith(f"{host!r} is no address of this machine (")
    assert not problem.port_alone


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
