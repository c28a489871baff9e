"""Agreement: the distances between proposed and submitted points, in numbers that are reckoned by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from monai_ext.active.agreement import (
    AgreementRecord,
    agreement,
    agreement_document,
    agreement_record,
    draw_agreement,
    summary_document,
)
from monai_ext.active.agreement.plot import running_mean, version_changes
from monai_ext.landmarks import InputError
from monai_ext.studies import with_first_submission

DAY = 86_400
NOON = 1_767_268_800  # 2026-01-01T12:00:00+00:00


def record(image: str, version: str, time: int, unit: Any = "px", **distances: float | None) -> AgreementRecord:
    return AgreementRecord(image, "spots", version, unit, time, distances)


RECORDS = [
    record("d", "v2", NOON + 2 * DAY, bright=0.0, dim=1.0),
    record("a", "v1", NOON, bright=3.0, dim=None),
    record("c", "v2", NOON + DAY, bright=0.0, dim=0.0),
    record("b", "v1", NOON + 5 * DAY, bright=5.0, dim=2.0),
]


def test_each_version_has_its_numbers_whatever_the_order_of_the_records() -> None:
    first, second = agreement(RECORDS)

    assert (first.model_version, first.labels, first.points, first.unit) == ("v1", 2, 3, "px")
    assert (first.mean, first.median, first.untouched) == (pytest.approx(10 / 3), 3.0, 0.0)
    assert dict(first.within) == {2.0: pytest.approx(1 / 3), 4.0: pytest.approx(2 / 3)}
    assert {name: (row.points, row.mean) for name, row in first.landmarks.items()} == {
        "bright": (2, 4.0),
        "dim": (1, 2.0),
    }
    assert (first.first, first.last) == (NOON, NOON + 5 * DAY)

    assert (second.model_version, second.labels, second.points) == ("v2", 2, 4)
    assert (second.mean, second.median, second.untouched) == (0.25, 0.0, 0.75)
    assert dict(second.within) == {2.0: 1.0, 4.0: 1.0}
    assert agreement(RECORDS[::-1]) == agreement(RECORDS)


def test_pixels_and_millimetres_are_never_mixed() -> None:
    mixed = [record("a", "v1", NOON, "px", spur=8.0), record("b", "v1", NOON + 1, "mm", spur=0.5)]

    rows = agreement(mixed, thresholds=(1.0,))

    assert [(r.unit, r.labels, r.mean, dict(r.within)) for r in rows] == [
        ("px", 1, 8.0, {1.0: 0.0}),
        ("mm", 1, 0.5, {1.0: 1.0}),
    ]


def test_nineteen_landmarks_agree_with_numpy(rng: np.random.Generator) -> None:
    table = rng.uniform(0, 6, (7, 19)).round(4)
    table[rng.random((7, 19)) < 0.3] = np.nan
    table[2] = np.nan  # nothing of this label was compared
    names = [f"l{k}" for k in range(19)]
    records = [
        AgreementRecord(
            str(i),
            "ceph",
            "v1",
            "mm",
            NOON + i,
            {n: None if np.isnan(d) else d for n, d in zip(names, row, strict=True)},
        )
        for i, row in enumerate(table.tolist())
    ]

    (row,) = agreement(records, thresholds=(2.5,))

    known = table[~np.isnan(table)]
    assert (row.labels, row.points) == (7, len(known))
    assert (row.mean, row.median) == (pytest.approx(known.mean()), pytest.approx(np.median(known)))
    assert row.within[2.5] == pytest.approx((known <= 2.5).mean())
    assert [row.landmarks[n].mean for n in names] == pytest.approx(np.nanmean(table, axis=0).tolist())
    assert [row.landmarks[n].points for n in names] == (~np.isnan(table)).sum(0).tolist()


def test_version_that_no_point_was_compared_with_has_no_distances() -> None:
    (row,) = agreement([record("a", "v1", NOON, bright=None, dim=None)])

    answer = summary_document(row)

    assert (answer["labels"], answer["points"]) == (1, 0)
    assert answer["mean"] is answer["median"] is answer["untouched"] is None
    assert answer["within"] == [{"distance": 2.0, "share": None}, {"distance": 4.0, "share": None}]


def test_versions_follow_their_first_use_and_v2_comes_before_v10() -> None:
    used = [record("a", "v10", NOON, x=1.0), record("b", "v2", NOON, x=1.0), record("c", "v3", NOON - 1, x=1.0)]

    assert [row.model_version for row in agreement(used)] == ["v3", "v2", "v10"]


def test_document_is_finite_json_in_the_order_of_time() -> None:
    document = json.loads(json.dumps(agreement_document(RECORDS), allow_nan=False))

    assert (document["protocol"], document["landmarks"]) == ("spots", ["bright", "dim"])
    assert [(row["image"], row["mean"]) for row in document["labels"]] == [
        ("a", 3.0),
        ("c", 0.0),
        ("d", 0.5),
        ("b", 3.5),
    ]
    assert document["labels"][0] == {
        "image": "a",
        "model_version": "v1",
        "unit": "px",
        "date": "2026-01-01T12:00:00+00:00",
        "mean": 3.0,
        "distances": {"bright": 3.0, "dim": None},
    }
    first = document["versions"][0]
    assert (first["first"], first["last"]) == ("2026-01-01T12:00:00+00:00", "2026-01-06T12:00:00+00:00")
    assert first["landmarks"] == {"bright": {"points": 2, "mean": 4.0}, "dim": {"points": 1, "mean": 2.0}}
    assert agreement_document([]) == {"protocol": None, "landmarks": [], "versions": [], "labels": []}


def test_records_of_two_protocols_are_refused() -> None:
    with pytest.raises(InputError, match="protocols face, spots"):
        agreement_document([RECORDS[0], AgreementRecord("x", "face", "v1", "px", NOON, {"nose": 1.0})])


INFO = {
    "protocol": "spots",
    "model_version": "v1",
    "unit": "mm",
    "ts": NOON,
    "displacement": {"bright": 1, "dim": None},
}


def test_record_is_read_from_the_notes_on_a_label() -> None:
    found = agreement_record("a", INFO)

    assert found == AgreementRecord("a", "spots", "v1", "mm", NOON, {"bright": 1.0, "dim": None})


@pytest.mark.parametrize("by_hand", [{"model_version": None}, {"displacement": None}])
def test_label_placed_by_hand_is_no_record(by_hand: dict[str, None]) -> None:
    assert agreement_record("a", INFO | by_hand) is None
    assert agreement_record("a", {"ts": NOON, "name": "a.mrk.json"}) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"displacement": {"bright": -1.0}},
        {"displacement": {"bright": float("nan")}},
        {"displacement": {"bright": "3 px"}},
        {"displacement": {"bright": True}},
        {"displacement": [1.0, 2.0]},
        {"unit": "inch"},
        {"ts": "now"},
        {"model_version": 3},
        {"protocol": None},
    ],
)
def test_notes_that_no_server_writes_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="final label of a do not say"):
        agreement_record("a", INFO | wrong)


def test_later_correction_does_not_change_the_record_of_the_first_submission() -> None:
    second = with_first_submission({**INFO, "ts": NOON + DAY, "displacement": {"bright": 9.0}}, INFO)
    third = with_first_submission({**INFO, "ts": NOON + 2 * DAY, "model_version": "v7"}, second)

    assert agreement_record("a", second) == agreement_record("a", third) == agreement_record("a", INFO)


def test_correction_that_began_with_a_proposal_does_not_count_where_the_first_label_was_placed_by_hand() -> None:
    by_hand = {"protocol": "spots", "model_version": None, "unit": "mm", "ts": NOON, "displacement": None}

    assert agreement_record("a", with_first_submission(INFO, by_hand)) is None


def test_running_mean_begins_anew_with_each_version() -> None:
    distances, versions = np.array([4.0, 2.0, 0.0, 9.0, 1.0, 3.0]), ["v1", "v1", "v1", "v2", "v2", "v1"]

    assert running_mean(distances, versions, window=2).tolist() == [4.0, 3.0, 1.0, 9.0, 5.0, 3.0]
    assert version_changes(versions) == [3, 5]


def test_drawing_has_a_panel_for_each_unit(tmp_path: Path) -> None:
    draw_agreement(RECORDS, tmp_path / "one.png")
    draw_agreement([*RECORDS, record("e", "v1", NOON, "mm", bright=1.0)], tmp_path / "two.png")

    one, two = (Image.open(tmp_path / name) for name in ("one.png", "two.png"))
    assert one.width == two.width
    assert two.height > 1.5 * one.height
    colors = {color for _, color in one.convert("RGB").getcolors(1 << 20) or []}
    assert (0, 0, 0) in colors  # the running mean


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no agreement to draw"):
        draw_agreement([record("a", "v1", NOON, bright=None)], tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()
