"""Millimetres per pixel that a person states for an image: over HTTP, journalled, undone, and of this image alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from app_requests import assert_refused, client_of, image_file, publish_random
from app_spots import spot_image
from fastapi.testclient import TestClient

from lib.datastore import LandmarkDatastore
from monai_ext.images import KEPT_STATEMENTS, StatedSize, read_frame, read_stated_sizes

ADDRESS = "/datastore/image/calibration"
UNCALIBRATED = {"unit": "px", "spacing": [1.0, 1.0], "spacing_source": "none", "file_spacing": None, "stated": None}


def ask(client: TestClient, image: str = "spot_00") -> dict[str, Any]:
    response = client.get(ADDRESS, params={"image": image})
    assert response.status_code == 200, response.text
    return dict(response.json())


def state(client: TestClient, image: str = "spot_00", **body: Any) -> Any:
    return client.put(ADDRESS, params={"image": image}, json=body)


def undo(client: TestClient, image: str = "spot_00") -> Any:
    return client.post(f"{ADDRESS}/undo", params={"image": image})


@pytest.fixture
def aniso(app: Any, client: TestClient, tmp_path: Path) -> str:
    """An NRRD of 40 x 60 pixels of 0.5 x 0.25 mm."""
    image = sitk.GetImageFromArray(np.zeros((60, 40), np.uint8))
    image.SetSpacing((0.5, 0.25))
    sitk.WriteImage(image, str(tmp_path / "aniso.nrrd"))
    content = (tmp_path / "aniso.nrrd").read_bytes()
    assert client.put("/datastore/image", files={"file": ("aniso.nrrd", content)}).status_code == 200
    return "aniso"


def test_line_of_known_length_calibrates_this_image_alone(client: TestClient) -> None:
    assert ask(client) == {"image": "spot_00", **UNCALIBRATED}
    before = client.get("/datastore/image/frame?image=spot_00").json()
    answer = state(client, how="line", line=[[10, 20], [70, 20]], length_mm=15, annotator="Ann")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    when = told["stated"].pop("when")
    assert when.endswith("+00:00")
    assert told == {
        "image": "spot_00",
        "unit": "mm",
        "spacing": [0.25, 0.25],
        "spacing_source": "a line of 15 mm drawn on the image",
        "file_spacing": None,
        "stated": {
            "mm_per_px": [0.25, 0.25],
            "how": "line",
            "length_mm": 15.0,
            "line": [[10.0, 20.0], [70.0, 20.0]],
            "annotator": "Ann",
        },
    }
    assert ask(client)["spacing"] == [0.25, 0.25]
    assert ask(client, "spot_01") == {"image": "spot_01", **UNCALIBRATED}
    after = client.get("/datastore/image/frame?image=spot_00").json()
    assert (after["unit"], after["spacing"]) == ("mm", [0.25, 0.25])
    assert {name: after[name] for name in ("origin", "x_step", "y_step")} == {
        name: before[name] for name in ("origin", "x_step", "y_step")
    }


def test_oblique_line_is_as_long_as_pythagoras_says(client: TestClient) -> None:
    assert state(client, how="ruler", line=[[10, 10], [40, 50]], length_mm=10).json()["spacing"] == [0.2, 0.2]


@pytest.mark.parametrize(
    ("body", "source"),
    [
        ({"how": "iris", "line": [[0, 0], [80, 0]], "length_mm": 11.7}, "iris width 11.7 mm, an estimate"),
        ({"how": "sticker", "line": [[0, 0], [80, 0]], "length_mm": 19}, "sticker of 19 mm"),
        ({"how": "ruler", "mm_per_px": 0.5}, "ruler"),
        ({"how": "table", "mm_per_px": [0.5, 0.25]}, "table"),
    ],
)
def test_every_answer_says_how_it_is_known(app: Any, client: TestClient, body: dict[str, Any], source: str) -> None:
    publish_random(app)
    assert state(client, **body).json()["spacing_source"] == source
    answer = client.post("/infer/spots?image=spot_00&output=json").json()
    assert (answer["unit"], answer["spacing_source"]) == ("mm", source)
    assert client.get("/datastore/image/frame?image=spot_00").json()["spacing_source"] == source


def test_answers_measure_in_mm_at_once_and_another_answer_is_kept(app: Any, client: TestClient) -> None:
    publish_random(app)
    before, other = (client.post(f"/infer/spots?image=spot_0{i}&output=json").json() for i in (0, 1))
    state(client, how="line", line=[[0, 0], [50, 0]], length_mm=12.5)
    after, same = (client.post(f"/infer/spots?image=spot_0{i}&output=json").json() for i in (0, 1))
    assert [mark["pixel"] for mark in after["landmarks"]] == [mark["pixel"] for mark in before["landmarks"]]
    assert [mark["position"] for mark in after["landmarks"]] == [mark["position"] for mark in before["landmarks"]]
    (old,), (new,) = before["measurements"], after["measurements"]
    assert (old["unit"], new["unit"]) == ("px", "mm")
    assert new["value"] == pytest.approx(old["value"] / 4)
    assert same == {**other, "latencies": same["latencies"]}
    assert (same["latencies"]["cached"], "cached" in after["latencies"]) == (True, False)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"length_mm": 0}, 400, "above 0, not 0"),
        ({"length_mm": -5}, 400, "above 0, not -5"),
        ({"length_mm": "50"}, 422, "length_mm"),
        ({"length_mm": True}, 422, "length_mm"),
        ({"length_mm": 901}, 400, "A line of 80 px and 901 mm: a pixel of 11.2625 mm is not plausible"),
        ({"length_mm": 0.05}, 400, "a pixel of 0.000625 mm is not plausible; a pixel has 0.001 to 10 mm"),
        ({"line": [[0, 0], [9, 0]]}, 400, "The line is 9 px long; draw one of at least 10 px"),
        ({"line": [[5, 5], [5, 5]]}, 400, "The line is 0 px long"),
        ({"line": [[0, 0], [88, 0]]}, 400, "ends at (88, 0), outside the image of 88 x 64 pixels"),
        ({"line": [[-1, 0], [80, 0]]}, 400, "ends at (-1, 0), outside"),
        ({"line": [[0, 0]]}, 422, "line"),
        ({"line": None}, 400, "State mm_per_px, or a line with its length_mm"),
        ({"length_mm": None}, 400, "state the length too"),
        ({"line": None, "length_mm": None, "mm_per_px": 0}, 400, "a pixel of 0 mm is not plausible"),
        ({"line": None, "length_mm": None, "mm_per_px": [0.1, 11]}, 400, "a pixel of 11 mm is not plausible"),
        ({"line": None, "length_mm": -1, "mm_per_px": 0.1}, 400, "above 0, not -1"),
        ({"mm_per_px": 0.5}, 400, "The mm_per_px says 0.5 x 0.5 mm, but the line 0.625 x 0.625 mm"),
        ({"how": "guess"}, 422, "how"),
        ({"how": "overrule"}, 409, "no pixel size to overrule"),
        ({"colour": "red"}, 422, "colour"),
    ],
)
def test_what_cannot_be_true_is_refused_and_nothing_changes(
    app: Any, client: TestClient, body: dict[str, Any], status: int, words: str
) -> None:
    whole = {"how": "line", "line": [[0, 0], [80, 0]], "length_mm": 50, **body}
    response = state(client, **{name: value for name, value in whole.items() if value is not None})
    assert_refused(response, status, words)
    assert ask(client) == {"image": "spot_00", **UNCALIBRATED}
    assert not (app.datastore().folder / "calibration.json").exists()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_refused(client: TestClient, number: str) -> None:
    content = f'{{"how": "line", "line": [[0, 0], [80, 0]], "length_mm": {number}}}'
    headers = {"content-type": "application/json"}
    response = client.put(f"{ADDRESS}?image=spot_00", content=content, headers=headers)
    assert response.status_code == 422
    assert ask(client) == {"image": "spot_00", **UNCALIBRATED}


def test_unknown_images_are_404(client: TestClient) -> None:
    for response in (
        client.get(ADDRESS, params={"image": "nobody"}),
        state(client, "nobody", how="ruler", mm_per_px=0.1),
        client.delete(ADDRESS, params={"image": "nobody"}),
        undo(client, "../spot_00"),
    ):
        assert_refused(response, 404, "There is no image")


def test_file_keeps_its_pixel_size_unless_it_is_overruled(client: TestClient, aniso: str) -> None:
    line = {"line": [[5, 10], [5, 50]], "length_mm": 20.0}  # 10 mm by the file
    assert_refused(
        state(client, aniso, how="line", **line), 409, "has pixels of 0.5 x 0.25 mm (NRRD): they are kept unless"
    )
    assert ask(client, aniso)["stated"] is None
    told = state(client, aniso, how="overrule", **line).json()
    assert (told["spacing"], told["file_spacing"]) == ([1.0, 0.5], [0.5, 0.25])  # twice the file's, its ratio kept
    assert told["spacing_source"] == "a line of 20 mm, overruling the file (NRRD)"
    frame = client.get("/datastore/image/frame", params={"image": aniso}).json()
    assert (frame["x_step"], frame["y_step"]) == ([0.5, 0.0, 0.0], [0.0, 0.25, 0.0])  # the placement stays
    oblique = state(client, aniso, how="overrule", line=[[0, 0], [30, 80 - 40]], length_mm=36.05551275463989)
    assert oblique.json()["spacing"] == pytest.approx([1.0, 0.5])  # (30 * 1, 40 * 0.5) mm
    told = client.delete(ADDRESS, params={"image": aniso}).json()
    assert (told["spacing"], told["spacing_source"], told["stated"]) == ([0.5, 0.25], "NRRD", None)


def test_statements_are_undone_one_by_one(client: TestClient) -> None:
    assert_refused(undo(client), 409, "nothing can be undone")
    assert_refused(client.delete(ADDRESS, params={"image": "spot_00"}), 404, "nothing to withdraw")
    state(client, how="ruler", mm_per_px=0.1, annotator="Ann")
    first = ask(client)
    state(client, how="line", line=[[0, 0], [50, 0]], length_mm=10, annotator="Ben")
    second = ask(client)
    assert client.delete(ADDRESS, params={"image": "spot_00"}).json() == {"image": "spot_00", **UNCALIBRATED}
    state(client, "spot_01", how="ruler", mm_per_px=0.7)
    for known in (second, first, {"image": "spot_00", **UNCALIBRATED}):
        assert undo(client).json() == known
    assert_refused(undo(client), 409, "nothing can be undone")
    assert ask(client, "spot_01")["spacing"] == [0.7, 0.7]


def test_all_statements_are_in_the_journal(app: Any, client: TestClient) -> None:
    state(client, how="ruler", mm_per_px=0.1, annotator="Ann")
    client.delete(ADDRESS, params={"image": "spot_00"})
    undo(client)
    lines = [json.loads(line) for line in (app.datastore().folder / "journal.jsonl").read_text().splitlines()]
    told = [line for line in lines if line["op"] == "calibration"]
    assert [(line["image"], line["statement"]["mm_per_px"]) for line in told] == [
        ("spot_00", [0.1, 0.1]),
        ("spot_00", None),
        ("spot_00", [0.1, 0.1]),
    ]
    assert told[0]["statement"]["annotator"] == "Ann"
    assert [line["n"] for line in told] == sorted({line["n"] for line in told})


def test_it_is_there_after_a_restart_with_its_undo(app: Any, client: TestClient, make_app: Callable[..., Any]) -> None:
    state(client, how="ruler", mm_per_px=0.1)
    state(client, how="iris", line=[[0, 0], [78, 0]], length_mm=11.7)
    again = make_app(app.datastore().folder)
    fresh = client_of(again)
    assert ask(fresh)["spacing_source"] == "iris width 11.7 mm, an estimate"
    assert ask(fresh)["spacing"] == [0.15, 0.15]
    assert undo(fresh).json()["spacing"] == [0.1, 0.1]
    assert ask(client)["spacing"] == [0.1, 0.1]  # the other process sees it too
    assert again.datastore().repairs == []


def test_another_image_under_the_id_has_no_size_of_the_old_one(app: Any, client: TestClient, tmp_path: Path) -> None:
    picture = image_file(app, "spot_00").read_bytes()
    state(client, how="ruler", mm_per_px=0.1)
    assert client.put("/datastore/image", files={"file": ("spot_00.png", picture)}).status_code == 200
    assert ask(client)["spacing"] == [0.1, 0.1]
    spot_image(1, (44, 32)).save(tmp_path / "small.png")
    small = (tmp_path / "small.png").read_bytes()
    assert client.put("/datastore/image?image=spot_00", files={"file": ("small.png", small)}).status_code == 200
    assert ask(client) == {"image": "spot_00", **UNCALIBRATED}
    state(client, how="ruler", mm_per_px=0.2)
    assert client.delete("/datastore/image", params={"id": "spot_00"}).status_code == 200
    client.put("/datastore/image", files={"file": ("spot_00.png", picture)})
    assert ask(client) == {"image": "spot_00", **UNCALIBRATED}


@pytest.mark.parametrize("withdrawn", [False, True])
@pytest.mark.parametrize("deleted", [False, True])
def test_no_undo_brings_back_the_size_of_another_image(
    app: Any, client: TestClient, tmp_path: Path, deleted: bool, withdrawn: bool
) -> None:
    state(client, how="ruler", mm_per_px=[0.1, 0.3])
    state(client, "spot_01", how="ruler", mm_per_px=0.5)
    if withdrawn:
        client.delete(ADDRESS, params={"image": "spot_00"})
    if deleted:
        client.delete("/datastore/image", params={"id": "spot_00"})
    spot_image(1, (44, 32)).save(tmp_path / "spot_00.png")
    files = {"file": ("spot_00.png", (tmp_path / "spot_00.png").read_bytes())}
    assert client.put("/datastore/image", files=files).status_code == 200
    assert_refused(undo(client), 409, "nothing can be undone")
    state(client, how="ruler", mm_per_px=[0.2, 0.4])
    assert ask(client)["spacing"] == [0.2, 0.4]
    assert undo(client).json() == {"image": "spot_00", **UNCALIBRATED}
    assert_refused(undo(client), 409, "nothing can be undone")
    assert ask(client, "spot_01")["spacing"] == [0.5, 0.5]


def test_two_datastores_on_one_folder_lose_no_statement(make_studies: Callable[[int], Path]) -> None:
    studies = make_studies(4)
    one, two = LandmarkDatastore(str(studies)), LandmarkDatastore(str(studies))
    for i, store in enumerate((one, two, one, two)):
        store.state_size(f"spot_{i:02}", StatedSize((0.1 * (i + 1), 0.2), "ruler"))
    two.undo_size("spot_00")
    assert {image: size.mm_per_px[0] for image, size in read_stated_sizes(studies).items()} == pytest.approx(
        {"spot_01": 0.2, "spot_02": 0.3, "spot_03": 0.4}
    )
    assert read_frame(studies / "spot_01.png").spacing == (0.2, 0.2)


def test_the_last_statements_are_kept(make_studies: Callable[[int], Path]) -> None:
    store = LandmarkDatastore(str(make_studies(1)))
    for i in range(KEPT_STATEMENTS + 3):
        store.state_size("spot_00", StatedSize((0.1 + i, 0.1), "ruler"))
    for _ in range(KEPT_STATEMENTS):
        store.undo_size("spot_00")
    assert read_stated_sizes(store.folder)["spot_00"].mm_per_px == (2.1, 0.1)  # never a false "nothing stated"
    with pytest.raises(Exception, match="nothing can be undone"):
        store.undo_size("spot_00")


def test_radii_of_earlier_proposals_are_not_taken_for_mm(app: Any, client: TestClient) -> None:
    publish_random(app)
    for image in ("spot_00", "spot_01"):
        client.post(f"/infer/spots?image={image}&output=json")
    state(client, how="ruler", mm_per_px=0.1)
    first, second = (
        app.service.proposals.get("spots", image, app.datastore().image_state(image))
        for image in ("spot_00", "spot_01")
    )
    assert first.radius is None
    assert second.radius is not None
