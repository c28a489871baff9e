"""The client of a landmarks server over HTTP."""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Mapping
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import urllib3

from ..errors import BadAnswer, ClientError
from ..words import tr as _
from .address import parse_address
from .client import NextSample
from .geometry import Calibration, Geometry
from .images import ImageEntry, ImageList, LabelVersion
from .json_fields import as_list, as_object, as_text
from .prediction import Answer
from .server_info import ServerInfo
from .transport import MEGABYTE, Body, Timeouts, Transport

_PAGE = 1000
_IMAGE_LIMIT = 4096 * MEGABYTE
#: Characters that a file name cannot hold on every system.
_UNUSABLE = '<>:"/\\|?*'


class HttpClient:
    """A :class:`~.client.LandmarkClient`. Each request has a connection of its own, straight to the server.

    Args:
        url: e.g. ``http://127.0.0.1:8000``; ``http://`` may be left out.
        token: the access token, sent as ``Authorization: Bearer``; it is in no error, log or ``repr``. Empty: none.
        timeouts: how long to wait.
        ca_file: certificates to trust instead of the system's, for a server with a certificate of its own.

    Raises:
        Unreachable: the address is none, or ``ca_file`` cannot be read.
        WrongToken: the token has characters that cannot be sent.
    """

    def __init__(
        self, url: str, token: str = "", timeouts: Timeouts | None = None, ca_file: str | Path | None = None
    ) -> None:
        self._address = parse_address(url)
        self._transport = Transport(self._address, token, timeouts or Timeouts(), ca_file)
        self._sends_token = bool(token)
        self.annotator = ""

    def __repr__(self) -> str:
        return f"HttpClient({self.url!r})"

    @property
    def url(self) -> str:
        return self._address.url

    @property
    def exposes_token(self) -> bool:
        """True where the token crosses a network in clear text."""
        return self._sends_token and not self._address.tls and not self._address.is_this_machine

    def cancel(self) -> None:
        self._transport.cancel()

    def info(self) -> ServerInfo:
        return ServerInfo.from_dict(self._transport.json("GET", "/info/"))

    def images(self, search: str = "", state: str = "") -> ImageList:
        entries: list[ImageEntry] = []
        while True:
            query = self._mine({"search": search, "state": state, "offset": str(len(entries)), "limit": str(_PAGE)})
            answer = self._transport.json("GET", "/datastore/images", {k: v for k, v in query.items() if v})
            page = as_list(as_object(answer, "The list of images").get("images"), "The list of images")
            entries += [ImageEntry.from_dict(item) for item in page]
            if len(page) < _PAGE:
                counts = as_object(answer.get("states", {}), "The list of images: states")
                return ImageList(tuple(entries), {name: int(count) for name, count in counts.items()})

    def frame(self, image: str) -> Geometry:
        return Geometry.from_dict(self._transport.json("GET", "/datastore/image/frame", {"image": image}))

    def infer(self, task: str, image: str, keep: bool = False) -> Answer:
        form = encode({"params": json.dumps({"save_label": True})}) if keep else None
        content_type, body = self._transport.body(
            "POST", f"/infer/{quote(task, safe='')}", {"image": image}, form, predicting=True
        )
        parts = decode(content_type, body)
        if "params" not in parts or "image" not in parts:
            raise BadAnswer(_("The server's prediction lacks its points or its numbers: check its version."))
        return Answer(as_object(_json(parts["params"]), "The prediction"), parts["image"])

    def next_sample(self, strategy: str, params: Mapping[str, Any] | None = None) -> NextSample:
        # A strategy may have to predict every image first.
        found = self._transport.json(
            "POST", f"/activelearning/{quote(strategy, safe='')}", {}, _json_body(params), predicting=True
        )
        entry = as_object(found, "The next sample")
        if "id" in entry:
            return NextSample(as_text(entry["id"], "The next sample's id"), str(entry.get("note") or ""))
        return NextSample(None, str(entry.get("message") or _("There is no image left to label.")))

    def save_label(self, image: str, markups: bytes, params: Mapping[str, Any], tag: str = "final") -> dict[str, Any]:
        form = encode({"params": json.dumps(dict(params), allow_nan=False)}, "label", "label.mrk.json", markups)
        answer = self._transport.json("PUT", "/datastore/label", {"image": image, "tag": tag}, form)
        return as_object(as_object(answer, "The saved label").get("info", {}), "The saved label's info")

    def download_label(self, image: str, tag: str) -> bytes:
        return self._transport.body("GET", "/datastore/label", self._mine({"label": image, "tag": tag}))[1]

    def label_info(self, image: str, tag: str) -> dict[str, Any]:
        answer = self._transport.json("GET", "/datastore/label/info", self._mine({"label": image, "tag": tag}))
        return as_object(answer, "The label's info")

    def label_versions(self, image: str, tag: str) -> tuple[LabelVersion, ...]:
        return LabelVersion.list_from(
            self._transport.json("GET", "/datastore/label/history", self._mine({"image": image, "tag": tag}))
        )

    def restore_label(self, image: str, tag: str, version: str) -> dict[str, Any]:
        query = self._mine({"image": image, "tag": tag, "version": version})
        answer = self._transport.json("POST", "/datastore/label/restore", query)
        return as_object(as_object(answer, "The restored label").get("info", {}), "The restored label's info")

    def _mine(self, query: dict[str, str]) -> dict[str, str]:
        """Adds the annotator, whose labels are meant, to a query."""
        return {**query, "annotator": self.annotator} if self.annotator else query

    def download_image(self, image: str, folder: Path) -> Path:
        """Writes the image file, which appears in the folder when it is complete."""
        with self._transport.answer("GET", "/datastore/image", {"image": image}) as (headers, chunks):
            target = Path(folder) / _file_name(headers.get("Content-Disposition", ""))
            partial = None
            try:
                with tempfile.NamedTemporaryFile(dir=folder, prefix=".download-", delete=False) as file:
                    partial = file.name
                    for chunk in chunks(_IMAGE_LIMIT):
                        file.write(chunk)
                os.replace(partial, target)
            except OSError as error:
                raise ClientError(
                    _("{target} cannot be written: {reason}.").format(target=target, reason=error.strerror or error)
                ) from None
            finally:
                if partial is not None and os.path.exists(partial):
                    os.unlink(partial)
        return target

    def upload_image(self, path: Path, image: str = "") -> str:
        try:
            Path(path).open("rb").close()
        except OSError as error:
            raise ClientError(
                _("{path} cannot be read: {reason}.").format(path=path, reason=error.strerror or error)
            ) from None
        form = encode({}, "file", Path(path).name, Path(path))
        answer = self._transport.json("PUT", "/datastore/image", {"image": image} if image else {}, form)
        return as_text(as_object(answer, "The uploaded image").get("image"), "The uploaded image's id")

    def calibration(self, image: str) -> Calibration:
        return self._calibration("GET", image)

    def state_calibration(self, image: str, statement: Mapping[str, Any]) -> Calibration:
        return self._calibration("PUT", image, _json_body(statement))

    def undo_calibration(self, image: str) -> Calibration:
        return self._calibration("POST", image, None, "/undo")

    def withdraw_calibration(self, image: str) -> Calibration:
        return self._calibration("DELETE", image)

    def _calibration(self, method: str, image: str, body: Any = None, end: str = "") -> Calibration:
        path = f"/datastore/image/calibration{end}"
        return Calibration.from_dict(self._transport.json(method, path, {"image": image}, body))

    def study_measurements(self, protocol: str) -> bytes:
        query = {"protocol": protocol, "output": "csv"}
        return self._transport.body("GET", "/datastore/measurements", query)[1]

    def landmark_picture(self, protocol: str, landmark: str) -> bytes:
        path = f"/protocol/{quote(protocol, safe='')}/picture/{quote(landmark, safe='')}"
        return self._transport.body("GET", path)[1]

    def train(self, task: str, options: Mapping[str, Any] | None = None) -> None:
        self._transport.json("POST", f"/train/{quote(task, safe='')}", {}, _json_body(options))

    def stop_training(self) -> None:
        self._transport.body("DELETE", "/train/")


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise BadAnswer(_("The server's answer is not JSON: check that the address is a landmarks server.")) from None


