"""Training: parameters are checked before a process is started, and a stop keeps the run."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from ..errors import BusyError, NotFoundError
from ..json_bounds import JsonObject
from ..service import LandmarkService
from ..trainers import TrainingTasks, queue_training, refuse_busy_folder, train_options, training_queue
from .access import Admin, AnyUser

_BUSY = "A training already runs: wait for it, stop it with DELETE /train/, or add ?enqueue=true."


def train_router(service: LandmarkService, app: Any) -> APIRouter:
    """The routes that start and stop training and tell how it goes."""
    router = APIRouter(tags=["Train"])

    @router.post("/train/{model}", summary="Train the network of a protocol")
    def train(
        *,
        model: str,
        params: JsonObject = None,
        run_sync: bool = False,
        enqueue: bool = False,
        user: Admin,
    ) -> Any:
        return _start(service, app, model, params or {}, run_sync=run_sync, enqueue=enqueue)

    @router.post("/train/", include_in_schema=False)
    def train_all(*, params: JsonObject = None, run_sync: bool = False, user: Admin) -> dict[str, Any]:
        given = {name: chosen for name, chosen in (params or {}).items() if name != "client_id"}
        for name, chosen in given.items():
            service.train_task(name)
            train_options(chosen if isinstance(chosen, dict) else {name: chosen})
        started = {}
        for name in service.trainers:
            started[name] = {"result": _start(service, app, name, given.get(name, {}), run_sync=run_sync, enqueue=True)}
        if not started:
            raise NotFoundError("Training is switched off on this server.")
        return started

    @router.get("/train/", name="train_status", summary="The training that goes on or ended last, or all of them")
    def status(*, all: bool = False, check_if_running: bool = False, user: AnyUser) -> Any:
        return _tell(service, all=all, check_if_running=check_if_running)

    @router.delete("/train/", name="train_stop", summary="Stop the training that runs and those that wait")
    def stop(user: Admin) -> Any:
        for task in service.trainers.values():
            task.stop()
        return training_queue.stop()

    @router.delete("/train/{model}", name="train_stop_model", summary="Stop the training of a protocol")
    def stop_model(model: str, user: Admin) -> Any:
        service.train_task(model).stop()
        return training_queue.stop(model)

    return router


def _tell(service: LandmarkService, *, all: bool, check_if_running: bool) -> Any:
    tasks = TrainingTasks(service.trainers)
    found = tasks.active() if check_if_running else tasks.last()
    if found is None:
        raise NotFoundError("No training runs now." if check_if_running else "No training was started yet.")
    return tasks.all() if all and not check_if_running else found


def _start(
    service: LandmarkService, app: Any, model: str, params: dict[str, Any], *, run_sync: bool, enqueue: bool
) -> Any:
    task = service.train_task(model)
    options = train_options(params)
    if training_queue.busy() and (run_sync or not enqueue):
        goes_on = any(trainer.goes_on() for trainer in service.trainers.values())
        if goes_on or not training_queue.wait_until_idle():
            raise BusyError(_BUSY)
    refuse_busy_folder(task)
    return app.train(task.request(options)) if run_sync else queue_training(task, options)
