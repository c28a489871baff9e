"""The list of images with their state, and where the pixels of one lie."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from app_requests import assert_refused, client_of, image_file, publish_random, put_label
from app_spots import spot_image, spot_points, write_label
from fastapi.testclient import TestClient

from lib import served_labels as label_check
from monai_ext.images import read_frame
from monai_ext.landmarks import Status


def listed(client: TestClient, **query: Any) -> dict[str, Any]:
    response = client.get("/datastore/images", params=query)
    assert response.status_code == 200, response.text
    return dict(response.json())


def ids(page: dict[str, Any]) -> list[str]:
    return [image["id"] for image in page["images"]]


def test_untouched_images_are_listed_with_file_and_size(app: Any, client: TestClient) -> None:
    page = listed(client)
    assert (page["total"], page["found"]) == (3, 3)
    assert page["states"] == {"unlabeled": 3, "draft": 0, "final": 0}
    assert page["images"][1] == {
        "id": "spot_01",
        "state": "unlabeled",
        "file": "spot_01.png",
        "size": image_file(app, "spot_01").stat().st_size,
        "labels": {},
        "flags": [],
    }


def test_state_and_origin_follow_the_labels(app: Any, client: TestClient, upload: Callable[..., bytes]) -> None:
    version = publish_random(app)
    client.post("/infer/spots?image=spot_00", data={"params": '{"save_label": true}'})
    assert listed(client)["images"][0]["labels"]["original"]["protocol"] == "spots"
    assert listed(client)["images"][0]["state"] == "unlabeled"
    before = int(time.time())
    put_label(client, upload(), tag="draft", model_version=version, annotator="Dr. Who")
    page = listed(client)
    assert page["states"] == {"unlabeled": 2, "draft": 1, "final": 0}
    label = page["images"][0]["labels"]["draft"]
    assert before <= label.pop("updated") <= time.time() + 1
    assert label == {"protocol": "spots", "model_version": version, "annotator": "Dr. Who"}
    put_label(client, upload(), model_version=None)
    first = listed(client)["images"][0]
    assert (first["state"], set(first["labels"])) == ("final", {"final", "original"})
    assert first["labels"]["final"]["model_version"] is None
    assert first["labels"]["final"]["annotator"]
    put_label(client, upload(), tag="draft")
    again = listed(client)
    assert (again["images"][0]["state"], again["states"]["final"]) == ("final", 1)
    assert set(again["images"][0]["labels"]) == {"final", "original", "draft"}


def test_search_state_and_paging(app: Any, client: TestClient, upload: Callable[..., bytes]) -> None:
    put_label(client, upload(status=[Status.DEFINED, Status.MISSING]))
    assert ids(listed(client, state="final")) == ["spot_00"]
    assert ids(listed(client, state="unlabeled")) == ["spot_01", "spot_02"]
    assert ids(listed(client, search="PNG 02 spot")) == ["spot_02"]
    assert ids(listed(client, search="02 nothing")) == []
    page = listed(client, state="unlabeled", offset=1, limit=1)
    assert (ids(page), page["found"], page["total"]) == (["spot_02"], 2, 3)
    assert ids(listed(client, offset=3)) == []


@pytest.mark.parametrize("query", ["state=lost", "offset=-1", "limit=0", "limit=1001", "limit=x"])
def test_wrong_queries_are_refused(client: TestClient, query: str) -> None:
    assert_refused(client.get(f"/datastore/images?{query}"), 422, query.split("=")[0])


def test_protocol_of_a_label_placed_by_hand_is_read_once(
    app: Any, client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = app.datastore().folder / "labels" / "final" / "spot_01.mrk.json"
    write_label(label, image_file(app, "spot_01"), spot_points(1))
    app.datastore().refresh()
    read: list[Path] = []
    real = label_check.read_json
    monkeypatch.setattr(label_check, "read_json", lambda path: read.append(path) or real(path))
    for _ in range(2):
        (entry,) = listed(client, state="final")["images"]
        assert (entry["labels"]["final"]["protocol"], entry["labels"]["final"]["model_version"]) == ("spots", None)
    assert read == [label]
    label.write_text(label.read_text().replace("bright", "nose"))
    os.utime(label, (1, 1))
    assert listed(client, state="final")["images"][0]["labels"]["final"]["protocol"] is None
    label.write_text("{")
    assert listed(client, state="final")["images"][0]["labels"]["final"]["protocol"] is None


def test_frame_tells_placement_and_calibration(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path]
) -> None:
    studies = make_studies(1)
    image = sitk.GetImageFromArray(np.zeros((5, 7), np.uint8))
    image.SetSpacing((0.5, 2.0))
    image.SetOrigin((10.0, -20.0))
    image.SetDirection((0.0, 1.0, -1.0, 0.0))
    sitk.WriteImage(image, str(studies / "aniso.nrrd"))
    spot_image(1).save(studies / "printed.jpg", dpi=(254, 254))
    app = make_app(studies)
    client = client_of(app)
    frame = client.get("/datastore/image/frame?image=aniso").json()
    assert (frame["size"], frame["unit"], frame["spacing"]) == ([7, 5], "mm", [0.5, 2.0])
    for pixel in ((0, 0), (6, 0), (0, 4), (3, 2)):
        place = np.array(frame["origin"]) + pixel[0] * np.array(frame["x_step"]) + pixel[1] * np.array(frame["y_step"])
        np.testing.assert_allclose(place[:2], image.TransformIndexToPhysicalPoint(pixel), atol=1e-12)
    # The density of a print places the image in Slicer, but is no real size of what it shows.
    printed = client.get("/datastore/image/frame?image=printed").json()
    assert (printed["unit"], printed["spacing"], printed["spacing_source"]) == ("px", [1.0, 1.0], "none")
    np.testing.assert_allclose(printed["x_step"], read_frame(studies / "printed.jpg").placement[:, 0])
    assert printed["x_step"][0] == pytest.approx(0.1)
    assert_refused(client.get("/datastore/image/frame?image=../aniso"), 404, "There is no image '../aniso'")
