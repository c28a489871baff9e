"""``GET /health``: whether the server is well, for monitors; open without a token, as it tells of no patient."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter
from monailabel.utils.async_tasks.utils import processes

import monai_ext

from ..service import LandmarkService


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
