"""Requests that a server must refuse, each with the status and the words of its answer."""

from __future__ import annotations

import json
from collections.abc import Sequence

from probe_request import MARKUPS, PNG, Probe, form, json_body, with_headers

MEGABYTE = 1024 * 1024
#: The server of the table is started with this limit.
MAX_BODY_MB = 2
_LABEL = "/datastore/label"
_IMAGE = "/datastore/image"

OUTSIDE: Sequence[Probe] = (
    Probe("infer: path as image", "POST /infer/spots?image=/etc/passwd", 404, "There is no image"),
    Probe("infer: traversal", "POST /infer/spots?image=..%2fcanary", 404, "There is no image"),
    Probe("infer: traversal with extension", "POST /infer/spots?image=../canary.png", 404, "There is no image"),
    Probe("infer: file address", "POST /infer/spots?image=file:///etc/passwd", 404, "There is no image"),
    Probe("infer: NUL in ID", "POST /infer/spots?image=spot_00%00", 404, "There is no image"),
    Probe("infer: overlong ID", f"POST /infer/spots?image={'a' * 5000}", 404, "There is no image"),
    Probe("infer: surrogate bytes in ID", "POST /infer/spots?image=%ED%A0%80", 404, "There is no image"),
    Probe("infer: twice encoded ID", "POST /infer/spots?image=spot%255F00", 404, "There is no image"),
    Probe("infer: two IDs", "POST /infer/spots?image=spot_00&image=spot_01", 422, "'image' is stated 2 times"),
    Probe("infer: no image", "POST /infer/spots", 422, "State the image"),
    Probe("infer: traversal in session", "POST /infer/spots?session_id=..%2f..%2fcanary", 404, "no session"),
    Probe("infer: unknown session", "POST /infer/spots?session_id=0123", 404, "create it again"),
    Probe("infer: unknown protocol", "POST /infer/ear?image=spot_00", 404, "there are spots"),
    Probe("infer: traversal in protocol", "POST /infer/..%2fspots?image=spot_00", 404, "no address"),
    Probe("infer: unknown output", "POST /infer/spots?image=spot_00&output=dicom", 422, "output"),
    Probe("infer: DICOM SEG", "POST /infer/spots?image=spot_00&output=dicom_seg", 422, "not a segmentation"),
    *(
        Probe(f"infer: params.{name}", "POST /infer/spots?image=spot_00", 422, f"params.{name} cannot", **body)
        for name in ("image", "model", "device", "path", "session")
        for body in [form(params=json.dumps({name: "/etc/passwd"}))]
    ),
    Probe(
        "infer: final proposal",
        "POST /infer/spots?image=spot_00",
        422,
        "under the tag 'original'",
        **form(params='{"save_label": true, "label_tag": "../x"}'),
    ),
    Probe("infer: NaN in params", "POST /infer/spots?image=spot_00", 422, "finite", **form(params='{"x": NaN}')),
    Probe("infer: 1e999 in params", "POST /infer/spots?image=spot_00", 422, "finite", **form(params='{"x": 1e999}')),
    Probe(
        "infer: surrogate in params",
        "POST /infer/spots?image=spot_00",
        422,
        "not Unicode",
        **form(params='{"x": "\\ud800"}'),
    ),
    Probe(
        "infer: deep params",
        "POST /infer/spots?image=spot_00",
        422,
        "nested",
        **form(params="[" * 100_000 + "]" * 100_000),
    ),
    Probe("infer: params a list", "POST /infer/spots?image=spot_00", 422, "JSON object", **form(params="[1]")),
    Probe("infer: file with a path", "POST /infer/spots", 400, "damaged", **form(("file", "../../canary.png", b"x"))),
    Probe("infer: empty file", "POST /infer/spots", 400, "empty", **form(("file", "eye.png", b""))),
    Probe("infer: file of no image type", "POST /infer/spots", 400, "x.sh", **form(("file", "x.sh", b"#!/bin/sh"))),
    Probe("infer: cut file", "POST /infer/spots", 400, "eye.png", **form(("file", "eye.png", PNG[:200]))),
    Probe("infer: damaged image of the studies", "POST /infer/spots?image=broken", 400, "broken.png"),
    Probe("infer: JSON instead of a form", "POST /infer/spots?image=spot_00", 415, "form", **json_body({})),
)

