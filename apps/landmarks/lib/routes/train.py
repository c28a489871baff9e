"""``POST /train/{protocol}``: its parameters are checked before a process is started."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from monailabel.utils.async_tasks.task import AsyncTask

from ..errors import BusyError, NotFoundError
from ..service import LandmarkService
from ..trainers import train_options
from .access import Admin


def train_router(service: LandmarkService, app: Any) -> APIRouter:
    """The routes that start training."""
    router = APIRouter(tags=["Train"])

    @router.post("/train/{model}", summary="Train the network of a protocol")
    def train(
        *,
        model: str,
        params: Annotated[dict[str, Any] | None, Body()] = None,
        run_sync: bool = False,
        enqueue: bool = False,
        user: Admin,
    ) -> Any:
        return _start(service, model, params or {}, run_sync=run_sync, enqueue=enqueue)

    @router.post("/train/", include_in_schema=False)
    def train_all(
        *, params: Annotated[dict[str, Any] | None, Body()] = None, run_sync: bool = False, user: Admin
    ) -> dict[str, Any]:
        given = {name: chosen for name, chosen in (params or {}).items() if name != "client_id"}
        for name, chosen in given.items():
            service.train_task(name)
            train_options(chosen if isinstance(chosen, dict) else {name: chosen})
        started = {}
        for name in service.trainers:
            started[name] = {"result": _start(service, name, given.get(name, {}), run_sync=run_sync, enqueue=True)}
        if not started:
            raise NotFoundError("Training is switched off on this server.")
        return started

    return router


def _start(service: LandmarkService, model: str, params: dict[str, Any], *, run_sync: bool, enqueue: bool) -> Any:
    task = service.train_task(model)
    options = train_options(params)
    chosen = options.model_dump(exclude_unset=True)
    result, _ = AsyncTask.run("train", request={"model": model}, params=chosen, force_sync=run_sync, enqueue=enqueue)
    if result is None:
        raise BusyError("A training already runs: wait for it, stop it with DELETE /train/, or add ?enqueue=true.")
    if not run_sync:
        task.announce(options)
    return result
