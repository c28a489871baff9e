"""``GET /datastore/images``: the images with their state; ``GET /datastore/image/frame``: where their pixels lie."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from monai_ext.images import read_frame

from ..image_list import ImageListing
from ..image_state import State
from ..service import LandmarkService
from .access import AnyUser
from .reader import Reader, reader_in

MAX_PAGE = 1000


def image_list_router(service: LandmarkService, app: Any) -> APIRouter:
    """What a client needs to show the studies and to open one of them."""
    router = APIRouter(tags=["Datastore"])
    listing = ImageListing(service.datastore, service.protocols)

    @router.get("/datastore/images", summary="The images with their state and labels, by ID")
    def list_images(
        *,
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
    def image_frame(*, image: str, user: AnyUser) -> dict[str, Any]:
        frame = read_frame(service.image_path(image))
        return {
            "image": image,
            "size": list(frame.size),
            "origin": frame.placement[:, 2].tolist(),
            "x_step": frame.placement[:, 0].tolist(),
            "y_step": frame.placement[:, 1].tolist(),
            "unit": frame.unit,
            "spacing": frame.scale.tolist(),
            "spacing_source": frame.spacing_source,
        }

    return router