LABELS: Sequence[Probe] = (
    Probe("label: path as image", f"PUT {_LABEL}?image=/etc/passwd", 404, "image", **form(("label", "l", MARKUPS))),
    Probe("label: traversal", f"PUT {_LABEL}?image=../canary", 404, "image", **form(("label", "l", MARKUPS))),
    Probe(
        "label: traversal in tag",
        f"PUT {_LABEL}?image=spot_01&tag=../../canary",
        400,
        "use one of final, draft, original",
        **form(("label", "l", MARKUPS)),
    ),
    Probe(
        "label: absolute tag",
        f"PUT {_LABEL}?image=spot_01&tag=/canary",
        400,
        "use one of",
        **form(("label", "l", MARKUPS)),
    ),
    Probe("label: empty file", f"PUT {_LABEL}?image=spot_01", 400, "spot_01.mrk.json", **form(("label", "l", b""))),
    Probe("label: garbage", f"PUT {_LABEL}?image=spot_01", 400, "spot_01", **form(("label", "l", b"\x00\xff" * 500))),
    Probe("label: no landmark", f"PUT {_LABEL}?image=spot_01", 400, "no landmark", **form(("label", "l", MARKUPS))),
    Probe(
        "label: deep JSON",
        f"PUT {_LABEL}?image=spot_01",
        400,
        "spot_01",
        **form(("label", "l", b"[" * 100_000 + b"]" * 100_000)),
    ),
    Probe(
        "label: unknown names",
        f"PUT {_LABEL}?image=spot_01",
        400,
        "match no served protocol",
        **form(("label", "l", MARKUPS.replace(b"[]", b'[{"label": "ear", "position": [0, 0, 0]}]'))),
    ),
    Probe(
        "label: NaN position",
        f"PUT {_LABEL}?image=spot_01",
        400,
        "",
        **form(("label", "l", MARKUPS.replace(b"[]", b'[{"label": "dim", "position": [NaN, 0, 0]}]'))),
    ),
    Probe("label: no file", f"PUT {_LABEL}?image=spot_01", 422, "label", **form(params="{}")),
    Probe("label: damaged image", f"PUT {_LABEL}?image=broken", 400, "broken.png", **form(("label", "l", MARKUPS))),
    Probe("label: read by a path", f"GET {_LABEL}?label=../canary&tag=final", 404, "has no label"),
    Probe("label: read by a tag", f"GET {_LABEL}?label=spot_00&tag=../final", 404, "has no label"),
    Probe("label: history by a path", f"GET {_LABEL}/history?image=../canary&tag=../x", 404, ""),
    Probe("label: restored by a path", f"POST {_LABEL}/restore?image=spot_00&version=..%2f..%2fcanary", 404, "version"),
    Probe("label: unknown, deleted", f"DELETE {_LABEL}?id=spot_00&tag=..%2f..", 404, "has no label"),
    Probe("label: NaN in info", f"PUT {_LABEL}/info?label=spot_00&tag=final", 422, "finite", **form(info='{"x": NaN}')),
    Probe("label: info of another", f"PUT {_LABEL}/info?label=x&tag=final", 404, "has no label", **form(info="{}")),
)

