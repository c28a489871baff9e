"""``/batch/infer``: predictions for many images, kept as their labels ``original``; how far they are, and stop."""

from __future__ import annotations

import threading
import time
from typing import Annotated, Any, Literal

import psutil
from fastapi import APIRouter
from monailabel.utils.async_tasks.task import AsyncTask
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import BusyError, NotFoundError, ParameterError
from .requests import Admin, AnyUser, JsonObject, Service

router = APIRouter()


class BatchOptions(BaseModel):
    """Options of a request; MONAI Label's further names are taken and mean nothing here."""

    model_config = ConfigDict(extra="forbid")

    max_workers: Annotated[int, Field(ge=1, le=64)] = 1
    max_batch_size: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    label_tag: str = "original"
    logging: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"
    save_label: bool = True
    device: Annotated[str, Field(max_length=40)] | None = None
    multi_gpu: bool = False
    gpus: Annotated[str, Field(max_length=40)] | None = None
    client_id: Any = None


@router.post("/batch/infer/{model}", tags=["Infer"], summary="Find the landmarks of many images")
def batch_infer(
    *,
    service: Service,
    model: str,
    images: Literal["all", "labeled", "unlabeled"] = "all",
    params: JsonObject = None,
    run_sync: bool = False,
    user: Admin,
) -> Any:
    service.infer_task(model).model.card()
    options = batch_options(params or {})
    # A process of its own, with one worker unless told otherwise: the server's own predictions come first.
    chosen = options.model_dump(include={"max_workers", "max_batch_size", "label_tag", "logging", "save_label"})
    request = {"model": model, "images": images, **chosen, "multi_gpu": False, "device": "cpu"}
    if run_sync:
        result, _ = AsyncTask.run(_KIND, request=request, force_sync=True)
    else:
        with _CHANGING:
            result, _ = AsyncTask.run(_KIND, request=request)
            _wait_until_begun(result)
    if result is None:
        raise BusyError("A batch inference already runs: wait for it, or stop it with DELETE /batch/infer.")
    return result if run_sync else _told(result)


_KIND = "batch_infer"
#: Held while a batch inference is started or stopped, so that neither overtakes the other.
_CHANGING = threading.Lock()
_START_SECONDS = 10.0


def _wait_until_begun(task: dict[str, Any] | None) -> None:
    """Waits until a task has its process, without which MONAI Label takes it for none; not for one that gets none."""
    deadline = time.monotonic() + _START_SECONDS
    while task is not None and task["status"] == "SUBMITTED" and time.monotonic() < deadline:
        time.sleep(0.005)


def _told(task: dict[str, Any] | None) -> dict[str, Any] | None:
    """A task as an answer holds it: its process goes on writing the last lines of its log."""
    return task and {**task, **({"details": list(task["details"])} if "details" in task else {})}


def batch_options(params: dict[str, Any]) -> BatchOptions:
    """The options of a request, checked.

    Raises:
        ParameterError: an unknown name, or a value of the wrong type or range.
    """
    for name in params:
        if name not in BatchOptions.model_fields:
            known = ", ".join(BatchOptions.model_fields)
            raise ParameterError(f"The parameter {name[:80]!r} is unknown; use {known}.")
    if params.get("label_tag", "original") != "original":
        raise ParameterError("Predictions are stored under the tag 'original' and never replace a person's label.")
    try:
        return BatchOptions.model_validate(params)
    except ValidationError as error:
        first = error.errors()[0]
        raise ParameterError(
            f"The parameter {first['loc'][0]} cannot be {first['input']!r:.80}: {first['msg']}."
        ) from None


@router.get(
    "/batch/infer", name="batch_infer_status", tags=["Tasks"], summary="The last batch inference, or all of them"
)
def status(*, all: bool = False, check_if_running: bool = False, user: AnyUser) -> Any:
    found, _ = AsyncTask.status(_KIND, all, check_if_running)
    if found is None:
        raise NotFoundError(
            "No batch inference runs now." if check_if_running else "No batch inference was started yet."
        )
    return [_told(task) for task in found] if isinstance(found, list) else _told(found)


@router.delete("/batch/infer", name="batch_infer_stop", tags=["Tasks"], summary="Stop the batch inference that runs")
def stop(user: Admin) -> Any:
    try:
        with _CHANGING:
            return _told(AsyncTask.stop(_KIND))
    except (psutil.NoSuchProcess, StopIteration):  # it ended just now
        return None
