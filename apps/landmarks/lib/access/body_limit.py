"""How much a request may hold: files up to the chosen limit, everything else little."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .refusal import refuse

MEGABYTE = 1024 * 1024
#: JSON, and forms without files.
TEXT_MEGABYTES = 1


class BodyLimit:
    """Answers 413 to requests that hold too much, whether they say so beforehand or only send it.

    Args:
        app: what is asked.
        max_body_mb: limit of a multipart request, in megabytes (of 1024 x 1024 bytes).
    """

    def __init__(self, app: ASGIApp, max_body_mb: int) -> None:
        self.app = app
        self._max_body_mb = max_body_mb

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        holds_files = headers.get(b"content-type", b"").lower().startswith(b"multipart/form-data")
        limit = _Limit(self._max_body_mb if holds_files else min(TEXT_MEGABYTES, self._max_body_mb), holds_files)
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit.bytes:
            await refuse(scope, receive, send, 413, limit.sentence)
            return
        counted = _CountedBody(receive, send, limit.bytes)
        try:
            await self.app(scope, counted.receive, counted.send)
        except Exception:
            if not counted.refused:
                raise
        if counted.refused:
            await refuse(scope, receive, send, 413, limit.sentence)


class _Limit:
    def __init__(self, megabytes: int, holds_files: bool) -> None:
        self.bytes = megabytes * MEGABYTE
        what = "This request holds more" if holds_files else "A request without a file holds more"
        do = (
            "send a smaller file, or start the server with a larger --conf max_body_mb" if holds_files else "shorten it"
        )
        self.sentence = f"{what} than the {megabytes} MB that this server accepts: {do}."


class _CountedBody:
    """Counts what the app reads; when it is too much, the app is stopped and what it says of that is not sent."""

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive, self._send = receive, send
        self._left = limit
        self._too_much = self._answering = False

    @property
    def refused(self) -> bool:
        """Whether too much came before the app began to answer."""
        return self._too_much and not self._answering

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                self._too_much = True
                raise HTTPException(413)
        return message

    async def send(self, message: Message) -> None:
        if not self.refused:
            self._answering = True
            await self._send(message)
