"""Conditions for starting a server: its port and its access control."""

from __future__ import annotations

import errno
import http.client
import json
import os
import re
import socket
from dataclasses import dataclass
from typing import Any

from monai_ext.landmarks import InputError

from .check import OK, PROBLEM, Check

_SECONDS = 5.0
_ANSWER_BYTES = 1 << 20
#: Addresses that stand for all of this machine, and one at which what listens there answers.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
#: As the server asks for.
SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class PortProblem:
    """Reason why no server can be started at an address.

    Attributes:
        found: what is wrong, without a full stop.
        port_alone: whether another port of the same host would do.
        server: name and version of the MONAI Label server that has it; empty if there is none.
    """

    found: str
    port_alone: bool = False
    server: str = ""


def check_port(port: int, host: str = "127.0.0.1") -> Check:
    """Check that a server can be started on a port, and identification of what answers there otherwise."""
    name = f"Port {port}"
    problem = port_problem(port, host)
    if problem is None:
        return Check(name, OK, f"free on {host}")
    advice = f"To start another server beside it use another port, e.g. --port {other_port(port)}."
    if problem.server:
        return Check(name, OK, f"{problem.server} runs there", advice)
    return Check(name, PROBLEM, problem.found, advice if problem.port_alone else "Choose another --port, e.g. 8000.")


def port_problem(port: int, host: str) -> PortProblem | None:
    """Reason why no server can be started on a port; None if one can. The port is free again afterwards.

    Args:
        port: its number.
        host: a name, or an address of IPv4 or IPv6; every address that a name stands for is tried, as servers do.
    """
    if not 1 <= port <= 65535:
        return PortProblem("a port is a number from 1 to 65535")
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        return PortProblem(f"{host!r} is no address of this machine ({error.strerror or error})")
    for family, _, _, _, address in dict.fromkeys(addresses):
        problem = _bind_problem(family, address)
        if problem is not None:
            return _told(problem, port, host)
    return None


def require_port(port: int, host: str) -> None:
    """Refuses a port that no server can be started on, with what answers there and what to do.

    Raises:
        InputError: it cannot be used.
    """
    problem = port_problem(port, host)
    if problem is None:
        return
    found = f"{problem.server} runs there already" if problem.server else problem.found
    do = f"choose another port, e.g. --port {other_port(port)}" if problem.port_alone else "correct --host and --port"
    raise InputError(f"--port {port} of --host {host} cannot be used: {found}; {do}.")


def other_port(port: int) -> int:
    """A port to try instead of one that is taken."""
    return port + 1 if port < 65535 else 8000


def who_answers(host: str, port: int) -> str:
    """Name and version of the MONAI Label server that answers; empty if none does."""
    host = _EVERYWHERE.get(host, host)
    for path in ("/health", "/info/"):
        document = _get_json(host, port, path)
        if isinstance(document, dict) and path == "/info/" and "name" in document and "models" in document:
            return f"the server {str(document['name'])[:60]!r} {str(document.get('version', ''))[:20]}".rstrip()
        if isinstance(document, dict) and path == "/health" and "status" in document:
            version = str(document.get("version", ""))[:20]
            return f"a landmarks server{f' {version}' if version else ''} ({str(document['status'])[:40]})"
    return ""


def check_token(token: str | None) -> Check:
    """Effect of the environment variable LANDMARKS_TOKEN on the access to the server.

    Args:
        token: its value; None or empty: not set.
    """
    name = "LANDMARKS_TOKEN"
    if not token:
        found = "not set: the server answers this machine only, unless it is started with a token or allow_remote"
        return Check(name, OK, found)
    make = 'Make one: python -c "import secrets; print(secrets.token_urlsafe())"'
    if re.fullmatch(r"[\x21-\x7e]+", token) is None:
        found = "set, but with spaces or characters that cannot be sent: the server refuses to start"
        return Check(name, PROBLEM, found, make)
    if len(token) < SHORTEST_TOKEN:
        found = f"set, but shorter than {SHORTEST_TOKEN} characters: the server refuses to start"
        return Check(name, PROBLEM, found, make)
    return Check(name, OK, "set: the server answers other machines too, and each request has to carry it")


def _told(error: OSError, port: int, host: str) -> PortProblem:
    reason = error.strerror or str(error)
    if error.errno == errno.EADDRINUSE:
        return PortProblem(f"taken by another program ({reason})", port_alone=True, server=who_answers(host, port))
    if error.errno == errno.EACCES:
        return PortProblem(
            f"this user may not use it ({reason}), ports below 1024 belong to the system", port_alone=True
        )
    return PortProblem(f"{host!r} is no address of this machine ({reason})")


def _bind_problem(family: int, address: Any) -> OSError | None:
    """Reason why no server can listen at an address; None if one can."""
    try:
        probe = socket.socket(family, socket.SOCK_STREAM)
    except OSError:  # a kind of address that this machine does not have, which servers leave out too
        return None
    with probe:
        if os.name == "posix":  # as servers do: a port in the wait state after a server's end is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind(address)
        except OSError as error:
            return error
    with socket.socket(family, socket.SOCK_STREAM) as caller:
        caller.settimeout(_SECONDS)
        # Some systems let two programs have one port: it is asked who answers.
        if caller.connect_ex((_EVERYWHERE.get(address[0], address[0]), *address[1:])) == 0:
            return OSError(errno.EADDRINUSE, "something answers there")
    return None


def _get_json(host: str, port: int, path: str) -> Any:
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("GET", path, headers={"Accept": "application/json"})
        return json.loads(connection.getresponse().read(_ANSWER_BYTES))
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
