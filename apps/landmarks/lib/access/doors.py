"""Addresses of MONAI Label that this server does not have, or has only when they are asked for."""

from __future__ import annotations

from collections.abc import Collection

from ..conf import Door
from ..errors import ClosedError

#: Addresses of the web server itself that stay: the description of the others, which the page at /docs shows.
KEPT_PAGES = ("/openapi.json", "/favicon.ico")

_OPENED_BY: dict[Door, str] = {
    "reload": "Reading the studies folder again on request",
    "logs": "The server's log",
    "model_download": "Downloading weights",
    "dataset_download": "Downloading all images and labels at once",
}

#: What MONAI Label has at addresses that begin so, and why it is not here.
_ABSENT = {
    "/proxy": "This server passes nothing on to a DICOM server; its images lie in the studies folder.",
    "/ohif": "This server has no OHIF viewer: open the page at /, or use the module for 3D Slicer.",
    "/static": "This server has no files for other web viewers; its own page is at /.",
    "/infer/wsi": "Landmarks are found in whole images: use POST /infer/PROTOCOL.",
    "/auth": "There is no sign-in by name and password here: send the server's token as `Authorization: Bearer TOKEN`.",
}


def check_open(door: Door, allowed: Collection[str]) -> None:
    """Lets a request through a door of MONAI Label that was opened at the start.

    Raises:
        ClosedError: it was not.
    """
    if door not in allowed:
        raise ClosedError(f"{_OPENED_BY[door]} is closed: start the server with --conf allow {door} to open it.")


def why_absent(path: str) -> str | None:
    """Why MONAI Label's address is not here; None for any other address."""
    return next(
        (reason for start, reason in _ABSENT.items() if f"{path}/".startswith((f"{start}/", f"{start}_"))), None
    )
