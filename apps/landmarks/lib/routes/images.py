"""Images: listed with their state, uploaded, downloaded, deleted, placed, and the notes on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, File, Query, UploadFile
from fastapi.responses import FileResponse, Response
from monailabel.utils.others.generic import file_checksum, get_mime_type

from monai_ext.images import joined, read_frame, slicer_extension
from monai_ext.landmarks import InputError

from ..errors import NotFoundError
from ..image_list import ImageListing, State
from ..service import OWN_IMAGE_NOTES, without
from .requests import (
    Admin,
    Annotator,
    AnyUser,
    JsonText,
    Reader,
    Service,
    everything,
    of_server,
    parse_params,
    reader_in,
)

router = APIRouter(tags=["Datastore"])
Listing = Annotated[ImageListing, of_server("listing")]
CHECKSUMS = ("SHA256", "SHA512", "MD5")
MAX_PAGE = 1000


@router.get("/datastore/", summary="How many images and labels there are, or all of them with their notes")
def overview(*, service: Service, output: Literal["stats", "all"] | None = None, user: AnyUser) -> dict[str, Any]:
    return everything(service.datastore) if output == "all" else dict(service.datastore.status())


@router.put("/datastore/", include_in_schema=False)
@router.put("/datastore/image", summary="Upload an image, or replace it; its labels stay")
def add_image(
    *,
    service: Service,
    image: str | None = None,
    params: JsonText = "{}",
    file: Annotated[UploadFile, File()],
    user: Annotator,
) -> dict[str, Any]:
    notes = {**parse_params(params), "user": user.username}
    return {"image": service.add_image(image, file.filename or "", file.file.read(), notes)}


@router.delete("/datastore/", include_in_schema=False)
@router.delete("/datastore/image", summary="Delete an image with its labels")
def remove_image(*, service: Service, id: str, user: Admin) -> dict[str, Any]:
    service.datastore.remove_image(id)
    return {}


@router.get("/datastore/image", summary="Download an image", response_class=FileResponse)
def download_image(*, service: Service, image: str, user: AnyUser) -> Response:
    return send_image(image, service.image_path(image))


@router.head("/datastore/image", summary="Whether an image exists, and has a checksum")
def check_image(
    *,
    service: Service,
    image: str,
    check_sum: Annotated[str | None, Query(max_length=200)] = None,
    user: AnyUser,
) -> dict[str, Any]:
    path = service.image_path(image)
    if check_sum is not None:
        algorithm, _, digest = check_sum.rpartition(":")
        algorithm = algorithm.upper() or "SHA256"
        if algorithm not in CHECKSUMS or file_checksum(str(path), algorithm) != f"{algorithm}:{digest.lower()}":
            raise NotFoundError(f"The image {image!r} does not have the checksum {check_sum!r}.")
    return {}


@router.put("/datastore/image/info", summary="Change the info of an image")
def update_image_info(*, service: Service, image: str, info: JsonText = "{}", user: Annotator) -> dict[str, Any]:
    notes = without(parse_params(info, "info"), OWN_IMAGE_NOTES)
    service.datastore.update_image_info(image, {**notes, "user": user.username})
    return {}


@router.get("/datastore/images", summary="The images with their state and labels, by ID")
def list_images(
    *,
    service: Service,
    listing: Listing,
    search: Annotated[str, Query(max_length=500)] = "",
    state: State | None = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = MAX_PAGE,
    flagged: bool | None = None,
    annotator: Reader = "",
    user: AnyUser,
) -> dict[str, Any]:
    reader = reader_in(service, {"annotator": annotator}, user) if annotator else None
    return listing.page(search, state, offset, limit, flagged, reader)


@router.get("/datastore/image/frame", summary="Placement and calibration of an image")
def image_frame(*, service: Service, image: str, user: AnyUser) -> dict[str, Any]:
    path = service.image_path(image)
    revision = service.revision(image, service.datastore.image_state(image))
    frame = read_frame(path)
    return {
        "image": image,
        "revision": revision,
        "size": list(frame.size),
        "origin": frame.placement[:, 2].tolist(),
        "x_step": frame.placement[:, 0].tolist(),
        "y_step": frame.placement[:, 1].tolist(),
        "unit": frame.unit,
        "spacing": frame.scale.tolist(),
        "spacing_source": frame.spacing_source,
    }


def send_image(image: str, path: Path) -> Response:
    """The answer that holds an image file.

    A header with its pixels in a file beside it becomes one file; a file whose extension is not that of its content
    gets the name ``<image>.<true extension>``. A file that cannot be read as an image is sent as it is.

    Args:
        image: its ID.
        path: the file.
    """
    try:
        whole, extension = joined(path), slicer_extension(path)
    except InputError:
        whole, extension = None, ""
    if whole is not None:
        name = quote(f"{image}{whole.extension}", safe="")
        disposition = {"Content-Disposition": f"attachment; filename*=utf-8''{name}"}
        return Response(whole.content, media_type="application/octet-stream", headers=disposition)
    name = f"{image}{extension}" if extension else path.name
    return FileResponse(path, media_type=get_mime_type(str(path)), filename=name)
