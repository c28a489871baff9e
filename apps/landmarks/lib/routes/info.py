"""``GET /info/``: what the server offers, and how training goes, and the pictures of it; ``GET /health``."""

from __future__ import annotations

import hashlib
import time
from typing import Annotated, Any

from fastapi import APIRouter, Header
from fastapi.responses import Response
from monailabel.utils.async_tasks.utils import processes

import monai_ext
from monai_ext.landmarks import Protocol

from ..errors import NotFoundError
from ..service import LandmarkService
from .requests import AnyUser, App, Service, of_server

router = APIRouter(tags=["App"])


def protocol_document(protocol: Protocol) -> dict[str, Any]:
    """The definition of a protocol as a client needs it: without network and recipe.

    ``picture`` of a landmark states whether ``GET /protocol/{protocol}/picture/{landmark}`` has one.
    """
    document = protocol.model_dump(mode="json", exclude={"network", "recipe"})
    for entry, landmark in zip(document["landmarks"], protocol.landmarks, strict=True):
        entry["picture"] = landmark.picture is not None
    return document


@router.get("/health", summary="Whether the server is well and how busy it is")
async def health(service: Service, started: Annotated[float, of_server("started")]) -> dict[str, Any]:
    # It waits for nothing, neither a thread nor a disk, so that it answers whatever else goes on.
    counts = service.desk.slots.counts()
    return {
        "status": "degraded" if counts.stuck else "ok",
        "version": monai_ext.__version__,
        "uptime": round(time.monotonic() - started, 1),
        "inference": counts._asdict(),
        "training": bool(processes("train")),
    }


@router.get("/info/", summary="What the server offers, and how training goes")
def info(app: App, instance: Annotated[str, of_server("instance")], user: AnyUser) -> dict[str, Any]:
    return {**app.info(), "instance": instance}


_PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}


@router.get(
    "/protocol/{protocol}/picture/{landmark}",
    summary="The example picture of a landmark",
    response_class=Response,
    responses=_PNG,
)
def picture(
    *,
    service: Service,
    protocol: str,
    landmark: str,
    if_none_match: Annotated[str | None, Header(max_length=200)] = None,
    user: AnyUser,
) -> Response:
    content = _content(service, protocol, landmark)
    headers = {"etag": f'"{hashlib.sha256(content).hexdigest()[:32]}"', "cache-control": "private, max-age=300"}
    if if_none_match == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="image/png", headers=headers)


def _content(service: LandmarkService, protocol: str, landmark: str) -> bytes:
    known = service.infer_task(protocol).model.protocol
    found = next((item for item in known.landmarks if item.name == landmark), None)
    if found is None:
        raise NotFoundError(
            f"The protocol {protocol} has no landmark {landmark[:80]!r}; it has {', '.join(known.landmark_names)}."
        )
    if found.picture is None:
        raise NotFoundError(f"The landmark {landmark} of {protocol} has no picture: name one as `picture` in its file.")
    try:
        return found.picture.content()
    except OSError:
        raise NotFoundError(
            f"The picture {found.picture.file} of {landmark} was removed after the server started."
        ) from None
