"""``GET /protocol/{protocol}/picture/{landmark}``: what a landmark looks like, shown while a person places it."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Header
from fastapi.responses import Response

from ..errors import NotFoundError
from ..service import LandmarkService
from .access import AnyUser

_PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}


def pictures_router(service: LandmarkService, app: Any) -> APIRouter:
    """The route; pictures are read when they are asked for, so that a new one needs no restart."""
    router = APIRouter(tags=["App"])

    @router.get(
        "/protocol/{protocol}/picture/{landmark}",
        summary="The example picture of a landmark",
        response_class=Response,
        responses=_PNG,
    )
    def picture(
        *,
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

    return router


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
            f"The picture {found.picture.file} of {landmark} was removed since the server started."
        ) from None
