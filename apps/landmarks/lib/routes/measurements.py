"""``GET /datastore/measurements``: what the final labels measure, as JSON or CSV."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from monai_ext.landmarks import MeasurementRow, csv_of_rows
from monai_ext.studies import StudyFiles, label_rows

from ..errors import ClosedError, NotFoundError
from ..service import LandmarkService
from .requests import AnyUser, Service

router = APIRouter(tags=["Datastore"])

_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


@router.get("/datastore/measurements", summary="What the final labels measure", responses=_CSV)
def measurements(
    *,
    service: Service,
    image: str | None = None,
    protocol: Annotated[str | None, Query(max_length=64)] = None,
    output: Literal["json", "csv"] = "json",
    user: AnyUser,
) -> Response:
    if service.datastore.readers > 1:  # the points of the other reader would be among them
        raise ClosedError(
            "In a study with several readers, no client receives all labels: use `monai-landmarks measure` there."
        )
    rows = _rows(service, image, protocol)
    if output == "json":
        return JSONResponse({"image": image, "rows": [row.to_dict() for row in rows]})
    headers = {"content-disposition": 'attachment; filename="measurements.csv"'}
    return Response(csv_of_rows(rows), media_type="text/csv", headers=headers)


def _rows(service: LandmarkService, image: str | None, protocol: str | None) -> list[MeasurementRow]:
    """The rows of one image or of all, of one protocol or of all that are served.

    Raises:
        NotFoundError: there is no such image or protocol, or the image has no final label.
    """
    if protocol is not None:
        service.infer_task(protocol)
    if image is not None:
        service.image_path(image)
    objects, files = service.datastore.objects, StudyFiles(service.datastore.folder)
    finals = {known: objects[known] for known in sorted(objects) if "final" in objects[known].labels}
    if image is not None and image not in finals:
        raise NotFoundError(f"The image {image[:200]!r} has no final label: submit one, and it is measured.")
    rows: list[MeasurementRow] = []
    for known in finals if image is None else (image,):
        entry = finals[known]
        path, label = service.datastore.image_file(known), files.label(known, "final")
        rows += label_rows(known, path, label, service.protocols, entry.labels["final"].info)
    return [row for row in rows if protocol in (None, row.protocol)]
