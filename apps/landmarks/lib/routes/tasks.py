"""How far batch inference is, and how to stop it."""

from __future__ import annotations

from typing import Any

import psutil
from fastapi import APIRouter
from monailabel.utils.async_tasks.task import AsyncTask

from ..errors import NotFoundError
from ..service import LandmarkService
from .access import Admin, AnyUser

_KIND = "batch_infer"


def tasks_router(service: LandmarkService, app: Any) -> APIRouter:
    """``GET`` and ``DELETE /batch/infer``."""
    router = APIRouter(tags=["Tasks"])

    @router.get("/batch/infer", name="batch_infer_status", summary="The last batch inference, or all of them")
    def status(*, all: bool = False, check_if_running: bool = False, user: AnyUser) -> Any:
        found, _ = AsyncTask.status(_KIND, all, check_if_running)
        if found is None:
            raise NotFoundError(
                "No batch inference runs now." if check_if_running else "No batch inference was started yet."
            )
        return found

    @router.delete("/batch/infer", name="batch_infer_stop", summary="Stop the batch inference that runs")
    def stop(user: Admin) -> Any:
        try:
            return AsyncTask.stop(_KIND)
        except (psutil.NoSuchProcess, StopIteration):  # it ended just now
            return None

    return router