IMAGES: Sequence[Probe] = (
    Probe(
        "image: traversal in ID",
        f"PUT {_IMAGE}?image=../x",
        400,
        "cannot be an image ID",
        **form(("file", "x.png", PNG)),
    ),
    Probe(
        "image: NUL in ID", f"PUT {_IMAGE}?image=x%00y", 400, "cannot be an image ID", **form(("file", "x.png", PNG))
    ),
    Probe(
        "image: hidden ID", f"PUT {_IMAGE}?image=.lock", 400, "cannot be an image ID", **form(("file", "x.png", PNG))
    ),
    Probe("image: overlong ID", f"PUT {_IMAGE}?image={'x' * 300}", 400, "cannot be", **form(("file", "x.png", PNG))),
    Probe("image: absolute ID", f"PUT {_IMAGE}?image=%2fcanary", 400, "cannot be", **form(("file", "x.png", PNG))),
    Probe("image: wrong extension", f"PUT {_IMAGE}", 400, "x.tar.gz", **form(("file", "x.tar.gz", PNG))),
    Probe("image: empty", f"PUT {_IMAGE}", 400, "empty", **form(("file", "x.png", b""))),
    Probe("image: garbage", f"PUT {_IMAGE}", 400, "x.png", **form(("file", "x.png", b"garbage" * 100))),
    Probe("image: cut short", f"PUT {_IMAGE}", 400, "x.png", **form(("file", "x.png", PNG[:-60]))),
    Probe("image: NIfTI of garbage", f"PUT {_IMAGE}", 400, "x.nii.gz", **form(("file", "x.nii.gz", b"\x1f\x8b" * 99))),
    Probe("image: no file", f"PUT {_IMAGE}", 422, "file", **form(params="{}")),
    Probe("image: two files", f"PUT {_IMAGE}", 422, "2 times", **form(("file", "a.png", PNG), ("file", "b.png", PNG))),
    Probe(
        "image: deep info",
        f"PUT {_IMAGE}",
        422,
        "nested",
        **form(("file", "x.png", PNG), params='{"a":' * 99 + "1" + "}" * 99),
    ),
    Probe("image: text", f"PUT {_IMAGE}", 415, "form", b"hello", {"Content-Type": "text/plain"}),
    Probe("image: read by a path", f"GET {_IMAGE}?image=/etc/passwd", 404, "There is no image"),
    Probe("image: frame by a path", f"GET {_IMAGE}/frame?image=../canary", 404, "There is no image"),
    Probe("image: frame of a damaged one", f"GET {_IMAGE}/frame?image=broken", 400, "broken.png"),
    Probe("image: unknown, deleted", f"DELETE {_IMAGE}?id=../canary", 404, "There is no image"),
    Probe("image: info of a path", f"PUT {_IMAGE}/info?image=/etc", 404, "There is no image", **form(info="{}")),
    Probe("images: negative offset", "GET /datastore/images?offset=-1", 422, "offset"),
    Probe("images: unknown state", "GET /datastore/images?state=lost", 422, "state"),
    Probe("images: paths of the server", "GET /datastore/?output=train", 422, "output"),
)

SESSIONS: Sequence[Probe] = (
    Probe(
        "session: archive to unpack",
        "PUT /session/?uncompress=true",
        422,
        "not unpacked",
        **form(("files", "x.tar", b"x")),
    ),
    Probe("session: archive", "PUT /session/", 400, "archives", **form(("files", "x.tar", b"x"))),
    Probe(
        "session: two files",
        "PUT /session/",
        422,
        "one 2D image",
        **form(("files", "a.png", PNG), ("files", "b.png", PNG)),
    ),
    Probe("session: garbage", "PUT /session/", 400, "a.png", **form(("files", "a.png", b"garbage"))),
    Probe("session: empty", "PUT /session/", 400, "empty", **form(("files", "a.png", b""))),
    Probe("session: path in name", "PUT /session/", 400, "canary.png", **form(("files", "../../canary.png", b"x"))),
    Probe("session: negative expiry", "PUT /session/?expiry=-1", 422, "expiry", **form(("files", "a.png", PNG))),
    Probe("session: no file", "PUT /session/", 422, "files", **form(x="1")),
    Probe("session: traversal", "GET /session/..%2f..%2fcanary", 404, "no address"),
    Probe("session: dots", "GET /session/..?image=true", 404, "no session"),
    Probe("session: unknown, deleted", "DELETE /session/..", 404, "no session"),
)

