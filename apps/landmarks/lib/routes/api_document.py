"""The description of all addresses that ``/docs`` shows and ``/openapi.json`` gives."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field

import monai_ext


class Problem(BaseModel):
    """Why a request is not answered."""

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
