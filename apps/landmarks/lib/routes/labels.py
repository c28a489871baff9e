"""Labels: checked before they are stored, downloaded, deleted; and the notes on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import FileResponse

from monai_ext.landmarks.studies import LABEL_EXTENSION

from ..errors import NotFoundError, ParameterError
from ..params import parse_params
from ..service import LandmarkService
from .access import Admin, Annotator, AnyUser


def labels_router(service: LandmarkService, app: Any) -> APIRouter:
    """``/datastore/label`` and the changes of a label's info."""
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

    @router.get("/datastore/label", summary="Download a label", response_class=FileResponse)
    def download_label(*, label: str, tag: str, user: AnyUser) -> FileResponse:
        path = _label_path(service, label, tag)
        return FileResponse(path, media_type="application/json", filename=f"{label}{LABEL_EXTENSION}")

    @router.head("/datastore/label", summary="Whether a label exists")
    def check_label(*, tag: str, label: str = "", image: str = "", user: AnyUser) -> dict[str, Any]:
        if not label and not image:
            raise ParameterError("State the label: ?label=ID&tag=TAG.")
        _label_path(service, label or image, tag)
        return {}

    @router.delete("/datastore/label", summary="Delete a label")
    def remove_label(*, id: str, tag: str, user: Admin) -> dict[str, Any]:
        service.datastore.remove_label(id, tag)
        return {}

    @router.get("/datastore/label/info", summary="The info of a label")
    def label_info(*, label: str, tag: str, user: AnyUser) -> dict[str, Any]:
        return service.datastore.get_label_info(label, tag)

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


def _label_path(service: LandmarkService, image: str, tag: str) -> Path:
    service.datastore.get_label_info(image, tag)  # refuses what is not listed
    path = Path(service.datastore.get_label_uri(image, tag))
    if not path.is_file():
        raise NotFoundError(f"The {tag} label of {image!r} was removed from the studies folder.")
    return path
