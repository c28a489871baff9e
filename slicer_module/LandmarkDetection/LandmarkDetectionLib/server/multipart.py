"""multipart/form-data, written and read (RFC 7578); the standard library's own reader is gone since Python 3.13."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from email.message import Message
from email.parser import BytesHeaderParser
from typing import NamedTuple

from ..errors import BadAnswer
from ..words import tr as _


class Part(NamedTuple):
    """One part of a multipart body.

    Attributes:
        name: of the form field.
        content: its bytes.
        file_name: None for a plain field.
        content_type: e.g. ``application/json``.
    """

    name: str
    content: bytes
    file_name: str | None = None
    content_type: str = "text/plain"


def encode(fields: Mapping[str, str], files: Mapping[str, tuple[str, bytes]]) -> tuple[str, bytes]:
    """A request's content type and body.

    Args:
        fields: text by field name.
        files: (file name, content) by field name.

    Returns:
        The value of the ``Content-Type`` header, with the boundary, and the body.
    """
    parts = [(f'name="{_quoted(name)}"', "", text.encode("utf-8")) for name, text in fields.items()]
    parts += [
        (f'name="{_quoted(name)}"; filename="{_quoted(file_name)}"', "application/octet-stream", content)
        for name, (file_name, content) in files.items()
    ]
    boundary = uuid.uuid4().hex
    while any(boundary.encode("ascii") in content for _, _, content in parts):
        boundary = uuid.uuid4().hex
    body = bytearray()
    for disposition, content_type, content in parts:
        body += f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n".encode()
        body += f"Content-Type: {content_type}\r\n".encode("ascii") if content_type else b""
        body += b"\r\n" + content + b"\r\n"
    body += f"--{boundary}--\r\n".encode("ascii")
    return f"multipart/form-data; boundary={boundary}", bytes(body)


def decode(content_type: str, body: bytes) -> dict[str, Part]:
    """The parts of an answer by field name; contents come out byte for byte.

    Args:
        content_type: the ``Content-Type`` header.
        body: the whole body.

    Raises:
        BadAnswer: it is no multipart body, was cut off, or a part has no name.
    """
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_boundary()
    if header.get_content_maintype() != "multipart" or not boundary:
        raise BadAnswer(
            _("The server answered with {kind!r} instead of a multipart body.").format(kind=content_type[:60])
        )
    delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
    sections = (b"\r\n" + body).split(delimiter)
    if len(sections) < 3 or not sections[-1].startswith(b"--"):
        raise BadAnswer(_("The server's answer was cut off; try again."))
    parts = {}
    for section in sections[1:-1]:
        part = _part(section)
        parts[part.name] = part
    return parts


def _part(section: bytes) -> Part:
    # Behind the delimiter: padding, a line break, the headers, an empty line, the content.
    head, separator, content = section.lstrip(b" \t").partition(b"\r\n\r\n")
    headers = BytesHeaderParser().parsebytes(head[2:])
    name = headers.get_param("name", header="Content-Disposition")
    if not separator or not isinstance(name, str):
        raise BadAnswer(_("A part of the server's answer has no name."))
    return Part(name, content, headers.get_filename(), headers.get_content_type())


def _quoted(text: str) -> str:
    """As browsers write names: UTF-8, with the three characters escaped that would end it."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
