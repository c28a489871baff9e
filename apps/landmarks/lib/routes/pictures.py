"""Images for a browser: rendered as pictures, and what there is to know of them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response

from ..errors import ParameterError
from ..pictures import PictureOptions, Pictures
from ..pyramid import Window
from .requests import AnyUser, Service, of_server

#: Its routes are plain functions, so that decoding blocks no other request.
router = APIRouter(tags=["Datastore"])
Kept = Annotated[Pictures, of_server("pictures")]

#: A browser keeps pictures, and asks before it shows one again whether the image was replaced.
ASKS_AGAIN = "private, no-cache"
_PNG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "The picture is the one that the ETag names"},
}


@router.get("/datastore/image/info", summary="Size, values, pixel size and notes of an image")
def image_info(*, service: Service, pictures: Kept, image: str, user: AnyUser) -> dict[str, Any]:
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
    service: Service,
    pictures: Kept,
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
