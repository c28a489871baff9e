"""An evaluation as JSON and back."""

from __future__ import annotations

import json

import pytest

from monai_ext.evaluation import Evaluation, evaluate_landmarks
from monai_ext.landmarks import InputError


def test_the_document_is_finite_json_and_comes_back_whole(pairs) -> None:
    evaluation = evaluate_landmarks(pairs, [2, 4], 4, 10)
    text = json.dumps(evaluation.to_dict(), allow_nan=False)
    again = Evaluation.from_dict(json.loads(text))
    assert again.to_dict() == evaluation.to_dict()
    assert again.overall == evaluation.overall
    assert again.landmarks == evaluation.landmarks
    assert again.names == ("fovea", "disc", "vessel")


def test_what_is_not_measurable_is_null(make_landmarks) -> None:
    pair = ("a", make_landmarks([(1, 2)] * 3), make_landmarks([(1, 2)] * 3, [0, 0, 0]))
    document = evaluate_landmarks([pair], [2], 4, 10).to_dict()
    json.dumps(document, allow_nan=False)
    assert document["overall"]["mre"] is None
    assert document["overall"]["sdr"] == [None]
    assert document["auc"] is None
    assert document["images"][0]["errors"] == [None, None, None]
    assert document["overall"]["misses"] == 3


def test_one_image_has_no_standard_deviation(pairs) -> None:
    document = evaluate_landmarks(pairs[:1], [2], 4, 10).to_dict()
    assert document["me_sd"] is None
    assert document["landmarks"][0]["sd"] is None
    assert document["landmarks"][0]["mre"] == 5.0


def test_a_document_that_lacks_a_key_is_refused(pairs) -> None:
    document = evaluate_landmarks(pairs, [2], 4, 10).to_dict()
    del document["landmarks"][0]["misses"]
    with pytest.raises(InputError, match="lacks the key 'misses'"):
        Evaluation.from_dict(document)


def test_a_document_with_a_wrong_value_is_refused(pairs) -> None:
    document = evaluate_landmarks(pairs, [2], 4, 10).to_dict()
    with pytest.raises(InputError, match=r"wrong kind: .*'far'"):
        Evaluation.from_dict(document | {"me": "far"})
    with pytest.raises(InputError, match="wrong kind"):
        Evaluation.from_dict(document | {"thresholds": [2, 4]})
