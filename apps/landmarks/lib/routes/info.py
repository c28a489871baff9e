"""``GET /info/``: what the server offers, and how training goes; ``GET /health``: whether it is well."""

from __future__ import annotations

import time
import uuid
from typing import Any

from fastapi import APIRouter
from monailabel.utils.async_tasks.utils import processes

import monai_ext
from monai_ext.landmarks import Protocol

from ..service import LandmarkService
from .requests import AnyUser


def protocol_document(protocol: Protocol) -> dict[str, Any]:
    """The definition of a protocol as a client needs it: without network and recipe.

    ``picture`` of a landmark states whether ``GET /protocol/{protocol}/picture/{landmark}`` has one.
    """
    document = protocol.model_dump(mode="json", exclude={"network", "recipe"})
    for entry, landmark in zip(document["landmarks"], protocol.landmarks, strict=True):
        entry["picture"] = landmark.picture is not None
    return document


def info_router(service: LandmarkService, app: Any) -> APIRouter:
    """The route; a plain function, so that reading cards and progress from disk blocks no other request."""
    router = APIRouter(tags=["App"])
    instance = uuid.uuid4().hex  # by which a client knows two addresses of this server for one

    @router.get("/info/", summary="What the server offers, and how training goes")
    def info(user: AnyUser) -> dict[str, Any]:
        return {**app.info(), "instance": instance}

    return router


def health_router(service: LandmarkService, app: Any) -> APIRouter:
    """The route; it waits for nothing, neither a thread nor a disk, so that it answers whatever else goes on."""
    router = APIRouter(tags=["App"])
    started = time.monotonic()

    @router.get("/health", summary="Whether the server is well and how busy it is")
    async def health() -> dict[str, Any]:
        counts = service.desk.slots.counts()
        return {
            "status": "degraded" if counts.stuck else "ok",
            "version": monai_ext.__version__,
            "uptime": round(time.monotonic() - started, 1),
            "inference": counts._asdict(),
            "training": bool(processes("train")),
        }

    return router
