"""Labels: checked before they are stored, with their origin; and the notes on them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile

from ..params import parse_params
from ..service import LandmarkService
from .access import Annotator


def labels_router(service: LandmarkService, app: Any) -> APIRouter:
    """``PUT /datastore/label`` and the changes of a label's info."""
    router = APIRouter(tags=["Datastore"])

    @router.put("/datastore/label", summary="Save a label")
    def save_label(
        *,
        image: str,
        params: Annotated[str, Form()] = "{}",
        tag: str = "final",
        label: Annotated[UploadFile, File()],
        user: Annotator,
    ) -> dict[str, Any]:
        notes = {**parse_params(params), "user": user.username}
        info = service.save_label(image, tag or "final", label.file.read(), notes)
        return {"image": image, "label": image, "tag": tag or "final", "info": info}

    @router.put("/datastore/label/info", summary="Change the info of a label")
    def update_label_info(
        *, label: str, tag: str, info: Annotated[str, Form()] = "{}", user: Annotator
    ) -> dict[str, Any]:
        service.datastore.update_label_info(label, tag, {**parse_params(info, "info"), "user": user.username})
        return {}

    @router.put("/datastore/updatelabelinfo", include_in_schema=False)
    def update_label_params(
        *, label: str, tag: str, params: Annotated[str, Form()] = "{}", user: Annotator
    ) -> dict[str, Any]:
        service.datastore.update_label_info(label, tag, {**parse_params(params), "user": user.username})
        return {}

    return router
