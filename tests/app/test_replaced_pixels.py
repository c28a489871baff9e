"""Images whose pixels change under the same ID: neither proposals, answers nor scores of the former ones count."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_requests import assert_refused, client_of, image_file, publish_random, put_label
from app_spots import spot_image, write_label
from fastapi.testclient import TestClient

from lib.pool.eye import Eye
from lib.served_model import ServedModel
from monai_ext.images import pixel_file
from monai_ext.landmarks import Protocol
from monai_ext.models import Calibration, PresenceThreshold, publish
from monai_ext.networks import build_network


def detached(folder: Path, name: str, index: int, pixels: bool = True) -> None:
    """An image as a header and a file of its pixels."""
    picture = np.asarray(spot_image(index))
    height, width = picture.shape
    (folder / f"{name}.mhd").write_text(
        f"ObjectType = Image\nNDims = 2\nDimSize = {width} {height}\nElementType = MET_UCHAR\n"
        f"ElementDataFile = {name}.raw\n"
    )
    if pixels:
        (folder / f"{name}.raw").write_bytes(picture.tobytes())


def pixels_of(client: TestClient, image: str) -> list[Any]:
    answer = client.post(f"/infer/spots?image={image}&output=json")
    assert answer.status_code == 200, answer.text
    return [landmark["pixel"] for landmark in answer.json()["landmarks"]]


def test_the_proposal_of_a_former_image_is_forgotten(app: Any, client: TestClient, tmp_path: Path) -> None:
    publish_random(app)
    pixels_of(client, "spot_00")
    other = tmp_path / "other.png"
    spot_image(7, (400, 300)).save(other)
    answer = client.put(
        "/datastore/image", params={"image": "spot_00"}, files={"file": ("spot_00.png", other.read_bytes())}
    )
    assert answer.status_code == 200, answer.text
    path = write_label(tmp_path / "l.mrk.json", image_file(app, "spot_00"), [[150.0, 200.0], [300.0, 100.0]])
    saved = put_label(client, path.read_bytes(), "spot_00", protocol="spots").json()["info"]
    assert (saved["model_version"], saved.get("displacement")) == (None, None)
    proposals, state = app.service.proposals, app.datastore().image_state("spot_00")
    assert proposals.get("spots", "spot_00", state) is None
    pixels_of(client, "spot_00")
    assert proposals.get("spots", "spot_00", state).landmarks.frame.size == (400, 300)


def put_image(client: TestClient, index: int) -> None:
    """Replaces spot_00 by another image of the same size."""
    content = io.BytesIO()
    spot_image(index).save(content, "PNG")
    answer = client.put(
        "/datastore/image", params={"image": "spot_00"}, files={"file": ("spot_00.png", content.getvalue())}
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("tag", ["final", "draft"])
def test_what_was_done_on_a_former_image_of_the_same_size_is_refused(
    app: Any, client: TestClient, upload: Callable[..., bytes], tag: str
) -> None:
    frame, calibration = "/datastore/image/frame?image=spot_00", "/datastore/image/calibration?image=spot_00"
    line = {"how": "line", "line": [[10, 20], [70, 20]], "length_mm": 15}
    former, content = client.get(frame).json()["revision"], upload()
    assert put_label(client, content, tag=tag, image_revision=former).status_code == 200
    image_file(app, "spot_00").touch()  # the same image, copied anew
    assert put_label(client, content, tag=tag, image_revision=former).status_code == 200
    put_image(client, 7)
    present = client.get(frame).json()["revision"]
    refused = put_label(client, content, tag=tag, image_revision=former)
    assert_refused(refused, 409, "The image 'spot_00' was replaced after it was opened: open it anew")
    assert_refused(client.put(calibration, json={**line, "image_revision": former}), 409, "'spot_00' was replaced")
    assert client.get(calibration).json()["stated"] is None
    for sent in ({}, {"image_revision": present}):
        saved = put_label(client, content, tag=tag, **sent)
        assert (saved.status_code, saved.json()["info"].get("image_revision")) == (200, sent.get("image_revision"))
        assert client.put(calibration, json={**line, **sent}).status_code == 200


def infer_and_keep(client: TestClient) -> Any:
    return client.post("/infer/spots?image=spot_00&output=json", data={"params": '{"save_label": true}'})


def test_a_kept_proposal_of_a_former_image_is_not_what_a_label_was_made_from(
    app: Any, client: TestClient, upload: Callable[..., bytes]
) -> None:
    version = publish_random(app)
    found = [mark["pixel"] for mark in infer_and_keep(client).json()["landmarks"]]
    app.proposals._by_key.clear()  # as after a restart
    moved = np.add(found, [3.0, 4.0])
    saved = put_label(client, upload(moved), protocol="spots").json()["info"]
    assert (saved["model_version"], saved["displacement"]) == (version, {"bright": 5.0, "dim": 5.0})
    put_image(client, 7)
    saved = put_label(client, upload(moved + 1), protocol="spots").json()["info"]
    assert (saved["model_version"], saved["displacement"]) == (None, None)
    infer_and_keep(client)
    app.proposals._by_key.clear()
    assert put_label(client, upload(moved), protocol="spots").json()["info"]["model_version"] == version


def test_a_prediction_is_not_kept_for_an_image_that_was_replaced_meanwhile(
    app: Any, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_random(app)
    task = app.service.infer_task("spots")
    predict = task.predict

    def replaced_meanwhile(*args: Any) -> Any:
        reply = predict(*args)
        put_image(client, 7)
        return reply

    with monkeypatch.context() as patch:
        patch.setattr(task, "predict", replaced_meanwhile)
        assert_refused(infer_and_keep(client), 409, "'spot_00' was replaced")
    assert "original" not in app.datastore().objects["spot_00"].labels
    assert infer_and_keep(client).status_code == 200
    assert "original" in app.datastore().objects["spot_00"].labels


def test_answers_follow_the_file_of_the_pixels(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path]
) -> None:
    studies = make_studies(1)
    detached(studies, "scan", 0)
    app = make_app(studies)
    publish_random(app)
    client = client_of(app)
    first, state = pixels_of(client, "scan"), app.datastore().image_state("scan")
    assert pixel_file(studies / "scan.mhd") == studies / "scan.raw"
    (studies / "scan.raw").write_bytes(np.asarray(spot_image(9)).tobytes())
    second = pixels_of(client, "scan")
    expected = app.models["spots"].predictor().predict(studies / "scan.mhd").points
    np.testing.assert_allclose(second, expected, atol=1e-4)
    assert np.abs(np.subtract(first, second)).max() > 1
    assert app.datastore().image_state("scan") != state


def test_an_image_is_scored_once_its_pixels_have_come(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path]
) -> None:
    studies = make_studies(1)
    detached(studies, "scan", 0, pixels=False)
    app = make_app(studies)
    publish_random(app)
    pool = app.pool._pools["spots"]

    def looked_at() -> list[str]:
        plan = pool.plan([])
        for image in plan:
            pool.look(image, [])
        return plan

    assert looked_at() == ["scan", "spot_00"]
    assert "add that file" in pool.stats()["message"]
    assert not pool.has_news()
    (studies / "scan.raw").write_bytes(np.asarray(spot_image(0)).tobytes())
    assert pool.has_news()
    assert looked_at() == ["scan"]
    assert pool.stats()["scored"] == 2


def test_an_image_is_scored_once_stated_sizes_can_be_read(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path]
) -> None:
    studies = make_studies(1)
    app = make_app(studies)
    publish_random(app)
    pool = app.pool._pools["spots"]
    (studies / "calibration.json").write_text('{"spot_00": ')
    for image in pool.plan([]):
        pool.look(image, [])
    assert pool.stats()["scored"] == 0
    assert pool.plan([]) == []
    (studies / "calibration.json").write_text('{"spot_00": {"mm_per_px": [0.2, 0.2]}}')
    assert pool.has_news()
    assert pool.plan([]) == ["spot_00"]


@pytest.mark.parametrize(("threshold", "status"), [(0.1768, 1), (0.5, 0)])
def test_what_the_worker_sees_is_what_a_prediction_answers(app: Any, threshold: float, status: int) -> None:
    """Both landmarks are present with a probability of 0.3."""
    served = app.settings.protocols["spots"]
    document = served.model_dump(mode="json")
    document["network"]["presence"] = True
    protocol = Protocol.model_validate(document)
    weights = build_network(protocol).state_dict()
    last = [name.rpartition(".")[0] for name in weights if "presence" in name][-1]
    weights[f"{last}.weight"].zero_()
    weights[f"{last}.bias"].fill_(math.log(0.3 / 0.7))
    names = protocol.landmark_names
    thresholds = {"thresholds": (threshold,) * 2, "scores": (1, 1), "present": (20, 20), "missing": (20, 20)}
    presence = PresenceThreshold(criterion="f1", landmarks=names, **thresholds)
    calibration = Calibration(protocol="spots", version="", images=40, presence=presence)
    card = {"protocol": protocol, "labels_used": 2, "val_images": ("a",), "val_error": 9.0, "unit": "px", "epochs": 1}
    card |= {"seed": 0, "date": "2026-01-01T00:00:00+00:00"}
    publish(app.settings.model_root / "spots", weights, card, calibration=calibration)
    model = ServedModel(protocol, *app.models["spots"].roots)
    answered = model.predictor().predict(image_file(app, "spot_00"))
    sight, _ = Eye(model, "map_radius").look("spot_00", image_file(app, "spot_00"))
    assert answered.status.tolist() == sight.landmarks().status.tolist() == [status, status]
