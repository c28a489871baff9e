"""What a server start will meet: its port, and who will be let in."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
from typing import Any

from .check import OK, PROBLEM, Check

_SECONDS = 5.0
_ANSWER_BYTES = 1 << 20
#: As the server asks for.
SHORTEST_TOKEN = 16


def check_port(port: int, host: str = "127.0.0.1") -> Check:
    """Whether a server can be started on a port, and what answers there if not."""
    name = f"Port {port}"
    if not 1 <= port <= 65535:
        return Check(name, PROBLEM, "a port is a number from 1 to 65535", "Choose another --port, e.g. 8000.")
    problem = _bind_problem(host, port)
    if not problem:
        return Check(name, OK, f"free on {host}")
    server = who_answers(host, port)
    advice = f"To start another server beside it use another port, e.g. --port {port + 1 if port < 65535 else 8000}."
    if server:
        return Check(name, OK, f"{server} runs there", advice)
    return Check(name, PROBLEM, f"taken by another program ({problem})", advice)


def who_answers(host: str, port: int) -> str:
    """Name and version of the MONAI Label server that answers; empty where none does."""
    for path in ("/health", "/info/"):
        document = _get_json(host, port, path)
        if isinstance(document, dict) and path == "/info/" and "name" in document and "models" in document:
            return f"the server {str(document['name'])[:60]!r} {str(document.get('version', ''))[:20]}".rstrip()
        if isinstance(document, dict) and path == "/health" and "status" in document:
            version = str(document.get("version", ""))[:20]
            return f"a landmarks server{f' {version}' if version else ''} ({str(document['status'])[:40]})"
    return ""


def check_token(token: str | None) -> Check:
    """What the environment variable LANDMARKS_TOKEN means for who may use the server.

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


def _bind_problem(host: str, port: int) -> str:
    """Why no server can be started there; empty where one can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as caller:
        caller.settimeout(_SECONDS)
        # Some systems let two programs have one port: who answers on it is asked first.
        if caller.connect_ex((host, port)) == 0:
            return "something answers there"
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":  # as servers do: a port in the wait state after a server's end is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _get_json(host: str, port: int, path: str) -> Any:
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("GET", path, headers={"Accept": "application/json"})
        return json.loads(connection.getresponse().read(_ANSWER_BYTES))
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
