"""Flags of saved labels: what is told of them, when they go, and that they never cost a label."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_pair import HERE, PAIRED, flags, found_at, label_info, reviewed, save, until
from app_requests import assert_refused, client_of, image_file, put_label
from app_spots import write_label
from fastapi.testclient import TestClient

from lib.proposals import Proposal
from lib.quality import review_note


@pytest.fixture(scope="module")
def quick_protocol_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paired")
    (folder / "spots.yaml").write_text(PAIRED)
    return folder


def propose(app: Any, image: str, radius: float = np.nan, version: str = "v1") -> None:
    app.proposals.remember("spots", image, Proposal(version, found_at(app, image), np.full(2, radius)))


def test_exchanged_label_is_flagged_until_it_is_corrected(app: Any, client: TestClient, tmp_path: Path) -> None:
    propose(app, "spot_00")
    info = save(app, client, tmp_path, "spot_00", HERE[::-1])
    assert "review" not in info  # the answer does not wait for it
    note = reviewed(app, "spot_00")
    assert (note["model_version"], note["labels"]) == ("v1", 0)
    page = client.get("/datastore/images").json()
    assert (page["flagged"], page["states"]["final"]) == (1, 1)
    (flag,) = page["images"][0]["flags"]
    assert set(flag) == {"kind", "landmarks", "sentence", "size"}
    assert (flag["kind"], flag["landmarks"]) == ("swapped", ["bright", "dim"])
    assert flag["sentence"].startswith("bright and dim look exchanged: they lie 40.0 px and 40.0 px from where")

    save(app, client, tmp_path, "spot_00", HERE + 0.5)
    assert flags(client, "spot_00") == []
    assert reviewed(app, "spot_00")["flags"] == []


def test_list_can_be_limited_to_flagged_images(app: Any, client: TestClient, tmp_path: Path) -> None:
    for image, points in (("spot_00", HERE), ("spot_01", np.add(HERE, [0.0, 9.0]))):
        propose(app, image, radius=4.0)
        save(app, client, tmp_path, image, points)
        reviewed(app, image)
    assert flags(client, "spot_01") == [("far", ("bright",)), ("far", ("dim",))]
    for query, ids in (("flagged=true", ["spot_01"]), ("flagged=false", ["spot_00", "spot_02"])):
        page = client.get(f"/datastore/images?{query}").json()
        assert ([image["id"] for image in page["images"]], page["flagged"], page["found"]) == (ids, 1, len(ids))
    assert client.get("/datastore/images?flagged=true&state=unlabeled").json()["found"] == 0
    assert_refused(client.get("/datastore/images?flagged=perhaps"), 422, "flagged")


def test_distance_is_not_judged_where_the_model_is_not_calibrated(app: Any, client: TestClient, tmp_path: Path) -> None:
    propose(app, "spot_00")
    save(app, client, tmp_path, "spot_00", np.add(HERE, [0.0, 25.0]))
    assert reviewed(app, "spot_00")["flags"] == []


def test_a_radius_in_pixels_is_not_judged_by_once_millimetres_are_known(
    app: Any, client: TestClient, tmp_path: Path
) -> None:
    """As where the pixel size was stated while the prediction was made."""
    propose(app, "spot_00", radius=4.0)
    before = app.proposals.get("spots", "spot_00", app.datastore().image_state("spot_00"))
    size = {"how": "table", "mm_per_px": [3.0, 0.5]}
    assert client.put("/datastore/image/calibration?image=spot_00", json=size).json()["spacing"] == [3.0, 0.5]
    app.proposals.remember("spots", "spot_00", before)
    save(app, client, tmp_path, "spot_00", np.add(HERE, [3.0, 0.0]))  # 3 px, which are 9 mm
    assert reviewed(app, "spot_00")["flags"] == []
    propose(app, "spot_00", radius=4.0)
    save(app, client, tmp_path, "spot_00", np.add(HERE, [3.5, 0.0]))
    assert until(lambda: flags(client, "spot_00")) == [("far", ("bright",)), ("far", ("dim",))]


def test_label_that_a_person_confirms_has_no_flags_until_it_changes(
    app: Any, client: TestClient, tmp_path: Path
) -> None:
    propose(app, "spot_00", radius=1.0)
    save(app, client, tmp_path, "spot_00", HERE + 9.0)
    assert len(reviewed(app, "spot_00")["flags"]) == 2
    save(app, client, tmp_path, "spot_00", HERE + 9.0, reviewed=True)
    assert len(reviewed(app, "spot_00")["flags"]) == 2  # known, but not shown
    assert flags(client, "spot_00") == []
    assert app.reviewer.stats()["spots"] == {"labels": 1, "reviewed": 1, "flagged": 0, "confirmed": 1, "waiting": 0}
    assert not app.reviewer.wants("spots", "spot_00", "v9")

    save(app, client, tmp_path, "spot_00", HERE + 9.5)
    reviewed(app, "spot_00")
    assert len(flags(client, "spot_00")) == 2


def test_word_of_a_client_on_flags_is_not_taken(app: Any, client: TestClient, tmp_path: Path) -> None:
    propose(app, "spot_00")
    forged = {"labels": 99, "model_version": "v9", "flags": [{"kind": "far"}]}
    info = save(app, client, tmp_path, "spot_00", HERE, review=forged, first_submission={"model_version": "v9"})
    assert "review" not in info
    assert "first_submission" not in info
    assert reviewed(app, "spot_00") == {"model_version": "v1", "labels": 0, "flags": []}


def test_orders_are_judged_from_the_twentieth_label_on_and_then_in_earlier_labels_too(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path], tmp_path: Path, rng: np.random.Generator
) -> None:
    app = make_app(make_studies(21))
    client = client_of(app)
    for i in range(18):
        save(app, client, tmp_path, f"spot_{i:02}", HERE + rng.normal(0, 1, (2, 2)))
    save(app, client, tmp_path, "spot_18", HERE[::-1], model_version=None)
    assert reviewed(app, "spot_18")["flags"] == []  # 18 others are too few
    # A label that was put into the folder by hand counts too, once it is found.
    by_hand = app.datastore().folder / "labels" / "final" / "spot_19.mrk.json"
    write_label(by_hand, image_file(app, "spot_19"), HERE)
    app.datastore().refresh()
    save(app, client, tmp_path, "spot_20", HERE + 1.0)

    assert until(lambda: flags(client, "spot_18")) == [("swapped", ("bright", "dim"))]
    (flag,) = label_info(app, "spot_18")["review"]["flags"]
    assert flag["sentence"] == (
        "bright lies 40.0 px right of dim, but left of it in all 20 other labels: the two look exchanged."
    )
    page = client.get("/datastore/images?flagged=true").json()
    assert [image["id"] for image in page["images"]] == ["spot_18"]


def test_review_of_all_labels_without_a_model_goes_by_the_other_labels(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path], rng: np.random.Generator
) -> None:
    studies = make_studies(21)
    app = make_app(studies)
    client = client_of(app)
    for i in range(21):
        points = HERE[::-1] if i == 4 else HERE + rng.normal(0, 1, (2, 2))
        write_label(studies / "labels" / "final" / f"spot_{i:02}.mrk.json", image_file(app, f"spot_{i:02}"), points)
    app.datastore().refresh()
    response = client.post("/scoring/review", json={"protocol": "spots"})
    assert response.status_code == 200, response.text
    assert until(lambda: flags(client, "spot_04")) == [("swapped", ("bright", "dim"))]
    assert until(lambda: app.reviewer.stats()["spots"]["reviewed"] == 21)
    assert app.reviewer.stats()["spots"] == {"labels": 21, "reviewed": 21, "flagged": 1, "confirmed": 0, "waiting": 0}
    assert label_info(app, "spot_03")["review"] == {"model_version": None, "labels": 20, "flags": []}
    assert_refused(client.post("/scoring/review", json={"protocol": "nose"}), 404, "There is no protocol 'nose'")
    assert_refused(client.post("/scoring/review", json={"protocol": 3}), 422, "not 3")


def test_note_on_a_label_that_was_replaced_meanwhile_is_not_written(
    app: Any, client: TestClient, tmp_path: Path
) -> None:
    save(app, client, tmp_path, "spot_00", HERE)
    reviewed(app, "spot_00")
    old = app.datastore().objects["spot_00"].labels["final"].sha256
    save(app, client, tmp_path, "spot_00", HERE + 3)
    before = reviewed(app, "spot_00")
    app.datastore().note_labels("final", {"spot_00": (old, {"review": "of another label"}), "gone": (old, {})})
    assert label_info(app, "spot_00")["review"] == before


def test_many_notes_are_one_change(app: Any, client: TestClient, tmp_path: Path) -> None:
    for image in ("spot_00", "spot_01", "spot_02"):
        save(app, client, tmp_path, image, HERE)
        reviewed(app, image)
    store = app.datastore()
    digests = {image: entry.labels["final"].sha256 for image, entry in store.objects.items()}
    index = store.folder / "datastore_v2.json"
    written = index.stat().st_mtime_ns
    changes = store._state.model.changes
    store.note_labels("final", {image: (digest, {"seen": image}) for image, digest in digests.items()})
    assert {image: label_info(app, image)["seen"] for image in digests} == {image: image for image in digests}
    assert store._state.model.changes == changes + 3
    assert index.stat().st_mtime_ns > written


def test_review_that_fails_costs_no_label(
    app: Any, client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the review broke")

    monkeypatch.setattr(app.reviewer, "_examine", fail)
    save(app, client, tmp_path, "spot_00", HERE)
    assert until(lambda: "could not be reviewed" in caplog.text)
    monkeypatch.undo()
    save(app, client, tmp_path, "spot_01", HERE)  # and the next one is reviewed
    assert reviewed(app, "spot_01")["flags"] == []
    monkeypatch.setattr(app.reviewer, "_add", fail)
    path = write_label(tmp_path / "l.mrk.json", image_file(app, "spot_02"), HERE)
    assert put_label(client, path.read_bytes(), "spot_02").status_code == 200
    assert sorted(app.datastore().get_labeled_images()) == ["spot_00", "spot_01", "spot_02"]


def test_notes_that_cannot_be_written_are_tried_again(
    app: Any, client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_note, "SAVE_SECONDS", 0.1)
    store, real, calls = app.datastore(), app.datastore().note_labels, []

    def refuse_once(tag: str, notes: Any) -> None:
        calls.append(sorted(notes))
        if len(calls) == 1:
            raise review_note.InputError("The disk is full.")
        real(tag, notes)

    monkeypatch.setattr(store, "note_labels", refuse_once)
    save(app, client, tmp_path, "spot_00", HERE)
    assert reviewed(app, "spot_00")["flags"] == []
    assert calls == [["spot_00"], ["spot_00"]]


def test_restored_label_is_reviewed_as_it_is_now(app: Any, client: TestClient, tmp_path: Path) -> None:
    propose(app, "spot_00")
    save(app, client, tmp_path, "spot_00", HERE[::-1])
    reviewed(app, "spot_00")
    save(app, client, tmp_path, "spot_00", HERE)
    reviewed(app, "spot_00")
    assert flags(client, "spot_00") == []
    versions = client.get("/datastore/label/history?image=spot_00").json()["versions"]
    restored = client.post(f"/datastore/label/restore?image=spot_00&version={versions[0]['version']}")
    assert restored.status_code == 200, restored.text
    assert until(lambda: flags(client, "spot_00")) == [("swapped", ("bright", "dim"))]
