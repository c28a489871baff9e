"""Refusals of strangers: programs on this machine are answered, or those that know the token; no strange web page."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import logging
from collections.abc import Collection, Sequence
from typing import Any

from fastapi.security import HTTPBearer
from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ..settings import TOKEN_VARIABLE, Conf

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


#: Names by which a program on this machine calls it. Any other may be a foreign name that leads here.
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
#: Set by a proxy: the request comes from elsewhere, although the proxy itself runs on this machine.
FORWARDED_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip")
_BEARER = HTTPBearer(auto_error=False)
_HOW_TO_OPEN = (
    f"set the environment variable {TOKEN_VARIABLE} (or --conf token) when you start it, or --conf allow_remote true "
    "in a network where everybody may read and change all labels"
)


class AddressGate:
    """Refuses by address: other machines unless they may, names that are not this machine's, strange web pages.

    Without a token only programs on this machine are answered, and only under a loopback name, so that a foreign
    name that was bound to 127.0.0.1 (DNS rebinding) leads nowhere. A page of another origin is always refused unless
    it is listed, so that no web site can send forms to the server through a person's browser.

    Args:
        app: what is asked when the address is right.
        access: who may call.
    """

    def __init__(self, app: ASGIApp, access: Conf) -> None:
        self.app = app
        self._only_here = access.token is None and not access.allow_remote
        self._origins = frozenset(origin.lower() for origin in access.allow_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        problem = (await _strange_machine(scope) if self._only_here else None) or self._strange_page(scope)
        if problem is None:
            await self.app(scope, receive, send)
        else:
            await refuse(scope, receive, send, 403, problem)

    def _strange_page(self, scope: Scope) -> str | None:
        origins = _header(scope, "origin")
        if not origins:
            return None
        own = {f"{scheme}://{host}".lower() for host in _header(scope, "host") for scheme in ("http", "https")}
        if len(origins) == 1 and origins[0].lower() in own | self._origins:
            return None
        return (
            f"Pages of {origins[0][:80]!r} may not use this server: "
            "start it with --conf allow_origins and their address if they should."
        )


class TokenGate:
    """Asks for ``Authorization: Bearer TOKEN``.

    Args:
        app: what is asked when the token is right.
        token: the token, ASCII.
        open_paths: paths that need none.
        open_folders: all below these needs none; each ends in a slash.
    """

    def __init__(
        self, app: ASGIApp, token: str, open_paths: Collection[str] = (), open_folders: Collection[str] = ()
    ) -> None:
        self.app = app
        self._token = token.encode("ascii")
        self._open_paths = frozenset(open_paths)
        self._open_folders = tuple(open_folders)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._is_open(scope["path"].removeprefix(scope.get("root_path", ""))):
            await self.app(scope, receive, send)
            return
        given = _header(scope, "authorization")
        if len(given) == 1 and await self._is_right(scope):
            await self.app(scope, receive, send)
            return
        sentence = (
            "The token of this request is not the server's: ask the person who started it."
            if given
            else "This server asks for a token: send the header `Authorization: Bearer TOKEN`."
        )
        await refuse(scope, receive, send, 401, sentence, [("www-authenticate", "Bearer")])

    def _is_open(self, path: str) -> bool:
        return path in self._open_paths or path.startswith(self._open_folders)

    async def _is_right(self, scope: Scope) -> bool:
        given = await _BEARER(Request({**scope, "type": "http"}))
        return given is not None and hmac.compare_digest(given.credentials.strip().encode("latin-1"), self._token)


async def _strange_machine(scope: Scope) -> str | None:
    """Says why a request is not one of a program on this machine, which calls it by a name of its own."""
    client = scope.get("client")
    if client is None or not is_loopback(client[0]):
        return f"This server answers programs on its own machine only: {_HOW_TO_OPEN}."
    if any(_header(scope, name) for name in FORWARDED_HEADERS):
        return f"This request came through a proxy, but the server answers its own machine only: {_HOW_TO_OPEN}."
    hosts = _header(scope, "host")
    if len(hosts) != 1 or not await _is_own_name(scope):
        called = hosts[0] if hosts else ""
        return f"The server was called {called[:80]!r}, which is no name of its own machine: call it 127.0.0.1."
    return None


async def _is_own_name(scope: Scope) -> bool:
    """Asks Starlette's own check, whose answer without a sentence is not sent."""
    passed = False

    async def reached(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal passed
        passed = True

    async def silent(*_: Any) -> Any:
        return None

    await TrustedHostMiddleware(reached, LOOPBACK_NAMES, www_redirect=False)(scope, silent, silent)
    return passed


def is_loopback(address: str) -> bool:
    """Returns whether an IP address is this machine's own, also when IPv4 is written as IPv6."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return bool((mapped or ip).is_loopback)


def _header(scope: Scope, name: str) -> list[str]:
    return Headers(scope=scope).getlist(name)
