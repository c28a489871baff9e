"""Requests that failed as one sentence: answers with an error status, and connections that broke."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from typing import Any

import requests
import urllib3
from urllib3.util.ssl_match_hostname import CertificateError

from ..errors import BadAnswer, Busy, ClientError, Refused, ServerFailed, TimedOut, Unreachable, WrongToken
from ..words import tr as _
from .address import Address

_LONGEST_SENTENCE = 600


def refusal(url: str, status: int, body: bytes, retry_after: str = "", token: str = "") -> ClientError:
    """The error that an answer is.

    Args:
        url: the server.
        status: of the answer, not 2xx.
        body: of the answer; the server's sentence is ``{"detail": sentence}``.
        retry_after: the header of that name.
        token: what was sent as access token; it is taken out of the server's words.
    """
    if status < 400:
        return BadAnswer(
            _("{url} sends requests on to another address: enter that one ({status}).").format(url=url, status=status)
        )
    detail = _detail(body)
    detail = detail.replace(token, "...") if token else detail
    if status == 401:
        problem = _("does not accept the access token") if token else _("wants an access token")
        said = f" ({detail.rstrip('.')})" if detail else ""
        sentence = _("{url} {problem}: enter the one that its administrator gave you{said}.")
        return WrongToken(sentence.format(url=url, problem=problem, said=said))
    if status == 403:
        problem = _("The access token does not allow this at {url}") if token else _("{url} does not allow this")
        return WrongToken(f"{problem.format(url=url)}: {detail}" if detail else f"{problem.format(url=url)}.")
    if status >= 500:
        own = detail if status > 500 else ""
        sentence = _("{url} failed inside ({status}): try again, and see the server's log.")
        return ServerFailed(own or sentence.format(url=url, status=status), status)
    sentence = detail or _("{url} refused the request without saying why ({status}).").format(url=url, status=status)
    seconds = _seconds(retry_after)
    return Busy(sentence, status, seconds) if status == 429 and seconds is not None else Refused(sentence, status)


def broken(address: Address, error: Exception, silence: float = 0.0) -> ClientError:
    """The error of a request that got no whole answer.

    Args:
        address: where it went.
        error: of ``requests``, urllib3 or the standard library, which wrap one another.
        silence: the seconds that were waited for the next byte.
    """
    causes, url = _causes(error), address.url
    for cause in causes:
        if isinstance(cause, (ssl.SSLCertVerificationError, CertificateError)):
            reason = str(getattr(cause, "verify_message", cause)).rstrip(".")
            return Unreachable(_("The certificate of {url} is not trusted: {reason}.").format(url=url, reason=reason))
    if _any(causes, ssl.SSLError, requests.exceptions.SSLError):
        sentence = _("No encrypted connection to {url} is possible: check whether it starts with http://.")
        return Unreachable(sentence.format(url=url))
    if _any(causes, socket.gaierror, requests.exceptions.InvalidURL, UnicodeError):
        return Unreachable(_("The host of {url} is not known: check the address and the network.").format(url=url))
    if _any(causes, urllib3.exceptions.NewConnectionError):
        sentence = _("Nothing answers at {host}:{port}: check the address, and that the server runs.")
        return Unreachable(sentence.format(host=address.host, port=address.port))
    if _any(causes, urllib3.exceptions.TimeoutError, socket.timeout):
        sentence = _("{server} has not answered for {seconds:g} seconds: try again later.")
        return TimedOut(sentence.format(server=url, seconds=silence))
    wrong = [cause for cause in causes if isinstance(cause, http.client.HTTPException)]
    if wrong and not _any(wrong, OSError, http.client.IncompleteRead):
        return BadAnswer(_("{url} does not answer like a web server: check the address.").format(url=url))
    return Unreachable(
        _("The connection to {url} broke off before the answer was complete: try again.").format(url=url)
    )


def _causes(error: BaseException) -> list[BaseException]:
    """An error and all that lie behind it."""
    found: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and not any(cause is other for other in found):
            found.append(cause)
            waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
    return found


def _any(causes: list[Any], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _detail(body: bytes) -> str:
    """The server's own sentence, on one line; empty if it gives none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    detail = document.get("detail") if isinstance(document, dict) else None
    text = " ".join(detail.split()) if isinstance(detail, str) else ""
    return text if len(text) <= _LONGEST_SENTENCE else text[: _LONGEST_SENTENCE - 1] + "…"


def _seconds(retry_after: str) -> float | None:
    """The seconds of a header Retry-After; None for a date or nonsense."""
    text = retry_after.strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
