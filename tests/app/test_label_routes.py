"""Labels and images over HTTP, with real (untrained) weights and no server process."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from app_requests import assert_refused, client_of, image_file, publish_random, put_label
from app_spots import NAMES, spot_image, spot_points, write_label
from fastapi.testclient import TestClient

from monai_ext.images import read_frame
from monai_ext.landmarks import Status


def test_label_is_stored_as_sent_with_its_origin(app: Any, client: TestClient, upload: Callable[..., bytes]) -> None:
    version = publish_random(app)
    proposed = client.post("/infer/spots?image=spot_00&output=json").json()["landmarks"]
    content = upload()
    response = put_label(client, content, client_id="me")
    assert response.status_code == 200, response.text
    store = app.datastore()
    assert Path(store.get_label_uri("spot_00", "final")).read_bytes() == content
    info = store.get_label_info("spot_00", "final")
    moved = np.linalg.norm(np.array([entry["pixel"] for entry in proposed]) - spot_points(0), axis=1)
    assert (info["protocol"], info["model_version"], info["unit"]) == ("spots", version, "px")
    assert info["client_id"] == "me"
    np.testing.assert_allclose(list(info["displacement"].values()), moved, atol=1e-3)
    assert list(info["displacement"]) == list(NAMES)


def test_origin_is_known_after_a_restart_when_the_proposal_was_kept(
    app: Any, make_app: Callable[..., Any], client: TestClient, upload: Callable[..., bytes]
) -> None:
    version = publish_random(app)
    kept = client.post("/infer/spots?image=spot_00&output=json", data={"params": '{"save_label": true}'}).json()
    assert app.datastore().get_label_info("spot_00", "original")["model_version"] == version
    again = make_app(app.datastore().folder)
    info = put_label(client_of(again), upload()).json()["info"]
    moved = np.hypot(*(np.array(kept["landmarks"][0]["pixel"]) - spot_points(0)[0]))
    assert info["model_version"] == version
    assert info["displacement"]["bright"] == pytest.approx(moved, abs=1e-3)


def test_missing_landmark_and_draft_are_kept(app: Any, client: TestClient, upload: Callable[..., bytes]) -> None:
    status = [Status.DEFINED, Status.MISSING]
    assert put_label(client, upload(status=status)).status_code == 200
    nothing = upload(np.full((2, 2), np.nan), [Status.UNDEFINED] * 2)
    assert put_label(client, nothing, "spot_01", tag="draft").status_code == 200
    assert_refused(put_label(client, nothing, "spot_01"), 400, "Every landmark of the label is undefined")
    assert app.datastore().status()["label_tags"] == {"final": 1, "draft": 1}
    assert app.datastore().get_labeled_images() == ["spot_00"]


def _with(content: bytes, old: str, new: str) -> bytes:
    assert old in content.decode()
    return content.decode().replace(old, new).encode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: b"", "spot_00.mrk.json"),
        (lambda c: b"\x89PNG\r\n", "spot_00.mrk.json"),
        (lambda c: b"[" * 100_000, "spot_00.mrk.json"),
        (lambda c: b'{"markups": []}', "spot_00.mrk.json"),
        (lambda c: _with(c, '"bright"', '"nose"'), "match no served protocol"),
        (lambda c: _with(c, '"bright"', '"dim"'), "'dim' more than once"),
        (lambda c: _with(c, '"LPS"', '"RAS"'), "outside the image of 88 x 64 pixels"),
        (lambda c: _with(c, '"LPS"', '"XYZ"'), "coordinateSystem"),
    ],
)
def test_label_that_does_not_fit_is_refused_and_nothing_is_stored(
    app: Any, client: TestClient, upload: Callable[..., bytes], change: Callable[[bytes], bytes], words: str
) -> None:
    index = (app.datastore().folder / "datastore_v2.json").read_bytes()
    response = put_label(client, change(upload()))
    assert_refused(response, 400, words)
    assert "/tmp" not in response.json()["detail"]
    assert (app.datastore().folder / "datastore_v2.json").read_bytes() == index
    assert list((app.datastore().folder / "labels").rglob("*.*")) == []


def test_label_of_an_unknown_image_tag_or_protocol_is_refused(
    app: Any, client: TestClient, upload: Callable[..., bytes]
) -> None:
    assert_refused(put_label(client, upload(), "nobody"), 404, "There is no image 'nobody'")
    assert_refused(put_label(client, upload(), "/etc/passwd"), 404, "use an image ID")
    for tag in ("finale", "../up", "Final"):
        assert_refused(put_label(client, upload(), tag=tag), 400, "use one of final, draft, original")
    assert_refused(put_label(client, upload(), protocol="ear"), 404, "The protocol 'ear' is not served")
    assert_refused(put_label(client, upload(), protocol=7), 400, "params.protocol must be the name")
    response = client.put("/datastore/label?image=spot_00")
    assert response.status_code == 422
    assert "label" in response.json()["detail"]
    assert app.datastore().get_labeled_images() == []


@pytest.mark.parametrize("value", ["\ud800", [[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]])
def test_params_that_cannot_be_stored_are_refused(
    app: Any, client: TestClient, upload: Callable[..., bytes], value: object
) -> None:
    assert_refused(put_label(client, upload(), note=value), 422, "The field 'params' cannot be used")
    assert app.datastore().get_labeled_images() == []


class TwoProtocols(NamedTuple):
    """An app with two protocols, its client, and a label of spot_00 of each."""

    app: Any
    client: TestClient
    spots: bytes
    fundus: bytes


@pytest.fixture
def two(make_app: Callable[..., Any], make_studies: Callable[[int], Path], tmp_path: Path) -> Callable[..., Any]:
    def make(**conf: str) -> TwoProtocols:
        app = make_app(make_studies(1), protocols="spots,fundus", **conf)
        content = write_label(tmp_path / "l.mrk.json", image_file(app, "spot_00"), spot_points(0)).read_bytes()
        fundus = _with(_with(content, '"bright"', '"fovea"'), '"dim"', '"optic_disc"')
        return TwoProtocols(app, client_of(app), content, fundus)

    return make


@pytest.mark.parametrize("readers", ["1", "2"])
def test_draft_of_another_protocol_is_not_ended_by_a_final_label(two: Callable[..., Any], readers: str) -> None:
    app, client, spots, fundus = two(readers=readers)
    assert put_label(client, fundus, tag="draft", annotator="Ann").status_code == 200
    assert put_label(client, spots, annotator="Ann").status_code == 200
    assert b"fovea" in Path(app.datastore().get_label_uri("spot_00", "draft")).read_bytes()
    assert put_label(client, fundus, tag="draft", annotator="Ann").status_code == 200
    client.delete("/datastore/label", params={"id": "spot_00", "tag": "final", "annotator": "Ann"})
    assert put_label(client, fundus, annotator="Ann").status_code == 200
    assert "draft" not in app.datastore().objects["spot_00"].labels


@pytest.mark.parametrize("readers", ["1", "2"])
def test_earlier_version_does_not_replace_a_label_of_another_protocol(two: Callable[..., Any], readers: str) -> None:
    app, client, spots, fundus = two(readers=readers)
    asked = {"image": "spot_00", "annotator": "Ann"}
    put_label(client, spots, annotator="Ann")
    client.delete("/datastore/label", params={"id": "spot_00", "tag": "final", "annotator": "Ann"})
    put_label(client, fundus, annotator="Ann")
    (version,) = client.get("/datastore/label/history", params=asked).json()["versions"]
    answer = client.post("/datastore/label/restore", params={**asked, "version": version["version"]})
    assert_refused(answer, 409, "The final label of 'spot_00' belongs to the protocol fundus: delete it before")
    assert b"fovea" in Path(app.datastore().get_label_uri("spot_00", "final")).read_bytes()
    client.delete("/datastore/label", params={"id": "spot_00", "tag": "final", "annotator": "Ann"})
    answer = client.post("/datastore/label/restore", params={**asked, "version": version["version"]})
    assert answer.json()["info"]["protocol"] == "spots"
    assert "first_submission" not in answer.json()["info"]


def test_label_of_another_protocol_is_not_overwritten(two: Callable[..., Any]) -> None:
    app, client, content, fundus = two()
    assert put_label(client, fundus).json()["info"]["protocol"] == "fundus"
    assert_refused(put_label(client, content), 409, "belongs to the protocol fundus")
    assert b"fovea" in Path(app.datastore().get_label_uri("spot_00", "final")).read_bytes()


@pytest.mark.parametrize(
    ("size", "is_stated", "status"), [((88, 64), True, 200), ((64, 88), True, 409), ((88, 64), False, 409)]
)
def test_damaged_image_is_replaced_where_its_labels_were_made_on_such_a_one(
    app: Any, client: TestClient, upload: Callable[..., bytes], size: tuple[int, int], is_stated: bool, status: int
) -> None:
    put_label(client, upload())
    label, path = Path(app.datastore().get_label_uri("spot_00", "final")), image_file(app, "spot_00")
    if not is_stated:
        label.write_bytes(_with(label.read_bytes(), '"imageFrame"', '"formerFrame"'))
    before, damaged, picture = label.read_bytes(), path.read_bytes()[:20], io.BytesIO()
    path.write_bytes(damaged)
    spot_image(0, size).save(picture, "PNG")
    answer = client.put("/datastore/image", files={"file": ("spot_00.png", picture.getvalue())})
    assert answer.status_code == status, answer.text
    assert path.read_bytes() == (picture.getvalue() if status == 200 else damaged)
    assert label.read_bytes() == before
    if status == 409:
        assert_refused(answer, 409, "has labels that would not fit the new file")


def test_label_info_can_be_changed(app: Any, client: TestClient, upload: Callable[..., bytes]) -> None:
    put_label(client, upload())
    address = "/datastore/label/info?label=spot_00&tag=final"
    assert client.put(address, data={"info": '{"seen": 1}'}).status_code == 200
    assert app.datastore().get_label_info("spot_00", "final")["seen"] == 1
    assert_refused(client.put(address, data={"info": "nonsense"}), 422, "'info' must be a JSON object")
    missing = client.put("/datastore/label/info?label=spot_01&tag=final", data={"info": "{}"})
    assert_refused(missing, 404, "has no label 'final'")


def test_image_is_stored_under_its_whole_name(app: Any, client: TestClient) -> None:
    picture = io.BytesIO()
    spot_image(4).save(picture, "PNG")
    sent = {"file": ("/home/me/eye.left.01.png", picture.getvalue())}
    assert client.put("/datastore/image", files=sent).json() == {"image": "eye.left.01"}
    assert image_file(app, "eye.left.01").read_bytes() == picture.getvalue()
    for bad in ({"file": ("x.txt", b"text")}, {"file": ("x.png", b"text")}):
        response = client.put("/datastore/image", files=bad)
        assert response.status_code == 400
        assert "x." in response.json()["detail"]
        assert "/tmp" not in response.json()["detail"]
    assert_refused(client.put("/datastore/image?image=../x", files=sent), 400, "cannot be an image ID")


def test_labelled_image_is_replaced_only_by_one_that_its_labels_fit(
    app: Any, client: TestClient, upload: Callable[..., bytes]
) -> None:
    put_label(client, upload())
    for size, status in (((88, 64), 200), ((64, 88), 409)):
        picture = io.BytesIO()
        spot_image(4, size).save(picture, "PNG")
        response = client.put("/datastore/image?image=spot_00", files={"file": ("new.png", picture.getvalue())})
        assert response.status_code == status, response.text
    assert app.datastore().get_labeled_images() == ["spot_00"]
    assert read_frame(image_file(app, "spot_00")).size == (88, 64)


@pytest.mark.parametrize("letters", [231, 251])
def test_an_image_whose_label_would_have_too_long_a_name_is_refused(
    app: Any, client: TestClient, upload: Callable[..., bytes], letters: int
) -> None:
    publish_random(app)
    image = "L" * letters
    spot_image(3).save(app.datastore().folder / f"{image}.png")
    app.datastore().refresh()
    assert_refused(client.post("/infer/spots", params={"image": image}), 400, "cannot be an image ID: with")
    assert_refused(put_label(client, upload(), image), 400, f"with {letters} bytes")
    assert_refused(put_label(client, upload(), image, tag="draft"), 400, f"with {letters} bytes")
    sent = client.put("/datastore/image", params={"image": image}, files={"file": ("a.png", b"x")})
    assert_refused(sent, 400, f"with {letters} bytes")
    assert app.datastore().status()["label_tags"] == {}


def test_the_longest_image_id_is_answered_and_labelled(
    app: Any, client: TestClient, upload: Callable[..., bytes]
) -> None:
    publish_random(app)
    image = "é" * 115  # 230 bytes
    spot_image(3).save(app.datastore().folder / f"{image}.png")
    app.datastore().refresh()
    assert client.post("/infer/spots", params={"image": image, "output": "json"}).json()["image"] == image
    assert put_label(client, upload(), image).status_code == 200
    assert put_label(client, upload(), image).status_code == 200  # the first becomes an earlier version
    assert app.datastore().get_labeled_images() == [image]


def test_an_image_id_in_another_case_is_told_the_right_one(
    app: Any, client: TestClient, upload: Callable[..., bytes]
) -> None:
    publish_random(app)
    for answer in (
        client.post("/infer/spots", params={"image": "SPOT_00"}),
        put_label(client, upload(), "SPOT_00"),
        client.get("/datastore/image/info", params={"image": "SPOT_00"}),
    ):
        assert_refused(answer, 404, "There is no image 'SPOT_00', but 'spot_00', which differs in upper and lower case")
