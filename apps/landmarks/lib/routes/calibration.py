"""``/datastore/image/calibration``: millimetres per pixel that a person states, withdraws and undoes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from monai_ext.images import (
    SAME_SIZE,
    How,
    NothingStatedError,
    StatedSize,
    check_pixel_size,
    read_frame,
    size_from_line,
    stated_size,
    with_stated_size,
)
from monai_ext.landmarks import Frame, InputError
from monai_ext.studies import ImageEntry

from ..errors import ConflictError, NotFoundError
from ..service import LandmarkService
from .requests import Annotator, AnyUser, App, Service, check_json

router = APIRouter(tags=["Datastore"])

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Pair = tuple[Number, Number]


class Statement(BaseModel):
    """A pixel size as a client states it: millimetres per pixel, or a line with its length."""

    model_config = ConfigDict(extra="forbid")

    how: How
    mm_per_px: Number | Pair | None = Field(None, description="One number, or along x and y.")
    length_mm: Number | None = Field(None, description="Length of the line or the object in millimetres.")
    line: tuple[Pair, Pair] | None = Field(None, description="The ends of a line, pixels [x, y] of the stored image.")
    annotator: Annotated[str, Field(max_length=200)] | None = Field(None, description="Who states it.")
    image_revision: str | None = Field(None, description="The `revision` of the image that it was measured on.")


StatementBody = Annotated[Statement, BeforeValidator(check_json)]


def checked_size(image: str, statement: Statement, path: Path, user: str) -> StatedSize:
    """The pixel size that a statement means.

    Args:
        image: the ID.
        statement: of a client.
        path: the image file.
        user: who sent it, if the statement contains no name.

    Raises:
        ConflictError: the file states a pixel size itself and is not overruled, or is overruled and states none.
        InputError: neither a size nor a line with its length, or values that cannot be true.
    """
    frame = read_frame(path, stated=False)
    overruled = statement.how == "overrule"
    if frame.spacing is not None and not overruled:
        x, y = frame.spacing
        raise ConflictError(
            f"The file of {image!r} has pixels of {x:g} x {y:g} mm ({frame.spacing_source}): they are kept unless you "
            'overrule them ("how": "overrule").'
        )
    if frame.spacing is None and overruled:
        raise ConflictError(
            f"The file of {image!r} has no pixel size to overrule: state its source (line, ruler, sticker, iris or "
            "table)."
        )
    line, length = statement.line, statement.length_mm
    return StatedSize(_mm_per_px(statement, frame), statement.how, length, line, statement.annotator or user)


def _mm_per_px(statement: Statement, frame: Frame) -> tuple[float, float]:
    """Millimetres per pixel along (x, y) on an image whose file may state its own.

    Raises:
        InputError: see :func:`checked_size`.
    """
    direct, length, line = statement.mm_per_px, statement.length_mm, statement.line
    drawn = None
    if line is not None and length is not None:
        drawn = size_from_line(line, length, frame)
    elif line is not None and direct is None:
        raise InputError("A line needs its length_mm to give the pixel size: state the length too.")
    elif length is not None and length <= 0:
        raise InputError(f"The length_mm must be a length in millimetres above 0, not {length:g}.")
    if direct is None:
        if drawn is None:
            raise InputError("State mm_per_px, or a line with its length_mm.")
        return drawn
    stated = check_pixel_size(direct if isinstance(direct, tuple) else (direct, direct))
    if drawn is not None and not np.allclose(stated, drawn, rtol=SAME_SIZE, atol=0):
        raise InputError(
            f"The mm_per_px says {stated[0]:g} x {stated[1]:g} mm, but the line {drawn[0]:g} x {drawn[1]:g} mm: state "
            "one of them."
        )
    return stated


def calibration_document(image: str, path: Path) -> dict[str, Any]:
    """The calibration of an image: what counts, what its file states and what a person stated.

    Raises:
        InputError: the image cannot be read.
    """
    own, stated = read_frame(path, stated=False), stated_size(path)
    frame = with_stated_size(path, own)
    return {
        "image": image,
        "unit": frame.unit,
        "spacing": frame.scale.tolist(),
        "spacing_source": frame.spacing_source,
        "file_spacing": None if own.spacing is None else list(own.spacing),
        "stated": None if stated is None else stated.to_dict(),
    }


def _only_this_image(service: LandmarkService, image: str, opened: str | None) -> Callable[[ImageEntry], None]:
    """A check that refuses a statement where the image was replaced since this call.

    Raises:
        ConflictError: it was replaced since it was opened.
    """
    seen = service.datastore.image_state(image)
    service.refuse_former(image, seen, opened)

    def check(entry: ImageEntry) -> None:
        if service.datastore.image_state(image) != seen:
            raise ConflictError(
                f"The image {image!r} was replaced while its pixel size was stated: open it anew, and state the size "
                "of the new one."
            )

    return check


#: Every route answers with the calibration of the image after it.
ADDRESS = "/datastore/image/calibration"


@router.get(ADDRESS, summary="The calibration of an image, and who stated it")
def calibration(*, service: Service, image: str, user: AnyUser) -> dict[str, Any]:
    return calibration_document(image, service.image_path(image))


@router.put(ADDRESS, summary="State the pixel size of an image, or a line of known length on it")
def state_calibration(
    *, service: Service, app: App, image: str, statement: StatementBody, user: Annotator
) -> dict[str, Any]:
    path = service.image_path(image)
    check = _only_this_image(service, image, statement.image_revision)
    service.datastore.state_size(image, checked_size(image, statement, path, user.username), check)
    return _changed(service, app, image, path)


@router.delete(ADDRESS, summary="Withdraw the stated pixel size of an image")
def withdraw_calibration(*, service: Service, app: App, image: str, user: Annotator) -> dict[str, Any]:
    path = service.image_path(image)
    try:
        service.datastore.state_size(image, None)
    except NothingStatedError as error:
        raise NotFoundError(str(error)) from None
    return _changed(service, app, image, path)


@router.post(f"{ADDRESS}/undo", summary="Undo the last statement on the pixel size of an image")
def undo_calibration(*, service: Service, app: App, image: str, user: Annotator) -> dict[str, Any]:
    path = service.image_path(image)
    try:
        service.datastore.undo_size(image)
    except NothingStatedError as error:
        raise ConflictError(str(error)) from None
    return _changed(service, app, image, path)


def _changed(service: LandmarkService, app: Any, image: str, path: Path) -> dict[str, Any]:
    service.proposals.forget_radii(image)
    if app.pacs is not None:
        app.pacs.wake()
    return calibration_document(image, path)
