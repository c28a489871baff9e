"""Millimetres per pixel of an image, as a person states them: told, stated, withdrawn and undone."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from ..service import LandmarkService
from ..stated_calibration import StatementBody
from .access import Annotator, AnyUser

ADDRESS = "/datastore/image/calibration"


def calibration_router(service: LandmarkService, app: Any) -> APIRouter:
    """``/datastore/image/calibration``; every route answers with the calibration of the image after it."""
    router = APIRouter(tags=["Datastore"])

    @router.get(ADDRESS, summary="The calibration of an image, and who stated it")
    def calibration(*, image: str, user: AnyUser) -> dict[str, Any]:
        return service.calibration(image)

    @router.put(ADDRESS, summary="State the pixel size of an image, or a line of known length on it")
    def state_calibration(*, image: str, statement: StatementBody, user: Annotator) -> dict[str, Any]:
        return service.state_calibration(image, statement, user.username)

    @router.delete(ADDRESS, summary="Withdraw the stated pixel size of an image")
    def withdraw_calibration(*, image: str, user: Annotator) -> dict[str, Any]:
        return service.withdraw_calibration(image)

    @router.post(f"{ADDRESS}/undo", summary="Undo the last statement on the pixel size of an image")
    def undo_calibration(*, image: str, user: Annotator) -> dict[str, Any]:
        return service.undo_calibration(image)

    return router
