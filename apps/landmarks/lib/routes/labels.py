"""Labels: checked before they are stored, downloaded, deleted; the notes on them, and their earlier versions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, UploadFile
from fastapi.responses import FileResponse

from monai_ext.images import LABEL_EXTENSION, read_frame
from monai_ext.landmarks import InputError, Markups
from monai_ext.studies import LabelVersion, check_tag

from ..errors import ConflictError, NotFoundError, ParameterError
from ..served_labels import read_label
from ..service import OWN_NOTES, SAVED_NOTES, LandmarkService, without
from .requests import SHARED, Admin, Annotator, AnyUser, JsonText, Reader, Service, label_tag, parse_params, reader_in

router = APIRouter(tags=["Datastore"])


@router.put("/datastore/label", summary="Save a label")
def save_label(
    *,
    service: Service,
    image: str,
    params: JsonText = "{}",
    tag: str = "final",
    label: Annotated[UploadFile, File()],
    user: Annotator,
) -> dict[str, Any]:
    notes = {**parse_params(params), "user": user.username}
    reader = reader_in(service, notes, user)
    info = service.save_label(image, tag or "final", label.file.read(), notes, reader)
    return {"image": image, "label": image, "tag": tag or "final", "info": info}


@router.get("/datastore/label", summary="Download a label", response_class=FileResponse)
def download_label(*, service: Service, label: str, tag: str, annotator: Reader = "", user: AnyUser) -> FileResponse:
    path = _label_path(service, label, label_tag(service, label, tag, annotator, user))
    return FileResponse(path, media_type="application/json", filename=f"{label}{LABEL_EXTENSION}")


@router.head("/datastore/label", summary="Whether a label exists")
def check_label(
    *, service: Service, tag: str, label: str = "", image: str = "", annotator: Reader = "", user: AnyUser
) -> dict[str, Any]:
    if not label and not image:
        raise ParameterError("State the label: ?label=ID&tag=TAG.")
    _label_path(service, label or image, label_tag(service, label or image, tag, annotator, user))
    return {}


@router.delete("/datastore/label", summary="Delete a label")
def remove_label(*, service: Service, id: str, tag: str, annotator: Reader = "", user: Admin) -> dict[str, Any]:
    _remove(service, id, tag, reader_in(service, {"annotator": annotator}, user))
    return {}


@router.get("/datastore/label/info", summary="The info of a label")
def label_info(*, service: Service, label: str, tag: str, annotator: Reader = "", user: AnyUser) -> dict[str, Any]:
    return service.datastore.get_label_info(label, label_tag(service, label, tag, annotator, user))


@router.put("/datastore/label/info", summary="Change the info of a label")
def update_label_info(
    *, service: Service, label: str, tag: str, info: JsonText = "{}", annotator: Reader = "", user: Annotator
) -> dict[str, Any]:
    notes = {**parse_params(info, "info"), "user": user.username}
    _note(service, label, tag, notes, reader_in(service, {"annotator": annotator}, user))
    return {}


@router.put("/datastore/updatelabelinfo", include_in_schema=False)
def update_label_params(
    *, service: Service, label: str, tag: str, params: JsonText = "{}", annotator: Reader = "", user: Annotator
) -> dict[str, Any]:
    notes = {**parse_params(params), "user": user.username}
    _note(service, label, tag, notes, reader_in(service, {"annotator": annotator}, user))
    return {}


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


@router.get("/datastore/label/history", summary="The earlier versions of a label, newest first")
def label_history(
    *, service: Service, image: str, tag: str = "final", annotator: Reader = "", user: AnyUser
) -> dict[str, Any]:
    versions = _versions(service, image, tag, reader_in(service, {"annotator": annotator}, user))
    return {"image": image, "tag": tag, "versions": [_describe(version) for version in versions]}


@router.post("/datastore/label/restore", summary="Put an earlier version of a label back")
def restore_label(
    *, service: Service, image: str, tag: str = "final", version: str, annotator: Reader = "", user: Annotator
) -> dict[str, Any]:
    path = service.image_path(image)
    reader = reader_in(service, {"annotator": annotator}, user)
    versions = _versions(service, image, tag, reader)
    found = next((known for known in versions if known.version == version), None)
    if found is None:
        raise NotFoundError(
            f"The {tag} label of {image!r} has no earlier version {version[:80]!r}; "
            f"GET /datastore/label/history lists its {len(versions)} versions."
        )
    protocol = found.info.get("protocol")
    try:
        label = Markups.read(found.path, found.path.name)
        stated = str(protocol) if protocol else None
        served, _ = read_label(label, read_frame(path), service.protocols, stated, tag)
    except InputError as error:
        raise ConflictError(f"The version {version} cannot be put back: {error}") from None
    own = None if tag == SHARED else reader
    info = service.restore_label(image, tag, found, served, user.username, own)
    return {"image": image, "label": image, "tag": tag, "info": info}


def _versions(service: LandmarkService, image: str, tag: str, reader: str | None) -> list[LabelVersion]:
    if reader is None or tag == SHARED:
        return service.datastore.label_versions(image, tag)
    return service.datastore.reading_versions(image, check_tag(tag), reader)


def _describe(version: LabelVersion) -> dict[str, Any]:
    info = version.info
    return {
        "version": version.version,
        "time": version.time.isoformat(),
        "saved": info.get("ts"),
        "reason": version.reason,
        "user": info.get("annotator") or info.get("user"),
        "protocol": info.get("protocol") or info.get("model"),
        "model_version": info.get("model_version"),
        "restored_from": info.get("restored_from"),
    }
