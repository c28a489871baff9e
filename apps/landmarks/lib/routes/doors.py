"""Doors of MONAI Label that ``--conf allow`` opens, and addresses of it that this server does not have."""

from __future__ import annotations

import logging
import os
from collections import deque
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, PlainTextResponse, Response
from starlette.background import BackgroundTask

from ..errors import ClosedError, ConflictError, NotAllowedError, NotFoundError
from ..service import LandmarkService
from ..settings import Door
from .requests import Admin, Annotator, App, Service

#: Each of these routes is closed unless it was opened at the start.
router = APIRouter(tags=["Doors that --conf allow opens"])

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


def check_open(door: Door, app: Any) -> None:
    """Lets a request through a door of MONAI Label that was opened at the start.

    Raises:
        ClosedError: it was not.
    """
    if door not in app.settings.conf.allow:
        raise ClosedError(f"{_OPENED_BY[door]} is closed: start the server with --conf allow {door} to open it.")


def why_absent(path: str) -> str | None:
    """Tells why MONAI Label's address is not here; None for any other address."""
    return next(
        (reason for start, reason in _ABSENT.items() if f"{path}/".startswith((f"{start}/", f"{start}_"))), None
    )


MAX_LINES = 10_000
_TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.put("/model/{model}", include_in_schema=False)
@router.delete("/model/{model}", include_in_schema=False)
def change_weights(service: Service, model: str) -> None:
    service.infer_task(model)
    raise NotAllowedError(f"Weights are published by training: use POST /train/{model}.")


@router.get("/model/{model}", summary="Download the weights of a protocol", response_class=FileResponse)
def download_weights(*, service: Service, app: App, model: str, user: Admin) -> FileResponse:
    check_open("model_download", app)
    path = _weights(service, model)
    return FileResponse(path, media_type="application/octet-stream", filename=f"{model}{path.suffix}")


@router.get("/model/info/{model}", summary="Checksum and date of the weights of a protocol")
def weights_info(*, service: Service, app: App, model: str, user: Admin) -> dict[str, Any]:
    check_open("model_download", app)
    _weights(service, model)
    return dict(app.model_info(model))


@router.get("/datastore/dataset", summary="All images with a final label, and these", response_class=FileResponse)
def download_dataset(
    *, service: Service, app: App, limit_cases: Annotated[int | None, Query(ge=1)] = None, user: Annotator
) -> FileResponse:
    check_open("dataset_download", app)
    if service.datastore.readers > 1:
        raise ClosedError(
            "In a study with several readers, no client receives all labels: use `monai-landmarks export` on the "
            "folder."
        )
    path = Path(service.datastore.get_dataset_archive(limit_cases))
    remove = BackgroundTask(path.unlink, missing_ok=True)
    return FileResponse(path, media_type="application/zip", filename="dataset.zip", background=remove)


@router.get("/logs/", summary="The last lines of the server's log", response_class=Response, responses=_TEXT)
def last_log_lines(
    *, app: App, lines: Annotated[int, Query(ge=1, le=MAX_LINES)] = 300, user: Admin
) -> PlainTextResponse:
    check_open("logs", app)
    path = log_file()
    if path is None or not path.is_file():
        raise NotFoundError("This server writes no log file.")
    with path.open(encoding="utf-8", errors="replace") as stream:
        return PlainTextResponse("".join(deque(stream, lines)))


@router.post("/reload", summary="Read the studies folder again")
def reload(service: Service, app: App, user: Admin) -> dict[str, Any]:
    check_open("reload", app)
    service.datastore.refresh()
    return dict(service.datastore.status())


def log_file() -> Path | None:
    """The file that this process logs to, wherever the server was told to write it; None if there is none."""
    handlers = logging.getLogger().handlers
    return next((Path(each.baseFilename) for each in handlers if isinstance(each, logging.FileHandler)), None)


def _weights(service: LandmarkService, model: str) -> Path:
    task = service.infer_task(model)
    task.model.card()
    path = task.get_path()
    if path is None or not os.path.isfile(path):
        raise ConflictError(f"The weights of {model} are being replaced: try again.")
    return Path(path)
