"""Who is answered: programs on this machine, or those that know the token; never a strange web page."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from ..conf import TOKEN_VARIABLE, AccessSettings
from .refusal import refuse

#: Names by which a program on this machine calls it. Any other may be a foreign name that leads here.
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
#: Set by a proxy: the request comes from elsewhere, although the proxy itself runs on this machine.
FORWARDED_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip")
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

    def __init__(self, app: ASGIApp, access: AccessSettings) -> None:
        self.app = app
        self._only_here = access.token is None and not access.allow_remote
        self._origins = frozenset(origin.lower() for origin in access.allow_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        problem = (self._strange_machine(scope) if self._only_here else None) or self._strange_page(scope)
        if problem is None:
            await self.app(scope, receive, send)
        else:
            await refuse(scope, receive, send, 403, problem)

    def _strange_machine(self, scope: Scope) -> str | None:
        client = scope.get("client")
        if client is None or not is_loopback(client[0]):
            return f"This server answers programs on its own machine only: {_HOW_TO_OPEN}."
        if any(_header(scope, name) for name in FORWARDED_HEADERS):
            return f"This request came through a proxy, but the server answers its own machine only: {_HOW_TO_OPEN}."
        hosts = _header(scope, "host")
        if len(hosts) != 1 or _host_name(hosts[0]) not in LOOPBACK_NAMES:
            called = hosts[0] if hosts else ""
            return f"The server was called {called[:80]!r}, which is no name of its own machine: call it 127.0.0.1."
        return None

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
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) == 1 and self._is_right(given[0]):
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

    def _is_right(self, header: bytes) -> bool:
        scheme, _, token = header.partition(b" ")
        return hmac.compare_digest(token.strip(), self._token) and scheme.lower() == b"bearer"


def is_loopback(address: str) -> bool:
    """Whether an IP address is this machine's own, also when IPv4 is written as IPv6."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return bool((mapped or ip).is_loopback)


def _header(scope: Scope, name: str) -> list[str]:
    wanted = name.encode("latin-1")
    return [value.decode("latin-1") for found, value in scope["headers"] if found == wanted]


def _host_name(host: str) -> str | None:
    """``localhost`` of ``LOCALHOST:8000``, ``::1`` of ``[::1]:8000``; None where it cannot be split."""
    try:
        parts = urlsplit(f"//{host}")
        has_more = bool(parts.path or parts.query or parts.fragment or "@" in parts.netloc)
        return None if has_more or (parts.port is not None and parts.port <= 0) else parts.hostname
    except ValueError:
        return None
