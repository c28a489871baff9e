"""``POST /infer/{model}``: the landmarks of one image."""

from __future__ import annotations

import asyncio
import json
import re
from concurrent.futures import Future
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, File, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from requests_toolbelt import MultipartEncoder  # type: ignore[import-untyped]

from monai_ext.images import check_image_id, image_id
from monai_ext.landmarks import InputError

from ..errors import NotFoundError, ParameterError, TimedOutError
from ..inference import Reply
from ..service import LandmarkService
from .answers import Problem
from .requests import AnyUser, App, JsonText, Service, parse_params

router = APIRouter(tags=["Infer"])

#: What the address of a request says; ``params`` cannot say it differently.
FIXED = ("image", "model", "device", "path", "file", "session", "session_id")
MARKUPS_TYPE = "application/json"
#: The status, by custom, of a request whose client did not wait; it is not read.
CLIENT_GONE = 499
_TOO_SLOW: dict[int | str, dict[str, Any]] = {
    503: {"model": Problem, "description": "There was no prediction in time: try again later"}
}


@router.post("/infer/{model}", summary="Find the landmarks of an image", responses=_TOO_SLOW)
async def infer(  # a request that waits for its answer holds no thread, so that all others are answered meanwhile
    *,
    request: Request,
    service: Service,
    app: App,
    model: str,
    image: str = "",
    session_id: str = "",
    params: JsonText = "{}",
    file: Annotated[UploadFile | None, File()] = None,
    output: Literal["all", "json", "image", "dicom_seg"] = "all",
    user: AnyUser,
) -> Response:
    if output == "dicom_seg":
        raise ParameterError("Landmarks are not a segmentation: use output=all, json or image.")
    keep = bool(_options(params).get("save_label"))
    if keep and (file is not None or session_id):
        raise ParameterError("params.save_label works for images of the studies folder only.")
    future = await run_in_threadpool(_ask, service, app, model, image, session_id, file)
    answer = await wait_for_answer(request, future, service.desk.timeout)
    if answer is None:
        return Response(status_code=CLIENT_GONE)
    if keep:
        await run_in_threadpool(service.store_proposal, model, answer)
    return _response(answer, output)


def _options(params: str) -> dict[str, Any]:
    options = parse_params(params)
    for name in FIXED:
        if name in options:
            raise ParameterError(f"params.{name} cannot override the request: remove it.")
    if options.get("label_tag", "original") != "original":
        raise ParameterError(f"A prediction is stored under the tag 'original', not {options['label_tag']!r:.80}.")
    return options


def _ask(
    service: LandmarkService, app: Any, model: str, image: str, session_id: str, file: UploadFile | None
) -> Future[Reply]:
    service.infer_task(model)
    if file is not None:
        name = check_image_id(Path((file.filename or "").replace("\\", "/")).name)
        image = check_image_id(image or image_id(name) or name)  # what is no image is refused when it is read
        content = file.file
        return service.ask_file(model, image, Path(name), lambda path: path.write_bytes(content.read()))
    if session_id:
        return service.ask_file(model, session_id, _session_image(app, session_id))
    if not image:
        raise ParameterError("State the image: ?image=ID, ?session_id=ID, or a form field 'file'.")
    return service.ask(model, image)


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


async def wait_for_answer(request: Request, future: Future[Reply], seconds: float) -> Reply | None:
    """The answer of a future; None if the client went away meanwhile. A future that is given up is cancelled.

    Args:
        request: the request, whose body has been read.
        future: of the answer.
        seconds: how long to wait.

    Raises:
        TimedOutError: there was no answer in time.
    """
    answer = asyncio.wrap_future(future)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((answer, gone), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        if gone.done():
            return None
        raise TimedOutError(
            f"There was no prediction within {seconds:g} seconds: try again, or start the server with a larger "
            "--conf infer_timeout."
        )
    finally:
        future.cancel()
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _response(reply: Reply, output: str) -> Response:
    if output == "json":
        return JSONResponse(reply.document)
    if output == "image":
        header = {"content-disposition": f"attachment; filename*=utf-8''{quote(reply.file_name)}"}
        return Response(reply.markups, media_type=MARKUPS_TYPE, headers=header)
    encoder = MultipartEncoder(
        {
            "params": (None, json.dumps(reply.document, allow_nan=False), "application/json"),
            "image": (reply.file_name, reply.markups, MARKUPS_TYPE),
        }
    )
    return Response(encoder.to_string(), media_type=encoder.content_type)