TASKS: Sequence[Probe] = (
    Probe("train: unknown protocol", "POST /train/ear", 404, "'ear'", **json_body({})),
    Probe("train: traversal", "POST /train/..%2fcanary", 404, "no address", **json_body({})),
    Probe("train: unknown parameter", "POST /train/spots", 422, "'name' is unknown", **json_body({"name": "../x"})),
    Probe("train: negative", "POST /train/spots", 422, "max_epochs", **json_body({"max_epochs": -1})),
    Probe("train: NaN", "POST /train/spots", 422, "", **json_body('{"learning_rate": NaN}')),
    Probe("train: a list", "POST /train/spots", 422, "dictionary", **json_body([1])),
    Probe("train: no JSON", "POST /train/spots", 422, "JSON", **json_body("{")),
    Probe("train: deep JSON", "POST /train/spots", 400, "cannot be read", **json_body("[" * 100_000 + "]" * 100_000)),
    Probe(
        "train: nested parameter", "POST /train/spots", 422, "", **json_body('{"seed":' + "[" * 400 + "]" * 400 + "}")
    ),
    Probe("train: text", "POST /train/spots", 422, "", b"max_epochs=3", {"Content-Type": "text/plain"}),
    Probe("train: large JSON", "POST /train/spots", 413, "1 MB", **json_body({"seed": "x" * MEGABYTE})),
    Probe("train: nothing runs", "GET /train/?check_if_running=true", 404, "No training runs"),
    Probe("train: unknown protocol, stopped", "DELETE /train/..%2fspots", 404, "no address"),
    Probe("next: unknown strategy", "POST /activelearning/psychic", 404, "first, random", **json_body({})),
    Probe("next: deep JSON", "POST /activelearning/first", 400, "cannot be read", **json_body("[" * 100_000)),
    Probe("next: nested", "POST /activelearning/first", 422, "nested", **json_body('{"a":' * 50 + "1" + "}" * 50)),
    Probe("next: surrogate", "POST /activelearning/first", 422, "Unicode", **json_body('{"client_id": "\\udfff"}')),
    Probe(
        "next: wrong bytes",
        "POST /activelearning/first",
        400,
        "cannot be read",
        b'{"a": "\xff"}',
        {"Content-Type": "application/json"},
    ),
    Probe("scoring: unknown", "POST /scoring/dice", 404, "'dice'", **json_body({})),
    Probe("batch: unknown protocol", "POST /batch/infer/ear", 404, "'ear'", **json_body({})),
    Probe("batch: unknown images", "POST /batch/infer/spots?images=../x", 422, "images", **json_body({})),
    Probe("batch: final", "POST /batch/infer/spots", 422, "never replace", **json_body({"label_tag": "final"})),
    Probe("batch: command", "POST /batch/infer/spots", 422, "'bundle_path'", **json_body({"bundle_path": "/x"})),
    Probe("batch: wrong type", "POST /batch/infer/spots", 422, "max_workers", **json_body({"max_workers": "many"})),
    Probe(
        "batch: unknown level", "POST /batch/infer/spots?run_sync=true", 422, "logging", **json_body({"logging": "X"})
    ),
    Probe("batch: infinite", "POST /batch/infer/spots", 422, "finite", **json_body('{"max_workers": Infinity}')),
)

CLOSED: Sequence[Probe] = (
    Probe("closed: reload", "POST /reload", 403, "--conf allow reload"),
    Probe("closed: log", "GET /logs/", 403, "--conf allow logs"),
    Probe("closed: GPU", "GET /logs/gpu", 404, "no address"),
    Probe("closed: weights", "GET /model/spots", 403, "--conf allow model_download"),
    Probe("closed: weights of a path", "GET /model/..%2fspots", 404, "no address"),
    Probe("closed: checksum", "GET /model/info/spots", 403, "--conf allow model_download"),
    Probe("closed: all data", "GET /datastore/dataset", 403, "--conf allow dataset_download"),
    Probe("closed: new weights", "PUT /model/spots", 405, "published by training", **form(("file", "x.pt", b"x"))),
    Probe("closed: delete weights", "DELETE /model/spots", 405, "published by training"),
    Probe("closed: proxy", "GET /proxy/dicom/wado/http://127.0.0.1/", 404, "DICOM server"),
    Probe("closed: proxy, sent", "POST /proxy/dicom/qido/x", 404, "DICOM server", b"x"),
    Probe("closed: viewer", "GET /ohif/..%2f..%2fcanary", 404, "OHIF"),
    Probe("closed: files", "GET /static/ohif/index.html", 404, "no files"),
    Probe("closed: whole slides", "POST /infer/wsi/spots", 404, "POST /infer/PROTOCOL", **json_body({})),
    Probe("closed: whole slides 2", "POST /infer/wsi_v2/spots", 404, "POST /infer/PROTOCOL", **form(wsi="{}")),
    Probe("closed: sign-in", "POST /auth/token", 404, "Bearer", **form(username="a", password="b")),
    Probe("unknown address", "GET /admin", 404, "/docs"),
    Probe("traversal as address", "GET /../../etc/passwd", 404, "no address"),
    Probe("wrong method", "PUT /info/", 405, "it answers GET"),
    Probe("options", "OPTIONS /datastore/image", 405, "GET, HEAD, PUT, DELETE"),
    Probe("trace", "TRACE /info/", 405, "it answers GET"),
    Probe("invented method", "BREW /info/", 405, "it answers GET"),
)

