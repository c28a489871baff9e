"""``GET /`` and ``/web/``: the pages for a browser; ``/docs``: the page that describes all addresses.

They are files of the app and contain no image: a browser gets them without a token, which the page then asks for.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response

from ..errors import NotFoundError

router = APIRouter(include_in_schema=False)

FOLDER = Path(__file__).resolve().parents[2] / "web"
#: Addresses of whole pages, and their files.
PAGES = {"/": "index.html", "/docs": "docs.html"}
#: Below it lies all that the pages load.
FILES = "/web/"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
#: Nothing from elsewhere, no script in a page, no page that frames it, no form that is sent by the browser itself.
_POLICY = (
    "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def _send(name: str, if_none_match: str) -> Response:
    """Answers with a file; a browser keeps it and asks each time whether it is still the same."""
    path = _file(name)
    content = path.read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {**_HEADERS, "ETag": tag}
    if tag in [given.strip().removeprefix("W/") for given in if_none_match.split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=_TYPES[path.suffix], headers=headers)


@router.get("/")
def start_page(if_none_match: Annotated[str, Header()] = "") -> Response:
    return _send(PAGES["/"], if_none_match)


@router.get("/docs")
def description_page(if_none_match: Annotated[str, Header()] = "") -> Response:
    return _send(PAGES["/docs"], if_none_match)


@router.get(f"{FILES}{{name:path}}")
def page_file(name: str, if_none_match: Annotated[str, Header()] = "") -> Response:
    return _send(name, if_none_match)


def _file(name: str) -> Path:
    """A file of the pages; nothing that lies elsewhere, whatever the name says."""
    path = (FOLDER / name).resolve() if "\0" not in name else FOLDER
    if path.suffix not in _TYPES or not path.is_relative_to(FOLDER) or not path.is_file():
        raise NotFoundError(f"There is no file {name[:80]!r} for browsers: open the page at /.")
    return path
