"""One HTTP connection that another thread can cancel, and that never waits longer than it was allowed to.

``http.client`` speaks HTTP; below it lies a socket that never blocks: it waits in short steps, between which it looks
whether the request was cancelled or its time is over. A blocking socket can be closed from another thread only on
some systems, and its timeout starts anew with every byte.
"""

from __future__ import annotations

import functools
import http.client
import io
import selectors
import socket
import ssl
import time
from typing import Any, Callable, TypeVar

from ..errors import Cancelled, TimedOut, Unreachable
from ..words import tr as _

_STEP = 0.05
_CHUNK = 1 << 16
Result = TypeVar("Result")


class Patience:
    """How long one request may take, and whether it still may.

    Args:
        silence: seconds without a byte in either direction.
        total: seconds in all.
        cancelled: whether the request was cancelled; asked 20 times a second.
        server: the address, for messages.
    """

    def __init__(self, silence: float, total: float, cancelled: Callable[[], bool], server: str) -> None:
        self._silence, self._cancelled, self._server = silence, cancelled, server
        self._total, self._end = total, time.monotonic() + total
        self._quiet = time.monotonic() + silence

    def check(self) -> None:
        """Raises Cancelled or TimedOut where the request may not go on."""
        if self._cancelled():
            raise Cancelled(_("The request was cancelled."))
        now = time.monotonic()
        if now > self._end:
            raise TimedOut(
                _("{server} did not finish its answer within {seconds:g} seconds.").format(
                    server=self._server, seconds=self._total
                )
            )
        if now > self._quiet:
            raise TimedOut(
                _("{server} has not answered for {seconds:g} seconds: try again later.").format(
                    server=self._server, seconds=self._silence
                )
            )

    def progress(self) -> None:
        """Bytes have moved: the silence begins anew."""
        self._quiet = time.monotonic() + self._silence

    def wait(self, seconds: float) -> None:
        """Lets time go by before the next try; that is no silence of the server."""
        end = time.monotonic() + seconds
        while True:
            self.progress()
            self.check()
            left = end - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(left, _STEP))


class AnsweredEarlyError(OSError):
    """The server answers, or hangs up, before it was told everything."""


class PatientSocket:
    """A connected socket for ``http.client``, plain or TLS.

    Like a real one it stays open until also the file that was made of it is closed.
    """

    def __init__(self, raw: socket.socket, patience: Patience) -> None:
        self._socket, self._patience = raw, patience
        self._file: io.BufferedReader | None = None
        raw.setblocking(False)

    def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Encrypts the connection, having verified the certificate and the host's name."""
        wrapped = context.wrap_socket(self._socket, server_hostname=host, do_handshake_on_connect=False)
        self._socket = wrapped
        self._until_done(wrapped.do_handshake)

    def sendall(self, data: Any) -> None:
        """Sends all of it.

        Raises:
            AnsweredEarlyError: the server refuses it before it is complete, as where it is too large.
        """
        view = memoryview(data).cast("B")
        while view:
            # With TLS incoming bytes need not be an answer.
            if not isinstance(self._socket, ssl.SSLSocket) and wait_for(self._socket, selectors.EVENT_READ, 0):
                raise AnsweredEarlyError
            sent: int = self._until_done(functools.partial(self._socket.send, view[:_CHUNK]))
            view = view[sent:]

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """What ``http.client`` reads the answer from."""
        self._file = io.BufferedReader(_Reader(self), _CHUNK)
        return self._file

    def receive(self, buffer: Any) -> int:
        """Fills a buffer as far as bytes have come; 0 at the end."""
        return self._until_done(lambda: self._socket.recv_into(buffer))

    def close(self) -> None:
        """Closes the socket unless a file still reads from it."""
        if self._file is None or self._file.closed:
            self._socket.close()

    def _until_done(self, attempt: Callable[[], Result]) -> Result:
        while True:
            self._patience.check()
            try:
                result = attempt()
            except (BlockingIOError, ssl.SSLWantReadError):
                wait_for(self._socket, selectors.EVENT_READ)
            except ssl.SSLWantWriteError:
                wait_for(self._socket, selectors.EVENT_WRITE)
            else:
                self._patience.progress()
                return result


class _Reader(io.RawIOBase):
    """The incoming half of a socket."""

    def __init__(self, source: PatientSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.receive(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._source._socket.close()


class PatientConnection(http.client.HTTPConnection):
    """``http.client``'s connection over a :class:`PatientSocket`.

    Args:
        host, port: where to.
        tls: how to verify; None: plain HTTP.
        patience: of the one request that it is used for.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, patience: Patience) -> None:
        super().__init__(host, port)
        self._tls, self._patience = tls, patience

    def connect(self) -> None:
        self.sock: Any = PatientSocket(_connect(self.host, self.port, self._patience), self._patience)
        if self._tls is not None:
            self.sock.start_tls(self._tls, self.host)


def wait_for(waiting: socket.socket, event: int, seconds: float = _STEP) -> bool:
    """Whether a socket is ready within a short time."""
    with selectors.DefaultSelector() as selector:
        selector.register(waiting, event)
        return bool(selector.select(seconds))


def _connect(host: str, port: int, patience: Patience) -> socket.socket:
    """A connected socket, to the first of the host's addresses that takes it."""
    reason: OSError | None = None
    for family, kind, protocol, _name, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        candidate = socket.socket(family, kind, protocol)
        try:
            candidate.setblocking(False)
            candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                candidate.connect(address)
            except BlockingIOError:
                while not wait_for(candidate, selectors.EVENT_WRITE):
                    patience.check()
            failure = candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failure:
                raise OSError(failure, _("the connection was refused"))
            patience.progress()
            return candidate
        except OSError as error:
            reason = error
            candidate.close()
        except BaseException:
            candidate.close()
            raise
    raise Unreachable(
        _("Nothing answers at {host}:{port}: check the address, and that the server runs.").format(host=host, port=port)
    ) from reason
