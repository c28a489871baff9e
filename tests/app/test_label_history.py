"""Earlier versions of labels: kept, listed and put back over HTTP, hidden from all who look for labels."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_requests import assert_refused, client_of, image_file, put_label
from app_spots import spot_image, spot_points, write_label
from app_studies import label_state, write_content
from fastapi.testclient import TestClient

from lib.datastore import LandmarkDatastore
from monai_ext.images import read_frame
from monai_ext.landmarks import Markups
from monai_ext.studies import MEGABYTE, Studies
from monai_ext.studies.label_changes import KEPT_VERSIONS


def history(client: TestClient, image: str = "spot_00", tag: str = "final") -> list[dict[str, Any]]:
    response = client.get("/datastore/label/history", params={"image": image, "tag": tag})
    assert response.status_code == 200, response.text
    document = response.json()
    assert (document["image"], document["tag"]) == (image, tag)
    return list(document["versions"])


def restore(client: TestClient, version: str, image: str = "spot_00", tag: str = "final") -> Any:
    return client.post("/datastore/label/restore", params={"image": image, "tag": tag, "version": version})


def present(app: Any, tag: str = "final") -> bytes:
    return Path(app.datastore().get_label_uri("spot_00", tag)).read_bytes()


def test_replaced_label_is_listed_and_put_back_and_that_can_be_undone(
    app: Any, client: TestClient, upload: Callable[..., bytes]
) -> None:
    first, second = upload(), upload(spot_points(0) + 2.0)
    put_label(client, first, annotator="Ann", model_version=None)
    assert history(client) == []
    put_label(client, second, annotator="Ben", model_version="v3")
    (version,) = history(client)
    assert (version["reason"], version["user"], version["protocol"]) == ("replaced", "Ann", "spots")
    assert version["model_version"] is None
    assert version["saved"] <= app.datastore().get_label_info("spot_00", "final")["ts"]

    answer = restore(client, version["version"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["info"]["annotator"] == "Ann"
    assert present(app) == first
    info = app.datastore().get_label_info("spot_00", "final")
    assert (info["annotator"], info["restored_from"]) == ("Ann", version["version"])

    newest, oldest = history(client)
    assert (newest["user"], newest["model_version"], oldest) == ("Ben", "v3", version)
    assert restore(client, newest["version"]).status_code == 200
    assert present(app) == second
    assert [v["user"] for v in history(client)] == ["Ann", "Ben", "Ann"]


def test_deleted_label_comes_back(app: Any, client: TestClient, upload: Callable[..., bytes]) -> None:
    content = upload()
    put_label(client, content, annotator="Ann")
    client.delete("/datastore/label", params={"id": "spot_00", "tag": "final"})
    assert app.datastore().get_labeled_images() == []
    (version,) = history(client)
    assert (version["reason"], version["user"]) == ("deleted", "Ann")
    assert restore(client, version["version"]).status_code == 200
    assert present(app) == content
    assert app.datastore().status()["label_tags"] == {"final": 1}


def test_draft_that_a_final_label_ended_comes_back_beside_it(
    app: Any, client: TestClient, upload: Callable[..., bytes]
) -> None:
    draft = upload(spot_points(0) + 1.0)
    put_label(client, draft, tag="draft")
    put_label(client, upload())
    (version,) = history(client, tag="draft")
    assert restore(client, version["version"], tag="draft").status_code == 200
    assert present(app, "draft") == draft
    assert app.datastore().status()["label_tags"] == {"final": 1, "draft": 1}
    (replaced,) = [v for v in history(client, tag="draft") if v["version"] == version["version"]]
    assert replaced == version


def test_final_label_that_comes_back_ends_the_draft(app: Any, client: TestClient, upload: Callable[..., bytes]) -> None:
    first, draft = upload(), upload(spot_points(0) + 1.0)
    put_label(client, first)
    put_label(client, upload(spot_points(0) + 2.0))
    put_label(client, draft, tag="draft")
    (version,) = history(client)
    assert restore(client, version["version"]).status_code == 200
    assert present(app) == first
    assert app.datastore().status()["label_tags"] == {"final": 1}
    (ended,) = history(client, tag="draft")
    assert ended["reason"] == "deleted"
    assert restore(client, ended["version"], tag="draft").status_code == 200
    assert (present(app), present(app, "draft")) == (first, draft)


def test_versions_of_a_deleted_image_wait_for_its_return(
    app: Any, client: TestClient, upload: Callable[..., bytes]
) -> None:
    content, picture = upload(), image_file(app, "spot_00").read_bytes()
    put_label(client, content)
    client.delete("/datastore/image", params={"id": "spot_00"})
    (version,) = history(client)
    assert_refused(restore(client, version["version"]), 404, "There is no image 'spot_00'")
    client.put("/datastore/image", files={"file": ("spot_00.png", picture)})
    assert restore(client, version["version"]).status_code == 200
    assert present(app) == content


def test_version_made_of_two_readers_comes_back_as_a_label_of_its_own(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path]
) -> None:
    studies = make_studies(1)
    client = client_of(make_app(studies, readers="2"))
    for name, shift in (("ann", 0.0), ("ben", 3.0)):
        points = spot_points(0) + np.array([shift, 0.0])
        content = write_label(studies.parent / "l.mrk.json", studies / "spot_00.png", points).read_bytes()
        assert put_label(client, content, annotator=name).status_code == 200
    picture = (studies / "spot_00.png").read_bytes()
    app = make_app(studies)
    client = client_of(app)
    client.delete("/datastore/image", params={"id": "spot_00"})
    client.put("/datastore/image", files={"file": ("spot_00.png", picture)})
    (version,) = history(client)
    assert restore(client, version["version"]).status_code == 200
    for store in (app.datastore(), LandmarkDatastore(str(studies)), LandmarkDatastore(str(studies), readers=2)):
        store.refresh()
        label = Markups.read(Path(store.get_label_uri("spot_00", "final")))
        frame = read_frame(studies / "spot_00.png")
        np.testing.assert_allclose(label.landmarks(frame).points, spot_points(0) + np.array([1.5, 0.0]), atol=1e-6)
        assert "consensusOf" not in label.document


def test_version_that_does_not_fit_the_image_any_more_is_refused(
    app: Any, client: TestClient, upload: Callable[..., bytes], tmp_path: Path
) -> None:
    put_label(client, upload([[70.0, 50.0], [80.0, 60.0]]))
    client.delete("/datastore/image", params={"id": "spot_00"})
    spot_image(1, (40, 30)).save(tmp_path / "small.png")
    small = (tmp_path / "small.png").read_bytes()
    client.put("/datastore/image?image=spot_00", files={"file": ("small.png", small)})
    response = restore(client, history(client)[0]["version"])
    assert_refused(response, 409, "was made on an image of 88 x 64 pixels, but the image has 40 x 30")
    assert str(app.datastore().folder) not in response.text
    assert app.datastore().get_labeled_images() == []


@pytest.mark.parametrize(
    ("image", "tag", "version", "words"),
    [
        ("nobody", "final", "20260101T000000Z-1", "There is no image 'nobody'"),
        ("../spot_00", "final", "20260101T000000Z-1", "There is no image"),
        ("spot_00", "finale", "20260101T000000Z-1", "'finale' is unknown; use one of final, draft, original"),
        ("spot_00", "../final", "20260101T000000Z-1", "is unknown"),
        ("spot_00", "final", "20260101T000000Z-9", "no earlier version '20260101T000000Z-9'"),
        ("spot_00", "final", "../../../final/spot_00", "no earlier version"),
        ("spot_00", "final", "", "no earlier version ''"),
    ],
)
def test_unknown_names_are_404(client: TestClient, image: str, tag: str, version: str, words: str) -> None:
    assert_refused(restore(client, version, image, tag), 404, words)
    if "version" not in words:
        response = client.get("/datastore/label/history", params={"image": image, "tag": tag})
        assert_refused(response, 404, words)


@pytest.fixture
def studies(make_studies: Callable[[int], Path]) -> Path:
    return make_studies(2)


def test_last_versions_are_kept_newest_first(studies: Path, tmp_path: Path) -> None:
    store = LandmarkDatastore(str(studies))
    count = KEPT_VERSIONS + 5
    for number in range(count):
        path = write_content(tmp_path, f"content {number}")
        store.save_label("spot_00", path, "final", {"number": number})
    versions = LandmarkDatastore(str(studies)).label_versions("spot_00", "final")
    assert [v.info["number"] for v in versions] == list(range(count - 2, count - 2 - KEPT_VERSIONS, -1))
    assert [json.loads(v.read())["content"] for v in versions] == [f"content {v.info['number']}" for v in versions]
    files = list((studies / "labels" / ".history" / "final" / "spot_00").iterdir())
    assert len(files) == 2 * KEPT_VERSIONS


def test_versions_are_no_labels(studies: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = LandmarkDatastore(str(studies))
    store.save_label("spot_00", write_content(tmp_path, "a"), "final", {})
    store.save_label("spot_00", write_content(tmp_path, "b"), "final", {})
    store.remove_label("spot_00", "final")
    fresh = LandmarkDatastore(str(studies))
    assert fresh.status() == {"total": 2, "completed": 0, "label_tags": {}}
    assert Studies(studies).labelled("final") == []
    assert "is not used" not in caplog.text


def test_version_is_not_changed_by_an_edit_of_the_label_in_place(studies: Path, tmp_path: Path) -> None:
    store = LandmarkDatastore(str(studies))
    store.save_label("spot_00", write_content(tmp_path, "a"), "final", {})
    store.save_label("spot_00", write_content(tmp_path, "b"), "final", {})
    (version,) = store.label_versions("spot_00", "final")
    store.restore_label("spot_00", "final", version, user="me")
    Path(store.get_label_uri("spot_00", "final")).write_text('{"content": "edited in place"}')
    contents = [json.loads(v.read())["content"] for v in store.label_versions("spot_00", "final")]
    assert contents == ["b", "a"]


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
@pytest.mark.parametrize("is_relative", [True, False])
def test_label_that_is_a_symbolic_link_stays_as_an_earlier_version(
    studies: Path, tmp_path: Path, is_relative: bool
) -> None:
    store = LandmarkDatastore(str(studies))
    target, link = Path(write_content(tmp_path, "elsewhere")), studies / "labels" / "final" / "spot_00.mrk.json"
    link.symlink_to(os.path.relpath(target, link.parent) if is_relative else target)
    store.refresh()
    store.save_label("spot_00", write_content(tmp_path, "b"), "final", {})
    target.write_text('{"content": "changed later"}')
    (version,) = store.label_versions("spot_00", "final")
    assert json.loads(version.read())["content"] == "elsewhere"
    assert label_state(store, "spot_00") == ("b", {})


def test_label_edited_by_hand_and_then_replaced_is_kept_without_notes_of_another(studies: Path, tmp_path: Path) -> None:
    store = LandmarkDatastore(str(studies))
    store.save_label("spot_00", write_content(tmp_path, "a"), "final", {"user": "Ann"})
    Path(store.get_label_uri("spot_00", "final")).write_text('{"content": "by hand"}')
    store.save_label("spot_00", write_content(tmp_path, "b"), "final", {"user": "Ben"})
    (version,) = store.label_versions("spot_00", "final")
    assert (json.loads(version.read())["content"], version.info) == ("by hand", {})


def test_version_whose_notes_are_lost_is_still_offered(
    studies: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = LandmarkDatastore(str(studies))
    store.save_label("spot_00", write_content(tmp_path, "a"), "final", {"user": "Ann"})
    store.remove_label("spot_00", "final")
    (version,) = store.label_versions("spot_00", "final")
    version.notes_path.write_text("{")
    (again,) = store.label_versions("spot_00", "final")
    assert (again.version, again.info, again.time) == (version.version, {}, version.time)
    assert "The notes of an earlier label are lost" in caplog.text
    store.restore_label("spot_00", "final", again, user=None)
    assert label_state(store, "spot_00")[0] == "a"


def test_foreign_files_among_the_versions_are_passed_over(studies: Path, tmp_path: Path) -> None:
    store = LandmarkDatastore(str(studies))
    store.save_label("spot_00", write_content(tmp_path, "a"), "final", {})
    store.remove_label("spot_00", "final")
    folder = studies / "labels" / ".history" / "final" / "spot_00"
    for name in ("copy.mrk.json", "99999999T999999Z-7.mrk.json", "20260101T000000Z-x.mrk.json", "notes.txt"):
        (folder / name).write_text("{}")
    assert len(store.label_versions("spot_00", "final")) == 1


def test_a_version_that_is_larger_than_a_label_can_be_is_not_put_back(
    app: Any, client: TestClient, upload: Callable[..., bytes]
) -> None:
    first = upload()
    put_label(client, first)
    put_label(client, upload(spot_points(0) + 2.0))
    (version,) = history(client)
    (kept,) = app.datastore().folder.glob("labels/.history/final/spot_00/*.mrk.json")
    kept.write_bytes(first + b" " * (MEGABYTE * 3 // 2 - len(first)))
    before = present(app)

    answer = restore(client, version["version"])

    assert_refused(answer, 413, "The final label of 'spot_00' has 1.5 MB, more than the 1 MB that this server accepts")
    assert present(app) == before
    assert len(history(client)) == 1
