"""A server that misbehaves as it is told: it takes one request after the other and does with each what a test says."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

#: Gets the connection after the request was read.
Behaviour = Callable[["Visit"], None]


@dataclass
class Visit:
    """One request: its first line, its headers in lower case, its body, and the connection to answer on."""

    connection: socket.socket
    line: str
    headers: dict[str, str]
    body: bytes
    closing: threading.Event

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def answer(self, status: int, body: bytes, content_type: str = "application/json", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} x", f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join([*lines, "", ""]).encode() + body)

    def say(self, document: object, status: int = 200) -> None:
        self.answer(status, json.dumps(document).encode())

    def wait(self, seconds: float = 30.0) -> None:
        """Keeps the connection open and says nothing; ends with the server."""
        self.closing.wait(seconds)


@dataclass
class RudeServer:
    """Use it as a context manager; ``visits`` are the requests that came.

    Args:
        behaviour: what to do with a request.
        tls: the server's side of an encrypted connection.
    """

    behaviour: Behaviour
    tls: ssl.SSLContext | None = None
    visits: list[Visit] = field(default_factory=list)

    def __enter__(self) -> RudeServer:
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self._listener.getsockname()[1]}"

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        try:
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            visit = self._read(connection)
            self.visits.append(visit)
            self.behaviour(visit)
        except OSError:
            pass  # the client has gone, as some tests want
        finally:
            connection.close()

    def _read(self, connection: socket.socket) -> Visit:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more(connection)
            if data[:1] == b"\x16":  # a client that begins to encrypt
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                raise ConnectionError("the client does not speak HTTP")
        head, _, body = data.partition(b"\r\n\r\n")
        line, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (entry.partition(": ") for entry in rest)}
        while len(body) < int(headers.get("content-length", 0)):
            body += self._more(connection)
        return Visit(connection, line, headers, body, self._closing)

    @staticmethod
    def _more(connection: socket.socket) -> bytes:
        data = connection.recv(65536)
        if not data:
            raise ConnectionError("the client went away")
        return data
