"""One request as it goes over the wire, and what it must be answered with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO

from app_spots import spot_image
from urllib3.filepost import encode_multipart_formdata


@dataclass(frozen=True)
class Probe:
    """One request and what it must be answered with.

    Attributes:
        name: what is tried.
        request: method and target, as they go over the wire.
        status: of the answer.
        words: in the sentence of the answer.
        body: what is sent.
        headers: with it.
        chunked: without saying how long it is.
    """

    name: str
    request: str
    status: int
    words: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    chunked: bool = False


def form(*files: tuple[str, str, bytes], **fields: str) -> dict[str, object]:
    """Body and headers of a form: files are (field, file name, content)."""
    parts: list[tuple[str, object]] = list(fields.items())
    parts += [(name, (file_name, content, "application/octet-stream")) for name, file_name, content in files]
    body, kind = encode_multipart_formdata(parts)
    return {"body": body, "headers": {"Content-Type": kind}}


def json_body(document: object | str) -> dict[str, object]:
    text = document if isinstance(document, str) else json.dumps(document)
    return {"body": text.encode(), "headers": {"Content-Type": "application/json"}}


def png(index: int = 5) -> bytes:
    stream = BytesIO()
    spot_image(index).save(stream, "PNG")
    return stream.getvalue()


def with_headers(**headers: str) -> dict[str, object]:
    return {"headers": {name.replace("_", "-"): value for name, value in headers.items()}}


MARKUPS = b'{"markups": [{"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": []}]}'
PNG = png()
