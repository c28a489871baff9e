"""Pictures for a browser: images, rendered, and the example picture of a landmark."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response

from ..errors import NotFoundError, ParameterError
from ..pictures import PictureOptions, Pictures
from ..pyramid import Window
from ..service import LandmarkService
from .requests import AnyUser

#: A browser keeps pictures, and asks before it shows one again whether the image was replaced.
ASKS_AGAIN = "private, no-cache"
_PNG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "The picture is the one that the ETag names"},
}


def pictures_router(service: LandmarkService, app: Any) -> APIRouter:
    """The routes; plain functions, so that decoding blocks no other request."""
    router = APIRouter(tags=["Datastore"])
    pictures = Pictures()

    @router.get("/datastore/image/info", summary="Size, values, pixel size and notes of an image")
    def image_info(*, image: str, user: AnyUser) -> dict[str, Any]:
        path = service.image_path(image)
        return {**service.datastore.get_image_info(image), "image": image, **pictures.info(path)}

    @router.get(
        "/datastore/image/rendered",
        summary="An image as 8-bit PNG in stored pixel order",
        response_class=Response,
        responses=_PNG,
    )
    def rendered_image(
        *,
        image: str,
        window: Annotated[float | None, Query(description="Width of the shown values; with level")] = None,
        level: Annotated[float | None, Query(description="Middle of the shown values; with window")] = None,
        reduce: Annotated[int, Query(description="K, a power of two: each pixel is the mean of K x K")] = 1,
        tile: Annotated[
            str | None, Query(pattern=r"^\d{1,6},\d{1,6}$", description="Column,row of a tile of 512 x 512")
        ] = None,
        size: Annotated[int | None, Query(ge=1, le=4096, description="Longest side of a thumbnail")] = None,
        if_none_match: Annotated[str, Header()] = "",
        user: AnyUser,
    ) -> Response:
        path = service.image_path(image)
        options = PictureOptions(_window(window, level), reduce, _tile(tile), size).checked()
        tag = f'"{pictures.tag(path, options)}"'
        headers = {"ETag": tag, "Cache-Control": ASKS_AGAIN}
        if tag in [known.strip().removeprefix("W/") for known in if_none_match.split(",")]:
            return Response(status_code=304, headers=headers)
        return Response(pictures.png(path, options), media_type="image/png", headers=headers)

    return router


def _window(width: float | None, level: float | None) -> Window | None:
    if width is None and level is None:
        return None
    if width is None or level is None:
        raise ParameterError("State window and level together, or none of them.")
    return Window(width, level)


def _tile(stated: str | None) -> tuple[int, int] | None:
    if stated is None:
        return None
    column, row = stated.split(",")
    return int(column), int(row)


_LANDMARK_PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}


def landmark_pictures_router(service: LandmarkService, app: Any) -> APIRouter:
    """The route; pictures are read on request, so that a new one needs no restart."""
    router = APIRouter(tags=["App"])

    @router.get(
        "/protocol/{protocol}/picture/{landmark}",
        summary="The example picture of a landmark",
        response_class=Response,
        responses=_LANDMARK_PNG,
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
            f"The picture {found.picture.file} of {landmark} was removed after the server started."
        ) from None
