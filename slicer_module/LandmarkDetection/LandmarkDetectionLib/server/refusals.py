"""An answer with an error status as one sentence, with the server's own words where it gives any."""

from __future__ import annotations

import json

from ..errors import BadAnswer, Busy, ClientError, Refused, ServerFailed, WrongToken
from ..words import tr as _

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
        return WrongToken(
            _("{url} {problem}: enter the one that its administrator gave you{said}.").format(
                url=url, problem=problem, said=said
            )
        )
    if status == 403:
        problem = (
            _("The access token does not allow this at {url}").format(url=url)
            if token
            else _("{url} does not allow this").format(url=url)
        )
        return WrongToken(f"{problem}: {detail}" if detail else f"{problem}.")
    if status >= 500:
        own = detail if status > 500 else ""
        return ServerFailed(
            own
            or _("{url} failed inside ({status}): try again, and see the server's log.").format(url=url, status=status),
            status,
        )
    sentence = detail or _("{url} refused the request without saying why ({status}).").format(url=url, status=status)
    seconds = _seconds(retry_after)
    return Busy(sentence, status, seconds) if status == 429 and seconds is not None else Refused(sentence, status)


def _detail(body: bytes) -> str:
    """The server's own sentence, on one line; empty where it gives none."""
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
