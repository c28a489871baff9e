"""``/train/{model}/versions``, ``/history`` and ``/rollback``: what training published, and the way back."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
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

from ..errors import ConflictError, NotFoundError
from ..served_model import ServedModel
from ..service import LandmarkService
from .access import Admin, AnyUser


class RollBack(BaseModel):
    """Which version is to answer; None is the newest one before the current one."""

    model_config = ConfigDict(extra="forbid")

    to: Annotated[str, Field(max_length=80)] | None = None


def model_versions_router(service: LandmarkService, app: Any) -> APIRouter:
    """The routes of the versions of a protocol's network."""
    router = APIRouter(tags=["Train"])

    @router.get("/train/{model}/versions", summary="The versions of a protocol's network, the newest first")
    def list_versions(*, model: str, user: AnyUser) -> dict[str, Any]:
        return _listed(service.infer_task(model).model)

    @router.get("/train/{model}/history", summary="Loss and validation error by epoch, of the last run or of a version")
    def history(
        *, model: str, version: Annotated[str | None, Query(pattern=r"^v[1-9]\d{0,8}$")] = None, user: AnyUser
    ) -> dict[str, Any]:
        if version is None:
            task = service.train_task(model)
            return {"protocol": model, "version": None, "history": task.progress.history()}
        record = read_training_record(service.infer_task(model).model.roots[0] / model, version)
        if record is None:
            raise NotFoundError(f"Nothing is kept of the training of {version} of {model}.")
        return {"protocol": model, "version": version, "history": record.get("history", [])}

    @router.post("/train/{model}/rollback", summary="Let an earlier version answer; a training first has to end")
    def roll_back_to(*, model: str, chosen: Annotated[RollBack | None, Body()] = None, user: Admin) -> dict[str, Any]:
        served = service.infer_task(model).model
        to = None if chosen is None else chosen.to
        folder, shipped = (root / model for root in served.roots)
        if to is not None and to not in {version.name for version in versions(folder, shipped)}:
            raise NotFoundError(
                f"There is no version {to!r} of {model}: GET /train/{model}/versions lists those there are."
            )
        try:
            with training_lock(folder) if folder.is_dir() else nullcontext():
                roll_back(folder, to, shipped, by=user.username)
        except InputError as error:  # a training holds the folder, or the version cannot be used
            raise ConflictError(str(error)) from None
        return _listed(served)

    return router


def _listed(served: ServedModel) -> dict[str, Any]:
    name = served.protocol.name
    folder, shipped = (root / name for root in served.roots)
    known: list[ModelVersion] = list(versions(folder, shipped))
    return {
        "protocol": name,
        "versions": [version_document(name, version) for version in known],
        "rollbacks": rollbacks(folder),
    }
