"""Single requests to one server: sent, awaited with patience, and every failure turned into one sentence."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from ..errors import BadAnswer, Busy, ClientError, Unreachable, WrongToken
from ..words import tr as _
from .address import Address
from .connection import Patience, PatientConnection
from .refusals import refusal

MEGABYTE = 1 << 20
#: The largest JSON answer, label or prediction that is read; 20 000 images with their labels need about 8.
BODY_LIMIT = 64 * MEGABYTE
_CHUNK = 1 << 16
#: Between two tries, whatever the server says.
_SHORTEST_WAIT = 0.5


@dataclass(frozen=True)
class Timeouts:
    """How long to wait, in seconds.

    Attributes:
        silence: until the next byte of an answer, and for a connection.
        prediction: the same where the server has to compute first; a large network on a CPU takes its time.
        total: for one request with its answer.
        busy: in all, where the server is busy and says when to ask again.
    """

    silence: float = 20.0
    prediction: float = 180.0
    total: float = 900.0
    busy: float = 60.0


class AnswerStream:
    """A successful answer whose body was not read yet."""

    def __init__(self, response: http.client.HTTPResponse, server: str) -> None:
        self._response, self._server = response, server
        self.headers = response.headers

    def chunks(self, limit: int) -> Iterator[bytes]:
        """The body in pieces.

        Raises:
            BadAnswer: it is, or says that it is, longer than ``limit`` bytes.
        """
        read, stated = 0, self._response.length
        while True:
            if max(read, stated or 0) > limit:
                raise BadAnswer(
                    _("{server} answered with more than {size} MB: check the address.").format(
                        server=self._server, size=limit // MEGABYTE
                    )
                )
            chunk = self._response.read(_CHUNK)
            if not chunk:
                break
            read += len(chunk)
            yield chunk
        # Where the headers were cut off, http.client takes what there is for all of them.
        cut_headers = stated is None and not self._response.chunked and read == 0
        if cut_headers or read < (stated or 0):
            raise http.client.IncompleteRead(b"")


class Requests:
    """Sends requests to one server; safe to use from many threads."""

    def __init__(self, address: Address, token: str, timeouts: Timeouts, ca_file: str | Path | None) -> None:
        self._address, self._timeouts = address, timeouts
        self._headers = {"Accept": "*/*", "User-Agent": "LandmarkDetection (3D Slicer)"}
        if token:
            if not token.isascii() or not token.isprintable() or " " in token:
                raise WrongToken(_("The access token has spaces or characters that cannot be sent: enter it again."))
            self._headers["Authorization"] = f"Bearer {token}"
        self._token = token
        self._tls = _tls(ca_file) if address.tls else None
        self._lock = threading.Lock()
        self._generation = 0

    def cancel(self) -> None:
        """Ends the requests that are under way; later ones are not touched."""
        with self._lock:
            self._generation += 1

    def json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        form: tuple[str, bytes] | None = None,
        predicting: bool = False,
    ) -> Any:
        """The JSON answer of a request. Arguments and errors as :meth:`answer`; BadAnswer where it is not JSON."""
        _type, body = self.body(method, path, query, form, predicting)
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise BadAnswer(
                _("{url} did not answer with JSON: check that it is a landmarks server.").format(url=self._address.url)
            ) from None

    def body(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        form: tuple[str, bytes] | None = None,
        predicting: bool = False,
    ) -> tuple[str, bytes]:
        """(content type, body) of an answer."""
        with self.answer(method, path, query, form, predicting) as answer:
            return answer.headers.get("Content-Type", ""), b"".join(answer.chunks(BODY_LIMIT))

    @contextmanager
    def answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        form: tuple[str, bytes] | None = None,
        predicting: bool = False,
    ) -> Iterator[AnswerStream]:
        """An answer with a 2xx status, to be read inside the block.

        A server that is busy and says when to ask again is asked again; it has done nothing yet.

        Args:
            method: GET, PUT, POST or DELETE.
            path: of the request, quoted already.
            query: what follows the question mark.
            form: content type and body.
            predicting: the server may think for a while.

        Raises:
            ClientError: of every kind.
        """
        target = self._address.path + path + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        headers, content = dict(self._headers), None
        if form is not None:
            headers["Content-Type"], content = form
        elif method != "GET":
            content = b""
        patience = self._patience(predicting)
        with self._connected(patience) as connection:
            waited = 0.0
            while True:
                response = self._send(connection, method, target, content, headers)
                if 200 <= response.status < 300:
                    break
                waited += self._wait_or_raise(response, patience, waited)
                connection.close()
            with response:
                yield AnswerStream(response, self._address.url)

    @contextmanager
    def _connected(self, patience: Patience) -> Iterator[PatientConnection]:
        """A connection; what breaks on it inside the block is a ClientError."""
        connection = PatientConnection(self._address.host, self._address.port, self._tls, patience)
        try:
            yield connection
        except ClientError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise self._broken(error) from None
        finally:
            connection.close()

    def _send(
        self,
        connection: PatientConnection,
        method: str,
        target: str,
        content: bytes | None,
        headers: Mapping[str, str],
    ) -> http.client.HTTPResponse:
        """The beginning of the answer, which a server may give before it has taken the whole request."""
        connection.connect()
        try:
            connection.request(method, target, content, dict(headers))
        except OSError as error:
            try:
                return connection.getresponse()
            except (OSError, http.client.HTTPException):
                raise error from None
        return connection.getresponse()

    def _wait_or_raise(self, response: http.client.HTTPResponse, patience: Patience, waited: float) -> float:
        """Waits where the server is busy and said for how long, else raises what the answer means.

        Args:
            response: not a 2xx one; it is read and closed.
            patience: of the request.
            waited: seconds that were waited already.

        Returns:
            The seconds of this wait.
        """
        with response:
            body = response.read(MEGABYTE)
        headers, token = response.headers, self._token
        error = refusal(self._address.url, response.status, body, headers.get("Retry-After", ""), token)
        if not isinstance(error, Busy):
            raise error
        seconds = max(error.seconds, _SHORTEST_WAIT)
        if waited + seconds > self._timeouts.busy:
            raise error
        patience.wait(seconds)
        return seconds

    def _patience(self, predicting: bool) -> Patience:
        with self._lock:
            begun = self._generation
        silence = self._timeouts.prediction if predicting else self._timeouts.silence
        return Patience(silence, self._timeouts.total, lambda: self._generation != begun, self._address.url)

    def _broken(self, error: OSError | http.client.HTTPException) -> ClientError:
        url = self._address.url
        if isinstance(error, ssl.SSLCertVerificationError):
            return Unreachable(
                _("The certificate of {url} is not trusted: {reason}.").format(
                    url=url, reason=error.verify_message.rstrip(".")
                )
            )
        if isinstance(error, ssl.SSLError):
            return Unreachable(
                _("No encrypted connection to {url} is possible: check whether it starts with http://.").format(url=url)
            )
        if isinstance(error, socket.gaierror):
            return Unreachable(_("The host of {url} is not known: check the address and the network.").format(url=url))
        if isinstance(error, (OSError, http.client.IncompleteRead)):
            return Unreachable(
                _("The connection to {url} broke off before the answer was complete: try again.").format(url=url)
            )
        return BadAnswer(_("{url} does not answer as a web server does: check the address.").format(url=url))


def _tls(ca_file: str | Path | None) -> ssl.SSLContext:
    """Verifies certificate and host name, as the standard library does unless told otherwise."""
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise Unreachable(
            _("The certificate file {ca_file} cannot be used: {error}.").format(ca_file=ca_file, error=error)
        ) from None
