"""Requests to one server, sent by ``requests``: each can be cancelled at any time, and fails with one sentence."""

from __future__ import annotations

import http.client
import io
import json
import queue
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Optional, Union
from urllib.parse import quote, urlencode

import requests
import urllib3
from requests.adapters import HTTPAdapter

from ..errors import BadAnswer, Busy, Cancelled, TimedOut, Unreachable, WrongToken
from ..words import tr as _
from .address import Address
from .failures import broken, refusal

MEGABYTE = 1 << 20
#: The largest JSON answer, label or prediction that is read; 20 000 images with their labels need about 8.
BODY_LIMIT = 64 * MEGABYTE
_CHUNK = 1 << 16
#: Seconds between two looks at whether a request was cancelled.
_STEP = 0.05
#: Seconds between two tries, whatever the server says.
_SHORTEST_WAIT = 0.5
#: Pieces of an answer that wait for its reader.
_AHEAD = 64

#: Content type and content of a request, piece by piece; a path stands for the content of that file.
Body = Optional[tuple[str, Sequence[Union[bytes, Path]]]]
Query = Optional[Mapping[str, str]]


@dataclass(frozen=True)
class Timeouts:
    """Time limits, in seconds.

    Attributes:
        silence: until the next byte in either direction, and for a connection.
        prediction: until the next byte of an answer that the server has to compute; a CPU takes its time.
        total: for one request with its answer.
        busy: in all, where the server is busy and says when to ask again.
    """

    silence: float = 20.0
    prediction: float = 180.0
    total: float = 900.0
    busy: float = 60.0


class Patience:
    """Time limit and cancellation of one request; ``cancelled`` is polled 20 times a second."""

    def __init__(self, total: float, cancelled: Callable[[], bool], server: str) -> None:
        self._total, self._end = total, time.monotonic() + total
        self._cancelled, self._server = cancelled, server

    def check(self) -> None:
        """Raises Cancelled or TimedOut where the request may not go on."""
        if self._cancelled():
            raise Cancelled(_("The request was cancelled."))
        if time.monotonic() > self._end:
            sentence = _("{server} did not finish its answer within {seconds:g} seconds.")
            raise TimedOut(sentence.format(server=self._server, seconds=self._total))

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while True:
            self.check()
            left = end - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(left, _STEP))


class _Adapter(HTTPAdapter):
    """Sends through one given pool of connections: no proxy, and the certificates of the pool's own TLS context."""

    def __init__(self, pool: Any) -> None:
        super().__init__()
        self._pool = pool

    def get_connection_with_tls_context(self, *_args: Any, **_options: Any) -> Any:
        return self._pool

    def get_connection(self, *_args: Any, **_options: Any) -> Any:  # of requests before 2.32
        return self._pool

    def cert_verify(self, *_args: Any) -> None:
        """Leaves certificates to the pool; ``requests`` would trust its own list instead of the system's."""


