"""Answers to bad requests, ``{"detail": one sentence}``, and the description of all addresses."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from monailabel.interfaces.exception import ImageNotFoundException, LabelNotFoundException, MONAILabelException
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

import monai_ext
from monai_ext.landmarks import InputError

from ..access.log_privacy import UNKNOWN
from ..access.middleware import METHODS
from ..errors import http_status
from .doors import why_absent

logger = logging.getLogger(__name__)


def add_error_answers(web: FastAPI) -> None:
    """Registers the answers; the server's middleware has to be built after it."""
    web.add_exception_handler(InputError, _bad_input)
    web.add_exception_handler(ImageNotFoundException, _not_found)
    web.add_exception_handler(LabelNotFoundException, _not_found)
    web.add_exception_handler(MONAILabelException, _refused)
    web.add_exception_handler(RequestValidationError, _bad_parameters)
    web.add_exception_handler(json.JSONDecodeError, _bad_json)
    web.add_exception_handler(HTTPException, _web_error)
    web.add_exception_handler(Exception, _failure)


def _answer(request: Request, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    # A lone surrogate, which JSON can carry in, cannot be encoded on the way out.
    sentence = sentence.encode("utf-8", "backslashreplace").decode("utf-8")
    # The sentence may hold an image ID or a value of the request: it goes to the client, not to the log.
    route = getattr(request.scope.get("route"), "path", None) or UNKNOWN
    logger.info("%s %s is answered with %d.", request.method, route, status)
    logger.debug("%s", sentence)
    return JSONResponse({"detail": sentence}, status_code=status, headers=headers)


async def _bad_input(request: Request, error: Exception) -> JSONResponse:
    status = http_status(error) if isinstance(error, InputError) else 400
    return _answer(request, status, str(error), getattr(error, "headers", None))


async def _not_found(request: Request, error: Exception) -> JSONResponse:
    return _answer(request, 404, str(getattr(error, "msg", error)))


async def _refused(request: Request, error: Exception) -> JSONResponse:
    return _answer(request, 400, str(getattr(error, "msg", error)))


async def _bad_json(request: Request, error: Exception) -> JSONResponse:
    return _answer(request, 400, f"The request holds text that is not JSON: {error}.")


async def _bad_parameters(request: Request, error: Exception) -> JSONResponse:
    errors = error.errors() if isinstance(error, RequestValidationError) else []
    parts = [f"{'.'.join(str(part)[:80] for part in e['loc'])}: {e['msg']}" for e in errors]
    return _answer(request, 422, f"The request is not understood: {'; '.join(parts)}.")


async def _web_error(request: Request, error: Exception) -> JSONResponse:
    """Returns what the web framework itself refuses: unknown addresses, wrong methods, bodies that it cannot read."""
    assert isinstance(error, HTTPException)
    path, method = request.url.path[:80], request.method
    if error.status_code == 404 and error.detail == "Not Found":
        sentence = why_absent(request.url.path) or f"There is no address {path}: /docs lists those there are."
    elif error.status_code == 405:
        allowed = ", ".join(_methods(request))
        sentence = f"{path} does not answer {method[:20]}; it answers {allowed}."
        return _answer(request, 405, sentence, {"allow": allowed})
    elif error.status_code == 400:
        sentence = f"The body of the request cannot be read ({str(error.detail).rstrip('.')})."
    else:
        sentence = f"{str(error.detail).rstrip('.')}."
    return _answer(request, error.status_code, sentence, error.headers)


def _methods(request: Request) -> list[str]:
    """The methods that the address of a request answers."""
    routes = request.app.router.routes
    scopes = {method: {**request.scope, "method": method} for method in METHODS}
    return [m for m, scope in scopes.items() if any(route.matches(scope)[0] is Match.FULL for route in routes)]


async def _failure(request: Request, error: Exception) -> JSONResponse:
    return _answer(request, 500, "The server failed on this request; its log says why.")


class Problem(BaseModel):
    """Refusal of a request."""

    detail: str = Field(description="One sentence that says what to do.")


_REASONS = {
    400: "What was sent cannot be used",
    401: "The token is missing or wrong",
    403: "This client, web page or door is not let in",
    404: "What the request names does not exist",
    405: "The address does not answer this method",
    409: "The state of the server does not allow it now",
    413: "The request holds too much",
    415: "The body is of the wrong kind",
    422: "A parameter has a wrong name, type or value",
    429: "Too much is going on: try again later",
    503: "The server did not get to it in time: try again later",
    507: "The studies folder takes no more data; nothing was changed",
}
#: The refusals that every route shares.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": reason} for status, reason in _REASONS.items()
}
_DESCRIPTION = (
    "Finds anatomical landmarks in 2D images, keeps the corrected points and learns from them. "
    'Every refused request is answered with `{"detail": "one sentence that says what to do"}`.'
)


def describe(web: FastAPI, *, asks_for_token: bool) -> None:
    """Names the server in its description, and says there that it asks for a token."""
    web.title = "Landmark detection"
    web.version = monai_ext.__version__
    web.description = _DESCRIPTION
    make = type(web).openapi

    def openapi() -> dict[str, Any]:
        if web.openapi_schema is None:
            document = make(web)
            if asks_for_token:
                schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
                schemes["token"] = {"type": "http", "scheme": "bearer"}
                document["security"] = [{"token": []}]
            web.openapi_schema = document
        return web.openapi_schema

    web.openapi_schema = None
    web.openapi = openapi  # type: ignore[method-assign]
