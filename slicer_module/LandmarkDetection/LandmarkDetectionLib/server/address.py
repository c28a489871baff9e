"""The address of a server, as a person types it."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

from ..errors import Unreachable
from ..words import tr as _


class Address(NamedTuple):
    """Destination of requests; :attr:`url` has scheme, host, port and path, without a slash at the end."""

    url: str
    host: str
    port: int
    tls: bool

    @property
    def is_this_machine(self) -> bool:
        """True where requests do not leave this machine, so that nobody can listen."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_address(text: str) -> Address:
    """Reads an address as a person types it; without a scheme it is ``http://``.

    Raises:
        Unreachable: it is no http or https address, or holds a password, a query or a fragment.
    """
    text = text.strip()
    full = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(full)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.username is not None or parts.password is not None:
        raise Unreachable(
            _("The address must not contain a name or a password: enter the access token in its own field.")
        )
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or " " in full:
        raise Unreachable(
            _("{text!r} is not a server address: use the form http://127.0.0.1:8000.").format(text=text[:100])
        )
    tls = parts.scheme == "https"
    shown = f"[{host}]" if ":" in host else host
    url = f"{parts.scheme}://{shown}{'' if port is None else f':{port}'}{parts.path.rstrip('/')}"
    return Address(url, host, port or (443 if tls else 80), tls)
