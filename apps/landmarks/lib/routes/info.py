"""``GET /info/``: what the server offers, and how training goes."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from ..service import LandmarkService
from .access import AnyUser


def info_router(service: LandmarkService, app: Any) -> APIRouter:
    """The route; a plain function, so that reading cards and progress from disk blocks no other request."""
    router = APIRouter(tags=["App"])

    @router.get("/info/", summary="What the server offers, and how training goes")
    def info(user: AnyUser) -> dict[str, Any]:
        return dict(app.info())

    return router
