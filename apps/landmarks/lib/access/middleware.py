"""The order of what stands in front of the routes; web pages of other origins only where they are listed."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from ..settings import Conf
from .body_limit import BodyLimit
from .gate import AddressGate, TokenGate

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


METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
HEADERS = ("Authorization", "Content-Type")


def replace_middleware(
    web: FastAPI,
    conf: Conf,
    open_paths: tuple[str, ...],
    open_folders: tuple[str, ...],
    image_uploads: tuple[tuple[str, str], ...],
    find_id: Callable[[str], str],
) -> None:
    """Puts the gates in front of a server, instead of its own middleware that lets every web page in.

    The address is looked at first. A browser's question whether a listed page may call carries no token: it is
    answered before the token is requested.

    Args:
        web: the server; its middleware has to be built again.
        conf: who may call, and how much a request may hold.
        open_paths: paths that need no token.
        open_folders: all below these needs none.
        image_uploads: method and address of the requests that may bring an image; all others are small.
        find_id: gives the listed ID of an image that a request names.
    """
    ours = (AddressGate, TokenGate, BodyLimit, CORSMiddleware, ImageNames)
    others = [entry for entry in web.user_middleware if entry.cls not in ours]
    front = [Middleware(AddressGate, access=conf)]
    if conf.allow_origins:
        front.append(
            Middleware(
                CORSMiddleware,
                allow_origins=list(conf.allow_origins),
                allow_methods=METHODS,
                allow_headers=HEADERS,
                expose_headers=["Content-Disposition"],
            )
        )
    if conf.token is not None:
        gate = Middleware(TokenGate, token=conf.token, open_paths=open_paths, open_folders=open_folders)
        front.append(gate)
    front.append(Middleware(BodyLimit, max_body_mb=conf.max_body_mb, image_uploads=image_uploads))
    front.append(Middleware(ImageNames, find_id=find_id))
    web.user_middleware[:] = [*front, *others]
