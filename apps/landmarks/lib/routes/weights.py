"""Addresses of MONAI Label that landmark models have no use for."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from ..errors import NotAllowedError
from ..service import LandmarkService


def weights_router(service: LandmarkService, app: Any) -> APIRouter:
    """Refuses to replace or delete weights by hand."""
    router = APIRouter(tags=["Model"])

    @router.put("/model/{model}", include_in_schema=False)
    @router.delete("/model/{model}", include_in_schema=False)
    def change_weights(model: str) -> None:
        service.infer_task(model)
        raise NotAllowedError(f"Weights are published by training: use POST /train/{model}.")

    return router
