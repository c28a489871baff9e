"""Requests may spell the ID of an image in either Unicode form."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode

from starlette.types import ASGIApp, Receive, Scope, Send

#: Parameters that name an image.
_IMAGE_PARAMETERS = ("image", "label", "id")


class ImageNames:
    """Puts the ID as it is listed in the place of one that differs in its Unicode form alone.

    A person types an accented letter as one character (NFC), while macOS names files with a letter and an accent (NFD).

    Args:
        app: what answers the request.
        find_id: gives the listed ID of an image, or the same where there is none.
    """

    def __init__(self, app: ASGIApp, find_id: Callable[[str], str]) -> None:
        self._app, self._find_id = app, find_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query: bytes = scope.get("query_string", b"") if scope["type"] == "http" else b""
        if b"%" in query or not query.isascii():
            items = parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True)
            meant = [(name, self._find_id(value) if name in _IMAGE_PARAMETERS else value) for name, value in items]
            if meant != items:
                scope = {**scope, "query_string": urlencode(meant).encode()}
        await self._app(scope, receive, send)
