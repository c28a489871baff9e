"""Training: started, stopped and told; versions, history and rollback of what it published."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from monailabel.utils.async_tasks.utils import tasks
from pydantic import BaseModel, ConfigDict, Field

from monai_ext.landmarks import InputError
from monai_ext.models import (
    ModelVersion,
    read_training_record,
    roll_back,
    rollbacks,
    training_lock,
    version_document,
    versions,
)

from ..errors import BusyError, ConflictError, NotFoundError
from ..served_model import ServedModel
from ..service import LandmarkService
from ..trainers import LandmarkTrain, train_options, training_queue
from ..trainers.progress import ACTIVE
from ..trainers.queue import METHOD, WORDS
from .requests import Admin, AnyUser, App, JsonObject, Service

router = APIRouter(tags=["Train"])

_BUSY = "A training already runs: wait for it, stop it with DELETE /train/, or add ?enqueue=true."


@router.post("/train/{model}", summary="Train the network of a protocol")
def train(
    *,
    service: Service,
    app: App,
    model: str,
    params: JsonObject = None,
    run_sync: bool = False,
    enqueue: bool = False,
    user: Admin,
) -> Any:
    return _start(service, app, model, params or {}, run_sync=run_sync, enqueue=enqueue)


@router.post("/train/", include_in_schema=False)
def train_all(
    *, service: Service, app: App, params: JsonObject = None, run_sync: bool = False, user: Admin
) -> dict[str, Any]:
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
def status(*, service: Service, all: bool = False, check_if_running: bool = False, user: AnyUser) -> Any:
    return _tell(service, all=all, check_if_running=check_if_running)


@router.delete("/train/", name="train_stop", summary="Stop the training that runs and those that wait")
def stop(service: Service, user: Admin) -> Any:
    for task in service.trainers.values():
        task.stop()
    return training_queue.stop()


@router.delete("/train/{model}", name="train_stop_model", summary="Stop the training of a protocol")
def stop_model(service: Service, model: str, user: Admin) -> Any:
    service.train_task(model).stop()
    return training_queue.stop(model)


def _tell(service: LandmarkService, *, all: bool, check_if_running: bool) -> Any:
    trainings = TrainingTasks(service.trainers)
    found = trainings.active() if check_if_running else trainings.last()
    if found is None:
        raise NotFoundError("No training runs now." if check_if_running else "No training was started yet.")
    return trainings.all() if all and not check_if_running else found


def _start(
    service: LandmarkService, app: Any, model: str, params: dict[str, Any], *, run_sync: bool, enqueue: bool
) -> Any:
    task = service.train_task(model)
    options = train_options(params)
    if training_queue.busy() and (run_sync or not enqueue):
        goes_on = any(trainer.goes_on() for trainer in service.trainers.values())
        if goes_on or not training_queue.wait_until_idle():
            raise BusyError(_BUSY)
    task.refuse_busy_folder()
    return app.train(task.request(options)) if run_sync else task.queue(options)


_ACTIVE_WORDS = tuple(WORDS[status] for status in ACTIVE)


class TrainingTasks:
    """The trainings as MONAI Label describes them.

    The last training of each protocol has the state that its progress has, whichever server started it: one that ended
    with an earlier server is still told. Older ones stand as they ended, and those that wait behind it as they wait.
    """

    def __init__(self, trainers: Mapping[str, LandmarkTrain]) -> None:
        states = {name: trainer.state() for name, trainer in trainers.items()}
        known = {task["id"]: dict(task) for task in tasks(METHOD)}
        self._present = [
            _described(progress, record or _unknown(name), known)
            for name, (progress, record) in states.items()
            if progress["status"] != "never"
        ]
        known.update((task["id"], task) for task in self._present)
        self._all = sorted(known.values(), key=lambda task: str(task["start_ts"]))

    def all(self) -> list[dict[str, Any]]:
        """All of them, in the order in which they were requested."""
        return self._all

    def active(self) -> dict[str, Any] | None:
        """The one that runs, else the next one that waits; None if none does."""
        active = [task for task in self._present if task["status"] in _ACTIVE_WORDS]
        return min(active, key=lambda task: (task["status"] != WORDS["running"], task["start_ts"]), default=None)

    def last(self) -> dict[str, Any] | None:
        """The one that goes on, else the one that ended last; None if there was none."""
        return self.active() or max(
            self._present, key=lambda task: (task.get("end_ts", task["start_ts"]), task["start_ts"]), default=None
        )


def _described(
    progress: Mapping[str, Any], record: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """A training with the last words of its process where this server heard them, else with the reason why it ended."""
    heard = known.get(record["id"], {})
    details = heard.get("details") or ([progress["message"]] if progress.get("message") else [])
    return {**heard, **record, "status": WORDS[progress["status"]], "details": details}


def _unknown(protocol: str) -> dict[str, Any]:
    """Returns what is said of a training of which only the progress was kept."""
    return {"id": protocol, "request": {"model": protocol}, "start_ts": ""}


class RollBack(BaseModel):
    """Version that is to answer; None is the newest one before the current one."""

    model_config = ConfigDict(extra="forbid")

    to: Annotated[str, Field(max_length=80)] | None = None


@router.get("/train/{model}/versions", summary="The versions of a protocol's network, the newest first")
def list_versions(*, service: Service, model: str, user: AnyUser) -> dict[str, Any]:
    return _listed(service.infer_task(model).model)


@router.get("/train/{model}/history", summary="Loss and validation error by epoch, of the last run or of a version")
def history(
    *,
    service: Service,
    model: str,
    version: Annotated[str | None, Query(pattern=r"^v[1-9]\d{0,8}$")] = None,
    user: AnyUser,
) -> dict[str, Any]:
    if version is None:
        task = service.train_task(model)
        return {"protocol": model, "version": None, "history": task.progress.history()}
    record = read_training_record(service.infer_task(model).model.roots[0] / model, version)
    if record is None:
        raise NotFoundError(f"No record was kept of the training of {version} of {model}.")
    return {"protocol": model, "version": version, "history": record.get("history", [])}


@router.post("/train/{model}/rollback", summary="Let an earlier version answer; a training first has to end")
def roll_back_to(
    *, service: Service, model: str, chosen: Annotated[RollBack | None, Body()] = None, user: Admin
) -> dict[str, Any]:
    served = service.infer_task(model).model
    to = None if chosen is None else chosen.to
    folder, shipped = (root / model for root in served.roots)
    if to is not None and to not in {version.name for version in versions(folder, shipped)}:
        raise NotFoundError(
            f"There is no version {to!r} of {model}: GET /train/{model}/versions lists the existing ones."
        )
    try:
        with training_lock(folder) if folder.is_dir() else nullcontext():
            roll_back(folder, to, shipped, by=user.username)
    except InputError as error:  # a training holds the folder, or the version cannot be used
        raise ConflictError(str(error)) from None
    return _listed(served)


def _listed(served: ServedModel) -> dict[str, Any]:
    name = served.protocol.name
    folder, shipped = (root / name for root in served.roots)
    known: list[ModelVersion] = list(versions(folder, shipped))
    return {
        "protocol": name,
        "versions": [version_document(name, version) for version in known],
        "rollbacks": rollbacks(folder),
    }
