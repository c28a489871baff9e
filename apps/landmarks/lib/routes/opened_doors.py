"""Doors of MONAI Label that ``--conf allow`` opens: weights, the whole data set, the log, reading the folder again."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, PlainTextResponse, Response
from monailabel.config import settings
from starlette.background import BackgroundTask

from ..access.doors import check_open
from ..errors import ClosedError, ConflictError, NotFoundError
from ..service import LandmarkService
from .access import Admin, Annotator

MAX_LINES = 10_000


def doors_router(service: LandmarkService, app: Any) -> APIRouter:
    """The routes; each is closed unless it was opened at the start."""
    router = APIRouter(tags=["Doors that --conf allow opens"])
    allowed = app.settings.access.allow

    @router.get("/model/{model}", summary="Download the weights of a protocol", response_class=FileResponse)
    def download_weights(*, model: str, user: Admin) -> FileResponse:
        check_open("model_download", allowed)
        path = _weights(service, model)
        return FileResponse(path, media_type="application/octet-stream", filename=f"{model}{path.suffix}")

    @router.get("/model/info/{model}", summary="Checksum and date of the weights of a protocol")
    def weights_info(*, model: str, user: Admin) -> dict[str, Any]:
        check_open("model_download", allowed)
        _weights(service, model)
        return dict(app.model_info(model))

    @router.get("/datastore/dataset", summary="All images with a final label, and these", response_class=FileResponse)
    def download_dataset(*, limit_cases: Annotated[int | None, Query(ge=1)] = None, user: Annotator) -> FileResponse:
        check_open("dataset_download", allowed)
        if service.datastore.readers > 1:
            raise ClosedError(
                "In a study with several readers nobody is sent all labels: use `monai-landmarks export` on the folder."
            )
        path = Path(service.datastore.get_dataset_archive(limit_cases))
        remove = BackgroundTask(path.unlink, missing_ok=True)
        return FileResponse(path, media_type="application/zip", filename="dataset.zip", background=remove)

    text: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}

    @router.get("/logs/", summary="The last lines of the server's log", response_class=Response, responses=text)
    def last_log_lines(*, lines: Annotated[int, Query(ge=1, le=MAX_LINES)] = 300, user: Admin) -> PlainTextResponse:
        check_open("logs", allowed)
        path = Path(settings.MONAI_LABEL_APP_DIR) / "logs" / "app.log"
        if not path.is_file():
            raise NotFoundError("This server writes no log file.")
        with path.open(encoding="utf-8", errors="replace") as stream:
            return PlainTextResponse("".join(deque(stream, lines)))

    @router.post("/reload", summary="Read the studies folder again")
    def reload(user: Admin) -> dict[str, Any]:
        check_open("reload", allowed)
        service.datastore.refresh()
        return dict(service.datastore.status())

    return router


def _weights(service: LandmarkService, model: str) -> Path:
    task = service.infer_task(model)
    task.model.card()
    path = task.get_path()
    if path is None or not os.path.isfile(path):
        raise ConflictError(f"The weights of {model} are being replaced: try again.")
    return Path(path)