class _Exchange:
    """One request under way in a thread of its own, which its caller can leave at any time.

    ``requests`` blocks while it connects, sends and reads, and no other thread may touch what it uses then. So the
    thread hands over the answer piece by piece; leaving the ``with`` block breaks the connection, which ends it.
    """

    def __init__(
        self,
        address: Address,
        tls: ssl.SSLContext | None,
        request: requests.Request,
        timeouts: tuple[float, float],
        patience: Patience,
    ) -> None:
        self._address, self._request, self._timeouts, self._patience = address, request, timeouts, patience
        self._items: queue.Queue[Any] = queue.Queue(_AHEAD)
        self._socket: Any = None
        self._left = False
        kind = urllib3.HTTPConnectionPool if tls is None else urllib3.HTTPSConnectionPool
        self._pool = kind(address.host, address.port, **({} if tls is None else {"ssl_context": tls}))
        self._make, self._pool.ConnectionCls = self._pool.ConnectionCls, self._connection
        if isinstance(request.data, _Upload):
            request.data.before_piece = self._before_piece
        threading.Thread(target=self._work, name="landmarks-request", daemon=True).start()

    def __enter__(self) -> _Exchange:
        return self

    def __exit__(self, *_error: object) -> None:
        self._left = True
        if self._socket is not None:
            with suppress(OSError):  # it is closed already
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def response(self) -> requests.Response:
        """Waits for status and headers of the answer."""
        self._response = self._take()
        return self._response

    def chunks(self, limit: int) -> Iterator[bytes]:
        """The body of the answer in pieces.

        Raises:
            BadAnswer: it is, or says that it is, longer than ``limit`` bytes.
            Unreachable: it ends before it is complete.
        """
        headers = self._response.headers
        chunked, length = "transfer-encoding" in headers, headers.get("Content-Length", "")
        stated = int(length) if length.isascii() and length.isdigit() and not chunked else None
        read = 0
        while True:
            if max(read, stated or 0) > limit:
                sentence = _("{server} answered with more than {size} MB: check the address.")
                raise BadAnswer(sentence.format(server=self._address.url, size=limit // MEGABYTE))
            piece = self._take()
            if piece is None:
                break
            read += len(piece)
            yield piece
        # Where the headers were cut off, http.client takes what there is for all of them.
        cut_headers = stated is None and not chunked and read == 0
        if cut_headers or read < (stated or 0):
            raise broken(self._address, http.client.IncompleteRead(b""))

    def beginning(self, size: int) -> bytes:
        """The beginning of the body of the answer, of ``size`` bytes or a little more."""
        content = b""
        while len(content) < size:
            piece = self._take()
            if piece is None:
                break
            content += piece
        return content

    def _take(self) -> Any:
        """Waits for the next item: the response, then its body in pieces, then None."""
        while True:
            self._patience.check()
            try:
                item = self._items.get(timeout=_STEP)
            except queue.Empty:
                continue
            if isinstance(item, (OSError, http.client.HTTPException, urllib3.exceptions.HTTPError, UnicodeError)):
                raise broken(self._address, item, self._timeouts[1])
            if isinstance(item, Exception):
                raise item
            return item

    def _before_piece(self) -> None:
        """Ends the sending of a body where the caller has left, or where the server answers or hangs up early."""
        if self._left:
            raise ConnectionAbortedError
        # With TLS incoming bytes need not be an answer.
        if self._socket is not None and not isinstance(self._socket, ssl.SSLSocket):
            with selectors.DefaultSelector() as selector:
                selector.register(self._socket, selectors.EVENT_READ)
                if selector.select(0):
                    raise BrokenPipeError  # urllib3 goes on with the answer then

    def _connection(self, **options: Any) -> Any:
        """Creates a connection of the pool and keeps its socket."""
        made = self._make(**options)
        connect = made.connect

        def connect_and_keep() -> None:
            connect()
            self._socket = made.sock
            if self._left:
                raise ConnectionAbortedError

        made.connect = connect_and_keep
        return made

    def _work(self) -> None:
        try:
            prepared = self._request.prepare()
            with _Adapter(self._pool).send(prepared, stream=True, timeout=self._timeouts) as response:
                self._put(response)
                for piece in response.iter_content(_CHUNK):
                    self._put(piece)
            self._put(None)
        except Exception as error:
            with suppress(ConnectionAbortedError):
                self._put(error)
        finally:
            self._pool.close()

    def _put(self, item: Any) -> None:
        while not self._left:
            with suppress(queue.Full):
                self._items.put(item, timeout=_STEP)
                return
        raise ConnectionAbortedError


class _Upload:
    """A request's body, read as it is sent."""

    def __init__(self, parts: Sequence[bytes | Path]) -> None:
        self._parts = parts
        self._length = sum(part.stat().st_size if isinstance(part, Path) else len(part) for part in parts)
        self.before_piece: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            with part.open("rb") if isinstance(part, Path) else io.BytesIO(part) as source:
                for piece in iter(lambda: source.read(_CHUNK), b""):
                    self.before_piece()
                    yield piece


class Transport:
    """Sends requests to one server; safe to use from many threads. Each request has a connection of its own.

    Args:
        address: of the server.
        token: sent as ``Authorization: Bearer``; it is in no error, log or ``repr``. Empty: none.
        timeouts: how long to wait.
        ca_file: certificates to trust instead of the system's.

    Raises:
        Unreachable: ``ca_file`` cannot be read.
        WrongToken: the token has characters that cannot be sent.
    """

    def __init__(self, address: Address, token: str, timeouts: Timeouts, ca_file: str | Path | None) -> None:
        self._address, self._timeouts, self._token = address, timeouts, token
        self._headers = {"Accept": "*/*", "User-Agent": "LandmarkDetection (3D Slicer)"}
        if token:
            if not token.isascii() or not token.isprintable() or " " in token:
                raise WrongToken(_("The access token has spaces or characters that cannot be sent: enter it again."))
            self._headers["Authorization"] = f"Bearer {token}"
        self._tls = _tls(ca_file) if address.tls else None
        self._generation = 0

    def cancel(self) -> None:
        """Ends the requests that are under way; later ones are not touched."""
        self._generation += 1

    def json(self, method: str, path: str, query: Query = None, body: Body = None, predicting: bool = False) -> Any:
        """The JSON answer of a request. Arguments and errors as :meth:`answer`; BadAnswer where it is not JSON."""
        try:
            return json.loads(self.body(method, path, query, body, predicting)[1])
        except (ValueError, RecursionError):
            sentence = _("{url} did not answer with JSON: check that it is a landmarks server.")
            raise BadAnswer(sentence.format(url=self._address.url)) from None

    def body(
        self, method: str, path: str, query: Query = None, body: Body = None, predicting: bool = False
    ) -> tuple[str, bytes]:
        """(content type, body) of an answer."""
        with self.answer(method, path, query, body, predicting) as (headers, chunks):
            return headers.get("Content-Type", ""), b"".join(chunks(BODY_LIMIT))

    @contextmanager
    def answer(
        self, method: str, path: str, query: Query = None, body: Body = None, predicting: bool = False
    ) -> Iterator[tuple[Mapping[str, str], Callable[[int], Iterator[bytes]]]]:
        """Headers of an answer with a 2xx status, and its body up to a number of bytes, to be read inside the block.

        A server that is busy and says when to ask again is asked again; it has done nothing yet. A redirect is
        refused, so that the token goes to no other host.

        Args:
            method: GET, PUT, POST or DELETE.
            path: of the request, quoted already.
            query: what follows the question mark.
            body: content type and content.
            predicting: the server may think for a while.

        Raises:
            ClientError: of every kind.
        """
        url, begun, waited = self._address.url, self._generation, 0.0
        target = url + path + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        silence = self._timeouts.silence
        timeouts = silence, self._timeouts.prediction if predicting else silence
        patience = Patience(self._timeouts.total, lambda: self._generation != begun, url)
        headers = self._headers if body is None else {**self._headers, "Content-Type": body[0]}
        while True:
            request = requests.Request(method, target, headers, data=None if body is None else _Upload(body[1]))
            with _Exchange(self._address, self._tls, request, timeouts, patience) as exchange:
                response = exchange.response()
                if 200 <= response.status_code < 300:
                    yield response.headers, exchange.chunks
                    return
                retry_after, content = response.headers.get("Retry-After", ""), exchange.beginning(MEGABYTE)
            error = refusal(url, response.status_code, content, retry_after, self._token)
            seconds = max(error.seconds, _SHORTEST_WAIT) if isinstance(error, Busy) else float("inf")
            if waited + seconds > self._timeouts.busy:
                raise error
            patience.wait(seconds)
            waited += seconds


def _tls(ca_file: str | Path | None) -> ssl.SSLContext:
    """Verifies certificate and host name against the system's certificates, or those of a file."""
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise Unreachable(
            _("The certificate file {ca_file} cannot be used: {error}.").format(ca_file=ca_file, error=error)
        ) from None
    if urllib3.__version__.startswith("1."):  # it looks at the host name itself, as it does not tell ssl an IP address
        context.check_hostname = False
    return context