def _json_body(document: Mapping[str, Any] | None) -> Body:
    return "application/json", [json.dumps(dict(document or {}), allow_nan=False).encode("utf-8")]


def encode(fields: Mapping[str, str], name: str = "", file_name: str = "", content: bytes | Path = b"") -> Body:
    """A form (``multipart/form-data``, RFC 7578) of text fields and one file.

    Args:
        fields: text by field name.
        name: of the file's field; empty: no file.
        file_name: sent to the server.
        content: of the file, or where it lies: it is read while it is sent.
    """
    boundary = uuid.uuid4().hex
    mark = f"<{boundary}>".encode("ascii")
    file = {name: (file_name, mark, "application/octet-stream")} if name else {}
    body, content_type = urllib3.encode_multipart_formdata({**fields, **file}, boundary)
    head, _mark, tail = body.partition(mark)
    return content_type, [head, content, tail]


def decode(content_type: str, body: bytes) -> dict[str, bytes]:
    """The contents of a multipart answer by field name, byte for byte.

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
    sections = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1", "replace"))
    if len(sections) < 3 or not sections[-1].startswith(b"--"):
        raise BadAnswer(_("The server's answer was cut off; try again."))
    parts = {}
    for section in sections[1:-1]:
        # Behind the boundary: padding, a line break, the headers, an empty line, the content.
        head, separator, content = section.lstrip(b" \t").partition(b"\r\n\r\n")
        name = BytesHeaderParser().parsebytes(head[2:]).get_param("name", header="Content-Disposition")
        if not separator or not isinstance(name, str):
            raise BadAnswer(_("A part of the server's answer has no name."))
        parts[name] = content
    return parts


def _file_name(disposition: str) -> str:
    """The name that the server gives a file, without any folder.

    Raises:
        BadAnswer: it gives none.
    """
    header = Message()
    header["Content-Disposition"] = disposition
    name = (header.get_filename() or "").replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join("_" if c in _UNUSABLE or not c.isprintable() else c for c in name).strip(" ")
    if not name.strip("."):
        raise BadAnswer(_("The server sent an image file without a name."))
    return name