STRANGERS: Sequence[Probe] = (
    Probe("foreign name", "GET /info/", 403, "call it 127.0.0.1", **with_headers(Host="rebound.example")),
    Probe("foreign name with port", "GET /info/", 403, "rebound", **with_headers(Host="rebound.example:8000")),
    Probe("loopback name as a part", "GET /info/", 403, "no name", **with_headers(Host="127.0.0.1.rebound.example")),
    Probe("name with a user", "GET /info/", 403, "no name", **with_headers(Host="localhost@rebound.example")),
    Probe("empty name", "GET /info/", 403, "no name", **with_headers(Host="")),
    Probe(
        "foreign page",
        "POST /train/spots",
        403,
        "'https://evil.example'",
        **with_headers(Origin="https://evil.example"),
    ),
    Probe("page of a file", "POST /train/spots", 403, "allow_origins", **with_headers(Origin="null")),
    Probe(
        "page of another port", "POST /train/spots", 403, "allow_origins", **with_headers(Origin="http://127.0.0.1:1")
    ),
    Probe(
        "question of a foreign page",
        "OPTIONS /datastore/label",
        403,
        "allow_origins",
        **with_headers(Origin="https://evil.example", Access_Control_Request_Method="PUT"),
    ),
    Probe("proxy", "GET /info/", 403, "proxy", **with_headers(X_Forwarded_For="127.0.0.1")),
    Probe("proxy, standard header", "GET /info/", 403, "proxy", **with_headers(Forwarded="for=127.0.0.1")),
    Probe("remote client behind a proxy", "GET /info/", 403, "own machine", **with_headers(X_Forwarded_For="10.1.2.3")),
)

BODIES: Sequence[Probe] = (
    Probe(
        "body over the limit",
        f"PUT {_IMAGE}",
        413,
        "more than the 2 MB",
        **form(("file", "x.png", bytes(3 * MEGABYTE))),
    ),
    Probe(
        "body over the limit in chunks",
        f"PUT {_IMAGE}",
        413,
        "more than the 2 MB",
        **form(("file", "x.png", bytes(3 * MEGABYTE))),
        chunked=True,
    ),
    Probe(
        "JSON over its limit in chunks", "POST /train/spots", 413, "1 MB", **json_body("1" * 2 * MEGABYTE), chunked=True
    ),
    Probe("field over the limit", "POST /infer/spots", 400, "cannot be read", **form(params="x" * (MEGABYTE + 1))),
    Probe(
        "thousands of fields", "POST /infer/spots", 400, "cannot be read", **form(**{f"f{i}": "1" for i in range(3000)})
    ),
    Probe(
        "thousands of files",
        "PUT /session/",
        400,
        "cannot be read",
        **form(*(("files", f"{i}.png", b"x") for i in range(3000))),
    ),
    Probe(
        "form without an end",
        f"PUT {_IMAGE}",
        422,
        "file",
        b"--x\r\n",
        {"Content-Type": "multipart/form-data; boundary=x"},
    ),
    Probe(
        "form that is none",
        f"PUT {_IMAGE}",
        400,
        "cannot be read",
        b"hello",
        {"Content-Type": "multipart/form-data; boundary=x"},
    ),
    Probe(
        "form without a boundary",
        f"PUT {_IMAGE}",
        400,
        "cannot be read",
        b"hello",
        {"Content-Type": "multipart/form-data"},
    ),
)

PROBES: tuple[Probe, ...] = (*OUTSIDE, *LABELS, *IMAGES, *SESSIONS, *TASKS, *CLOSED, *STRANGERS, *BODIES)
