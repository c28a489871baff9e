"""Every bad request is answered with a 4xx status and ``{"detail": one sentence}``."""

from __future__ import annotations

import json
import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from monailabel.interfaces.exception import ImageNotFoundException, LabelNotFoundException, MONAILabelException

from monai_ext.landmarks import InputError

from ..errors import http_status

logger = logging.getLogger(__name__)


def add_error_answers(web: FastAPI) -> None:
    """Registers the answers; the server's middleware has to be built after it."""
    web.add_exception_handler(InputError, _bad_input)
    web.add_exception_handler(ImageNotFoundException, _not_found)
    web.add_exception_handler(LabelNotFoundException, _not_found)
    web.add_exception_handler(MONAILabelException, _refused)
    web.add_exception_handler(RequestValidationError, _bad_parameters)
    web.add_exception_handler(json.JSONDecodeError, _bad_json)


def _answer(request: Request, status: int, sentence: str) -> JSONResponse:
    # A lone surrogate, which JSON can carry in, cannot be encoded on the way out.
    sentence = sentence.encode("utf-8", "backslashreplace").decode("utf-8")
    logger.info("%s %s is answered with %d: %s", request.method, request.url.path, status, sentence)
    return JSONResponse({"detail": sentence}, status_code=status)


async def _bad_input(request: Request, error: Exception) -> JSONResponse:
    status = http_status(error) if isinstance(error, InputError) else 400
    return _answer(request, status, str(error))


async def _not_found(request: Request, error: Exception) -> JSONResponse:
    return _answer(request, 404, str(getattr(error, "msg", error)))


async def _refused(request: Request, error: Exception) -> JSONResponse:
    return _answer(request, 400, str(getattr(error, "msg", error)))


async def _bad_json(request: Request, error: Exception) -> JSONResponse:
    return _answer(request, 400, f"The request holds text that is not JSON: {error}.")


async def _bad_parameters(request: Request, error: Exception) -> JSONResponse:
    errors = error.errors() if isinstance(error, RequestValidationError) else []
    parts = [f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in errors]
    return _answer(request, 422, f"The request is not understood: {'; '.join(parts)}.")
