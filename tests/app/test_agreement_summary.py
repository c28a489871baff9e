"""Agreement on a real studies folder: what the server tells, and what is read of the folder without it."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_pair import HERE, found_at, label_info, save, until
from app_requests import assert_refused
from fastapi.testclient import TestClient

from lib.proposals import Proposal
from lib.quality import AgreementSummary
from monai_ext.active.agreement import agreement_document, read_agreement
from monai_ext.landmarks import InputError


def propose(app: Any, image: str, version: str = "v1") -> None:
    app.proposals.remember("spots", image, Proposal(version, found_at(app, image)))


@pytest.fixture
def labelled(app: Any, client: TestClient, tmp_path: Path) -> Any:
    """spot_00: from v1, moved by 5 px and not at all; spot_01: from v2, by 1 px each; spot_02: by hand."""
    propose(app, "spot_00")
    save(app, client, tmp_path, "spot_00", np.add(HERE, [[3.0, 4.0], [0.0, 0.0]]))
    propose(app, "spot_01", "v2")
    save(app, client, tmp_path, "spot_01", np.add(HERE, [0.0, 1.0]))
    save(app, client, tmp_path, "spot_02", HERE + 7.0, model_version=None)
    assert until(lambda: app.reviewer.stats()["spots"]["reviewed"] == 3)  # the notes of the review are written
    return app


def numbers(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(r["model_version"], r["unit"], r["labels"], r["points"], r["mean"], r["untouched"]) for r in rows]


def test_info_tells_the_agreement_of_each_version(labelled: Any) -> None:
    rows = labelled.info()["agreement"]["spots"]

    assert numbers(rows) == [("v1", "px", 1, 2, 2.5, 0.5), ("v2", "px", 1, 2, 1.0, 0.0)]
    assert rows[0]["within"] == [{"distance": 2.0, "share": 0.5}, {"distance": 4.0, "share": 0.5}]
    assert all(math.isfinite(r["median"]) for r in rows)


def test_folder_read_without_the_server_tells_the_same(labelled: Any, client: TestClient) -> None:
    folder = labelled.datastore().folder
    records = read_agreement(folder, "spots")

    assert {r.image: dict(r.distances) for r in records} == {
        "spot_00": {"bright": 5.0, "dim": 0.0},
        "spot_01": {"bright": 1.0, "dim": 1.0},
    }
    assert [r.time for r in records] == [label_info(labelled, r.image)["ts"] for r in records]
    assert read_agreement(folder, "face") == []
    assert client.post("/scoring/agreement", json={"protocol": "spots"}).json() == {
        "spots": agreement_document(records)
    }
    assert client.post("/scoring/agreement").json() == {"spots": agreement_document(records)}
    assert_refused(client.post("/scoring/agreement", json={"protocol": "nose"}), 404, "There is no protocol 'nose'")


def test_first_submission_counts_whatever_comes_later(labelled: Any, client: TestClient, tmp_path: Path) -> None:
    before = labelled.info()["agreement"]
    first = label_info(labelled, "spot_00")
    for version in ("v2", "v3"):
        propose(labelled, "spot_00", version)
        save(labelled, client, tmp_path, "spot_00", HERE + 9.0)
        propose(labelled, "spot_02", version)
        save(labelled, client, tmp_path, "spot_02", HERE)

    info = label_info(labelled, "spot_00")
    assert info["model_version"] == "v3"
    assert info["first_submission"] == {k: first[k] for k in ("model_version", "displacement", "unit", "ts")}
    assert label_info(labelled, "spot_02")["first_submission"]["model_version"] is None
    assert labelled.info()["agreement"] == before
    # An earlier version that is put back was still submitted first.
    versions = client.get("/datastore/label/history?image=spot_00").json()["versions"]
    client.post(f"/datastore/label/restore?image=spot_00&version={versions[-1]['version']}")
    assert labelled.info()["agreement"] == before


def test_deleted_label_is_gone_from_the_record(labelled: Any, client: TestClient) -> None:
    assert client.delete("/datastore/label?id=spot_00&tag=final").status_code == 200

    assert numbers(labelled.info()["agreement"]["spots"]) == [("v2", "px", 1, 2, 1.0, 0.0)]
    assert [r.image for r in read_agreement(labelled.datastore().folder, "spots")] == ["spot_01"]


def test_label_that_was_replaced_without_the_server_is_gone_from_the_record(labelled: Any, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(labelled.datastore().folder, copy)
    labels = copy / "labels" / "final"
    shutil.copy(labels / "spot_02.mrk.json", labels / "spot_00.mrk.json")

    assert [r.image for r in read_agreement(copy, "spots")] == ["spot_01"]


def test_drafts_do_not_count(app: Any, client: TestClient, upload: Any) -> None:
    propose(app, "spot_00")
    client.put("/datastore/label?image=spot_00&tag=draft", files={"label": ("l.mrk.json", upload())})

    assert app.info()["agreement"] == {}


def test_agreement_is_reckoned_once_for_each_state_of_the_labels(
    labelled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = AgreementSummary(labelled.datastore())
    looks = []
    real = summary._records
    monkeypatch.setattr(summary, "_records", lambda objects: looks.append(1) or real(objects))
    for _ in range(3):
        summary.summary()
        summary.document("spots")
    assert len(looks) == 1
    labelled.datastore().update_image_info("spot_00", {"note": "x"})
    summary.summary()
    assert len(looks) == 2


def test_notes_that_no_server_writes_are_told_of_and_left_out(
    labelled: Any, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    labelled.datastore().update_label_info("spot_00", "final", {"displacement": {"bright": -3.0}})

    for _ in range(2):
        assert numbers(labelled.info()["agreement"]["spots"]) == [("v2", "px", 1, 2, 1.0, 0.0)]
    assert caplog.text.count("The notes on the final label of spot_00 do not say") == 1
    with pytest.warns(UserWarning, match="final label of spot_00"):
        assert [r.image for r in read_agreement(labelled.datastore().folder, "spots")] == ["spot_01"]


def test_folder_without_an_index_has_no_record_and_a_damaged_one_is_said(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    assert read_agreement(tmp_path / "studies", "spots") == []
    (tmp_path / "studies" / "datastore_v2.json").write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        read_agreement(tmp_path / "studies", "spots")
    with pytest.raises(InputError, match="does not exist"):
        read_agreement(tmp_path / "nowhere", "spots")
