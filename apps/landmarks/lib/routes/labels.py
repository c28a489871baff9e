"""Labels: checked before they are stored, downloaded, deleted; and the notes on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import FileResponse

from monai_ext.images import LABEL_EXTENSION

from ..errors import NotFoundError, ParameterError
from ..request_json import parse_params
from ..service import OWN_NOTES, SAVED_NOTES, LandmarkService, without
from .reader import SHARED, Reader, label_tag, reader_in
from .requests import Admin, Annotator, AnyUser


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
        reader = reader_in(service, notes, user)
        info = service.save_label(image, tag or "final", label.file.read(), notes, reader)
        return {"image": image, "label": image, "tag": tag or "final", "info": info}

    @router.get("/datastore/label", summary="Download a label", response_class=FileResponse)
    def download_label(*, label: str, tag: str, annotator: Reader = "", user: AnyUser) -> FileResponse:
        path = _label_path(service, label, label_tag(service, label, tag, annotator, user))
        return FileResponse(path, media_type="application/json", filename=f"{label}{LABEL_EXTENSION}")

    @router.head("/datastore/label", summary="Whether a label exists")
    def check_label(
        *, tag: str, label: str = "", image: str = "", annotator: Reader = "", user: AnyUser
    ) -> dict[str, Any]:
        if not label and not image:
            raise ParameterError("State the label: ?label=ID&tag=TAG.")
        _label_path(service, label or image, label_tag(service, label or image, tag, annotator, user))
        return {}

    @router.delete("/datastore/label", summary="Delete a label")
    def remove_label(*, id: str, tag: str, annotator: Reader = "", user: Admin) -> dict[str, Any]:
        _remove(service, id, tag, reader_in(service, {"annotator": annotator}, user))
        return {}

    @router.get("/datastore/label/info", summary="The info of a label")
    def label_info(*, label: str, tag: str, annotator: Reader = "", user: AnyUser) -> dict[str, Any]:
        return service.datastore.get_label_info(label, label_tag(service, label, tag, annotator, user))

    @router.put("/datastore/label/info", summary="Change the info of a label")
    def update_label_info(
        *, label: str, tag: str, info: Annotated[str, Form()] = "{}", annotator: Reader = "", user: Annotator
    ) -> dict[str, Any]:
        notes = {**parse_params(info, "info"), "user": user.username}
        _note(service, label, tag, notes, reader_in(service, {"annotator": annotator}, user))
        return {}

    @router.put("/datastore/updatelabelinfo", include_in_schema=False)
    def update_label_params(
        *, label: str, tag: str, params: Annotated[str, Form()] = "{}", annotator: Reader = "", user: Annotator
    ) -> dict[str, Any]:
        notes = {**parse_params(params), "user": user.username}
        _note(service, label, tag, notes, reader_in(service, {"annotator": annotator}, user))
        return {}

    return router


def _remove(service: LandmarkService, image: str, tag: str, reader: str | None) -> None:
    if reader is None or tag == SHARED:
        service.datastore.remove_label(image, tag)
    else:
        service.datastore.remove_reading(image, tag, reader)


def _note(service: LandmarkService, image: str, tag: str, info: dict[str, Any], reader: str | None) -> None:
    notes = without(info, (*OWN_NOTES, *SAVED_NOTES))
    if reader is None or tag == SHARED:
        service.datastore.update_label_info(image, tag, notes)
    else:  # whose label it is does not change by a note
        service.datastore.note_reading(image, tag, reader, without(notes, ("annotator", "client_id")))


def _label_path(service: LandmarkService, image: str, tag: str) -> Path:
    service.datastore.get_label_info(image, tag)  # refuses what is not listed
    path = Path(service.datastore.get_label_uri(image, tag))
    if not path.is_file():
        raise NotFoundError(f"The {tag} label of {image!r} was removed from the studies folder.")
    return path
