"""Answers a request with a status and one sentence, before any route has seen it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence

from starlette.types import Receive, Scope, Send

logger = logging.getLogger(__name__)

#: How long a refused client may go on sending. One that is cut off while it sends never reads the answer.
LINGER_SECONDS = 5.0


async def refuse(
    scope: Scope,
    receive: Receive,
    send: Send,
    status: int,
    sentence: str,
    headers: Sequence[tuple[str, str]] = (),
) -> None:
    """Sends ``{"detail": sentence}``; what the client still sends is thrown away, for a few seconds."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    client = scope.get("client")
    logger.info("A request from %s is refused with %d.", client[0] if client else "an unknown address", status)
    sentence = sentence.encode("utf-8", "backslashreplace").decode("utf-8")
    body = json.dumps({"detail": sentence}).encode()
    fields = [("content-type", "application/json"), ("content-length", str(len(body))), *headers]
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    waits_for_consent = any(name == b"expect" for name, _ in scope["headers"])
    if not waits_for_consent:
        try:
            await asyncio.wait_for(_read_the_rest(receive), LINGER_SECONDS)
        except asyncio.TimeoutError:
            logger.info("A refused client went on sending for %.0f seconds; it is cut off.", LINGER_SECONDS)
    await send({"type": "http.response.body", "body": b""})


async def _read_the_rest(receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return
