from __future__ import annotations

import json

import numpy as np
import pytest

from monai_ext.landmarks import Frame, InputError, Landmarks, Protocol, prediction_document

PROTOCOL = Protocol.model_validate(
    {
        "name": "task",
        "title": "Task",
        "channels": "grey",
        "landmarks": [{"name": name, "description": "."} for name in ("a", "b", "c", "d")],
        "measurements": [{"name": "ab", "between": ["a", "b"]}, {"name": "ac", "between": ["a", "c"]}],
    }
)
FRAME = Frame(64, 48, placement=[[0.5, 0, 10], [0, 2, 20], [0, 0, 30]], spacing=(0.5, 2.0), spacing_source="MHA")


def landmarks(frame=FRAME):
    points = [[8, 5], [2, 5], [4, 4], [np.nan, np.nan]]
    return Landmarks(["a", "b", "c", "d"], points, frame, [1, 1, 0, -1], [0.9, np.nan, 0.8, np.nan])


def answer(found=None, **changes):
    return prediction_document(
        PROTOCOL, landmarks() if found is None else found, **({"image": "eye", "model_version": "v1"} | changes)
    )


def test_the_whole_document():
    assert answer(latencies={"infer": np.float32(0.5)}) == {
        "protocol": "task",
        "model_version": "v1",
        "image": "eye",
        "unit": "mm",
        "spacing": [0.5, 2.0],
        "spacing_source": "MHA",
        "coverage": None,
        "landmarks": [
            {
                "name": "a",
                "status": "defined",
                "pixel": [8, 5],
                "position": [14, 30, 30],
                "confidence": 0.9,
                "radius": None,
            },
            {
                "name": "b",
                "status": "defined",
                "pixel": [2, 5],
                "position": [11, 30, 30],
                "confidence": None,
                "radius": None,
            },
            {
                "name": "c",
                "status": "missing",
                "pixel": [4, 4],
                "position": [12, 28, 30],
                "confidence": 0.8,
                "radius": None,
            },
            {"name": "d", "status": "undefined", "pixel": None, "position": None, "confidence": None, "radius": None},
        ],
        "measurements": [{"name": "ab", "value": 3.0, "unit": "mm"}],
        "uncertainty": {},
        "latencies": {"infer": 0.5},
    }


def test_without_calibration_the_unit_is_px_and_the_spacing_one():
    got = answer(landmarks(Frame(64, 48, placement=FRAME.placement)))
    assert (got["unit"], got["spacing"]) == ("px", [1.0, 1.0])
    assert got["measurements"] == [{"name": "ab", "value": 6.0, "unit": "px"}]
    assert got["landmarks"][0]["position"] == [14, 30, 30]


def test_the_order_is_the_protocols_and_absent_names_are_undefined():
    got = answer(Landmarks(["c", "a"], [[1, 2], [3, 4]], FRAME))
    assert [(item["name"], item["status"]) for item in got["landmarks"]] == [
        ("a", "defined"),
        ("b", "undefined"),
        ("c", "defined"),
        ("d", "undefined"),
    ]
    assert got["landmarks"][0]["pixel"] == [3, 4]


def test_radius_one_for_all_or_one_each():
    assert [item["radius"] for item in answer(radius=1.5)["landmarks"]] == [1.5] * 4
    radii = np.array([1, 2, np.nan, np.inf], dtype=np.float32)
    assert [item["radius"] for item in answer(radius=radii)["landmarks"]] == [1.0, 2.0, None, None]
    with pytest.raises(InputError, match=r"one for each of 4 landmarks, not of shape \(2,\)"):
        answer(radius=[1, 2])


def test_it_is_json_of_finite_numbers_and_plain_types():
    uncertainty = {
        "entropy": np.float32(0.5),
        "map": np.array([[1.0, np.nan]]),
        3: (np.int64(4), float("inf")),
        "ok": np.bool_(True),
    }
    got = answer(uncertainty=uncertainty, radius=float("nan"))
    assert got["uncertainty"] == {"entropy": 0.5, "map": [[1.0, None]], "3": [4, None], "ok": True}
    assert json.loads(json.dumps(got, allow_nan=False)) == got

    def check(value):
        if isinstance(value, dict):
            assert all(type(key) is str for key in value)
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                check(item)
        else:
            assert type(value) in {str, int, float, bool, type(None)}

    check(got)


def test_what_json_cannot_hold_is_a_programming_error():
    with pytest.raises(TypeError, match="set cannot be written as JSON"):
        answer(uncertainty={"x": {1}})
