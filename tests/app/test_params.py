"""JSON that requests carry: an object that is shallow, finite and Unicode."""

from __future__ import annotations

from typing import Any

import pytest

from lib.errors import ParameterError
from lib.routes.requests import MAX_DEPTH, check_json, parse_params


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def test_an_object_is_read_as_it_stands() -> None:
    text = '{"a": [1, 2.5, null, true, "é"], "b": {"c": {}}, "d": "\\ud83d\\ude00"}'
    assert parse_params(text) == {"a": [1, 2.5, None, True, "é"], "b": {"c": {}}, "d": "\N{GRINNING FACE}"}
    assert parse_params("") == parse_params(None) == parse_params(" \n") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[1]", r"must be a JSON object, not '\[1\]'"),
        ("null", "must be a JSON object"),
        ('{"x": NaN}', "the value NaN; give a finite number"),
        ('{"x": [-Infinity]}', "the value -Infinity"),
        ('{"x": 1e999}', "a number is inf"),
        ('{"x": "\\ud800"}', "is not Unicode"),
        ('{"\\udfff": 1}', "is not Unicode"),
        ('{"x": ' + "9" * 5000 + "}", "is not JSON"),
        ('{"a":' * 30 + "1" + "}" * 30, "nested more than 20 deep"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deep"),
    ],
)
def test_anything_else_is_refused_with_one_sentence(text: str, words: str) -> None:
    with pytest.raises(ParameterError, match=words) as caught:
        parse_params(text, "info")
    assert str(caught.value).endswith(".")
    assert len(str(caught.value)) < 300


def test_depth_is_counted_exactly() -> None:
    assert check_json(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    with pytest.raises(ValueError, match=f"more than {MAX_DEPTH} deep"):
        check_json(nested(MAX_DEPTH + 1))
