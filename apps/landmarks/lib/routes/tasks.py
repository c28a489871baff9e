"""How far background work is, and how to stop it: batch inference and training."""

from __future__ import annotations

from typing import Any

import psutil  # type: ignore[import-untyped]
from fastapi import APIRouter
from monailabel.utils.async_tasks.task import AsyncTask

from ..errors import NotFoundError
from ..service import LandmarkService
from .access import Admin, AnyUser

#: MONAI Label's name of the work, its address and what a person calls it.
KINDS = (
    ("batch_infer", "/batch/infer", "batch inference"),
    ("train", "/train/", "training"),
)
#: Training is stopped in a way of its own.
_STOPPED_HERE = ("batch_infer",)


def tasks_router(service: LandmarkService, app: Any) -> APIRouter:
    """``GET`` of each kind of work, and ``DELETE`` of those that are only killed."""
    router = APIRouter(tags=["Tasks"])
    for kind, address, name in KINDS:
        _add_status(router, kind, address, name)
        if kind in _STOPPED_HERE:
            _add_stop(router, kind, address, name)
    return router


def _add_status(router: APIRouter, kind: str, address: str, name: str) -> None:
    @router.get(address, name=f"{kind}_status", summary=f"The last {name}, or all of them")
    def status(*, all: bool = False, check_if_running: bool = False, user: AnyUser) -> Any:
        found, _ = AsyncTask.status(kind, all, check_if_running)
        if found is None:
            raise NotFoundError(f"No {name} runs now." if check_if_running else f"No {name} was started yet.")
        return found


def _add_stop(router: APIRouter, kind: str, address: str, name: str) -> None:
    @router.delete(address, name=f"{kind}_stop", summary=f"Stop the {name} that runs")
    def stop(user: Admin) -> Any:
        try:
            return AsyncTask.stop(kind)
        except (psutil.NoSuchProcess, StopIteration):  # it ended just now
            return None
