"""Earlier versions of labels: listed, and put back."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from monai_ext.images import read_frame
from monai_ext.landmarks import InputError, Markups
from monai_ext.studies import LabelVersion, check_tag

from ..errors import ConflictError, NotFoundError
from ..served_labels import read_label
from ..service import LandmarkService
from .reader import SHARED, Reader, reader_in
from .requests import Annotator, AnyUser


def label_history_router(service: LandmarkService, app: Any) -> APIRouter:
    """``GET /datastore/label/history`` and ``POST /datastore/label/restore``."""
    router = APIRouter(tags=["Datastore"])

    @router.get("/datastore/label/history", summary="The earlier versions of a label, newest first")
    def label_history(*, image: str, tag: str = "final", annotator: Reader = "", user: AnyUser) -> dict[str, Any]:
        versions = _versions(image, tag, reader_in(service, {"annotator": annotator}, user))
        return {"image": image, "tag": tag, "versions": [_describe(version) for version in versions]}

    @router.post("/datastore/label/restore", summary="Put an earlier version of a label back")
    def restore_label(
        *, image: str, tag: str = "final", version: str, annotator: Reader = "", user: Annotator
    ) -> dict[str, Any]:
        path = service.image_path(image)
        reader = reader_in(service, {"annotator": annotator}, user)
        versions = _versions(image, tag, reader)
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

    def _versions(image: str, tag: str, reader: str | None) -> list[LabelVersion]:
        if reader is None or tag == SHARED:
            return service.datastore.label_versions(image, tag)
        return service.datastore.reading_versions(image, check_tag(tag), reader)

    return router


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
