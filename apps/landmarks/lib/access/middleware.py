"""What stands in front of the routes, in its order; limits of bodies; web pages of other origins only where listed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from urllib.parse import parse_qsl, urlencode

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monai_ext.studies import LABEL_MEGABYTES, MEGABYTE

from ..settings import Conf
from .gate import AddressGate, TokenGate, refuse

#: Everything that is no image: labels, JSON, forms without files. So much is kept in memory while it is read.
SMALL_MEGABYTES = LABEL_MEGABYTES


class BodyLimit:
    """Answers 413 to requests that hold too much, whether they say so beforehand or only send it.

    Args:
        app: what is asked.
        max_body_mb: limit of a multipart request that may bring an image, in megabytes (of 1024 x 1024 bytes).
        image_uploads: method and address, as ``("POST", "/infer/{model}")``, of the requests that may.
    """

    def __init__(self, app: ASGIApp, max_body_mb: int, image_uploads: Iterable[tuple[str, str]]) -> None:
        self.app = app
        self._images = _Limit(
            max_body_mb,
            "accepts: send a smaller file, or start the server with a larger --conf max_body_mb",
        )
        self._others = _Limit(
            min(SMALL_MEGABYTES, max_body_mb), "accepts for a label, or anything else that is no image: shorten it"
        )
        self._uploads = [(method, compile_path(address.rstrip("/"))[0]) for method, address in image_uploads]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        limit = self._images if self._may_bring_image(scope, headers) else self._others
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

    def _may_bring_image(self, scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
        path = scope["path"].removeprefix(scope.get("root_path", "")).rstrip("/")
        is_form = headers.get(b"content-type", b"").lower().startswith(b"multipart/form-data")
        return is_form and any(scope["method"] == method and known.match(path) for method, known in self._uploads)


class _Limit:
    def __init__(self, megabytes: int, rest: str) -> None:
        self.bytes = megabytes * MEGABYTE
        self.sentence = f"This request holds more than the {megabytes} MB that this server {rest}."


class _CountedBody:
    """Counts what the app reads; when it is too much, the app is stopped and what it says of that is not sent."""

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive, self._send = receive, send
        self._left = limit
        self._too_much = self._answering = False

    @property
    def refused(self) -> bool:
        """Returns whether too much came before the app began to answer."""
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
