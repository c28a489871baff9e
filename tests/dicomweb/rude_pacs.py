"""A small HTTP server that answers QIDO, WADO and STOW as a test tells it, right or wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Answer = tuple[int, Mapping[str, str], bytes]
Answering = Callable[["Request"], "Answer | Iterator[bytes]"]
JSON = {"Content-Type": "application/dicom+json"}


class Request:
    """What was asked: method, path, query, headers and body."""

    def __init__(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> None:
        parts = urlsplit(target)
        self.method, self.path, self.query = method, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True))
        self.target, self.headers, self.body = target, headers, body


def entry(number: int, **elements: Any) -> dict[str, Any]:
    """An instance as QIDO lists it."""
    item = {"0020000D": "1.2.3", "0020000E": "1.2.3.4", "00080018": f"1.2.3.4.{number}", **elements}
    return {tag: {"vr": "UI", "Value": [value]} for tag, value in item.items()}


def listed(items: list[Any]) -> Answer:
    return 200, JSON, json.dumps(items).encode()


@contextmanager
def rude_pacs(answering: Answering) -> Iterator[tuple[str, list[Request]]]:
    """The address of the server, and the requests that it had."""
    had: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            had.append(Request(self.command, self.path, dict(self.headers), self.rfile.read(length)))
            answer = answering(had[-1])
            try:
                if isinstance(answer, tuple):
                    status, headers, body = answer
                    self.send_response(status)
                    for name, value in {"Content-Length": str(len(body)), **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                    return
                self.close_connection = True
                self.send_response(200)
                self.send_header("Content-Type", JSON["Content-Type"])
                self.end_headers()
                for chunk in answer:
                    self.wfile.write(chunk)
                    self.wfile.flush()
            except OSError:
                self.close_connection = True  # the other side had enough

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/rs", had
    finally:
        server.shutdown()
        server.server_close()
