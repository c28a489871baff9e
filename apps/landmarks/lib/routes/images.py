"""Uploaded images and the notes on them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile

from ..params import parse_params
from ..service import LandmarkService
from .access import Annotator


def images_router(service: LandmarkService, app: Any) -> APIRouter:
    """``PUT /datastore/image`` and the changes of an image's info."""
    router = APIRouter(tags=["Datastore"])

    @router.put("/datastore/", include_in_schema=False)
    @router.put("/datastore/image", summary="Upload an image, or replace it; its labels stay")
    def add_image(
        *,
        image: str | None = None,
        params: Annotated[str, Form()] = "{}",
        file: Annotated[UploadFile, File()],
        user: Annotator,
    ) -> dict[str, Any]:
        notes = {**parse_params(params), "user": user.username}
        return {"image": service.add_image(image, file.filename or "", file.file.read(), notes)}

    @router.put("/datastore/image/info", summary="Change the info of an image")
    def update_image_info(*, image: str, info: Annotated[str, Form()] = "{}", user: Annotator) -> dict[str, Any]:
        service.datastore.update_image_info(image, {**parse_params(info, "info"), "user": user.username})
        return {}

    return router
