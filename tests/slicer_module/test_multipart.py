"""The multipart writer and reader against those of other libraries."""

from __future__ import annotations

import email
import email.policy
import json
from typing import Any

import pytest
from LandmarkDetectionLib.errors import BadAnswer
from LandmarkDetectionLib.server.http_client import decode, encode

#: What a careless reader would take for a boundary, a header end or text.
NASTY = b"\r\n--x\r\n\r\n--\r\n\x00\xff\n\r--boundary--\r\n"


def written(*form: Any) -> tuple[str, bytes]:
    content_type, parts = encode(*form)
    return content_type, b"".join(parts)


def test_body_is_what_the_standard_librarys_parser_reads() -> None:
    content_type, body = written({"params": '{"ä": 1}'}, "label", "a.mrk.json", b'{"b": 2}')
    message = email.message_from_bytes(
        f"Content-Type: {content_type}\r\n\r\n".encode() + body, policy=email.policy.HTTP
    )
    params, label = message.iter_parts()
    assert params.get_param("name", header="Content-Disposition") == "params"
    assert params.get_filename() is None
    assert params.get_payload(decode=True) == '{"ä": 1}'.encode()
    assert (label.get_filename(), label.get_payload(decode=True)) == ("a.mrk.json", b'{"b": 2}')


@pytest.mark.parametrize("name", ["a b.png", 'quo"te.png', "Müller.nii.gz", "line\r\nbreak.png", "日本.dcm"])
@pytest.mark.parametrize("content", [b"", NASTY, b"\r\n"], ids=["empty", "nasty", "line break"])
def test_server_reads_names_and_bytes_as_sent(name: str, content: bytes) -> None:
    starlette = pytest.importorskip("starlette.applications")
    from starlette.responses import Response
    from starlette.routing import Route
    from starlette.testclient import TestClient

    seen = {}

    async def read(request: Any) -> Any:
        form = await request.form()
        seen.update(text=form["params"], name=form["file"].filename, content=await form["file"].read())
        return Response()

    web = starlette.Starlette(routes=[Route("/", read, methods=["POST"])])
    content_type, body = written({"params": "tèxt"}, "file", name, content)
    response = TestClient(web).post("/", content=body, headers={"Content-Type": content_type})
    assert response.status_code == 200, response.text
    escaped = name.replace('"', "%22").replace("\r\n", "%0D%0A")
    assert seen == {"text": "tèxt", "name": escaped, "content": content}


def test_reader_takes_what_the_server_writes() -> None:
    toolbelt = pytest.importorskip("requests_toolbelt")
    document = json.dumps({"a": [1, 2]})
    encoder = toolbelt.MultipartEncoder(
        {"params": (None, document, "application/json"), "image": ("Mü ller.mrk.json", NASTY, "application/json")}
    )
    parts = decode(encoder.content_type, encoder.to_string())
    assert list(parts) == ["params", "image"]
    assert json.loads(parts["params"]) == {"a": [1, 2]}
    assert parts["image"] == NASTY


def test_round_trip_of_every_byte() -> None:
    content = bytes(range(256)) + NASTY
    assert decode(*written({"a": "1"}, "b", "c", content)) == {"a": b"1", "b": content}


def test_preamble_and_epilogue_are_no_parts() -> None:
    body = b'ignored\r\n--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--b--\r\nignored too'
    assert decode('multipart/form-data; boundary="b"', body)["x"] == b"1"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--b--"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1'),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--b\r\n'),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="x"\r\n--b--\r\n'),
    ],
)
def test_damaged_bodies_are_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(BadAnswer):
        decode(content_type, body)
