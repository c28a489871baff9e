"""``POST /infer/{model}``: the landmarks of one image."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import JSONResponse, Response
from requests_toolbelt import MultipartEncoder  # type: ignore[import-untyped]

from monai_ext.landmarks import InputError

from ..errors import NotFoundError, ParameterError
from ..file_names import check_image_id
from ..params import parse_params
from ..service import Answer, LandmarkService
from .access import AnyUser

#: What the address of a request says; ``params`` cannot say it differently.
FIXED = ("image", "model", "device", "path", "file", "session", "session_id")
MARKUPS_TYPE = "application/json"


def infer_router(service: LandmarkService, app: Any) -> APIRouter:
    """The route; a plain function, so that a prediction runs in a thread and blocks no other request."""
    router = APIRouter(tags=["Infer"])

    @router.post("/infer/{model}", summary="Find the landmarks of an image")
    def infer(
        *,
        model: str,
        image: str = "",
        session_id: str = "",
        params: Annotated[str, Form()] = "{}",
        file: Annotated[UploadFile | None, File()] = None,
        output: Literal["all", "json", "image", "dicom_seg"] = "all",
        user: AnyUser,
    ) -> Response:
        if output == "dicom_seg":
            raise ParameterError("Landmarks are not a segmentation: use output=all, json or image.")
        options = _options(params)
        answer = _predict(service, app, model, image, session_id, file)
        if options.get("save_label"):
            if file is not None or session_id:
                raise ParameterError("params.save_label works for images of the studies folder only.")
            service.store_proposal(model, answer)
        return _response(answer, output)

    return router


def _options(params: str) -> dict[str, Any]:
    options = parse_params(params)
    for name in FIXED:
        if name in options:
            raise ParameterError(f"params.{name} cannot override the request: remove it.")
    if options.get("label_tag", "original") != "original":
        raise ParameterError(f"A prediction is kept under the tag 'original', not {options['label_tag']!r:.80}.")
    return options


def _predict(
    service: LandmarkService, app: Any, model: str, image: str, session_id: str, file: UploadFile | None
) -> Answer:
    service.infer_task(model)
    if file is not None:
        name = check_image_id(Path((file.filename or "").replace("\\", "/")).name)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(file.file.read())
            try:
                return service.infer_file(model, path, check_image_id(image or service.datastore.id_of(name)))
            except InputError as error:
                raise type(error)(str(error).replace(str(path), name)) from None
    if session_id:
        return service.infer_file(model, _session_image(app, session_id), session_id)
    if not image:
        raise ParameterError("State the image: ?image=ID, ?session_id=ID, or a form field 'file'.")
    return service.infer(model, image)


def _session_image(app: Any, session_id: str) -> Path:
    sessions = app.sessions()
    known = re.fullmatch(r"[A-Za-z0-9_-]{1,100}", session_id) is not None and sessions is not None
    session = sessions.get_session(session_id) if known else None
    if session is None:
        raise NotFoundError(f"There is no session {session_id[:100]!r}; it may have expired: create it again.")
    path = Path(session.image)
    if not path.is_file():
        raise InputError(f"The session {session_id} holds several files; landmarks are found in one 2D image file.")
    return path


def _response(answer: Answer, output: str) -> Response:
    if output == "json":
        return JSONResponse(answer.document)
    if output == "image":
        header = {"content-disposition": f"attachment; filename*=utf-8''{quote(answer.file_name)}"}
        return Response(answer.markups, media_type=MARKUPS_TYPE, headers=header)
    encoder = MultipartEncoder(
        {
            "params": (None, json.dumps(answer.document, allow_nan=False), "application/json"),
            "image": (answer.file_name, answer.markups, MARKUPS_TYPE),
        }
    )
    return Response(encoder.to_string(), media_type=encoder.content_type)
