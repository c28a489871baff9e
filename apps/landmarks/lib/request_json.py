"""JSON of a request: shallow, finite and storable, in a body or in a form field."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, NoReturn

from fastapi import Body
from pydantic import BeforeValidator

from .errors import ParameterError

#: How deep lists and objects of a request may be nested.
MAX_DEPTH = 20


def check_json(document: Any) -> Any:
    """The document itself, when it can be stored and sent again.

    Raises:
        ValueError: nested too deep, a number that is not finite, or text that is not Unicode.
    """
    level = [document]
    for _ in range(MAX_DEPTH + 1):
        inner: list[Any] = []
        for value in level:
            _check_leaf(value)
            if isinstance(value, dict):
                for name in value:
                    _check_leaf(name)
                inner.extend(value.values())
            elif isinstance(value, list):
                inner.extend(value)
        if not inner:
            return document
        level = inner
    raise ValueError(f"JSON that is nested more than {MAX_DEPTH} deep cannot be read: flatten it")


def _check_leaf(value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a number is {value}: give a finite one")
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(f"the text {value[:40]!r} is not Unicode ({error.reason})") from None


#: The JSON object in the body of a request, or none.
JsonObject = Annotated[dict[str, Any] | None, Body(), BeforeValidator(check_json)]


def parse_params(text: str | None, field: str = "params") -> dict[str, Any]:
    """The JSON object in a form field; empty text is an empty object.

    Raises:
        ParameterError: not JSON, not an object, nested too deep, text that is not Unicode, or a number that is not
            finite.
    """
    if not text or not text.strip():
        return {}
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except ParameterError:
        raise
    except RecursionError:
        raise ParameterError(
            f"The field {field!r} must be a JSON object, but is nested too deep: flatten it."
        ) from None
    except ValueError as error:
        raise ParameterError(f"The field {field!r} must be a JSON object, but is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise ParameterError(f"The field {field!r} must be a JSON object, not {text[:80]!r}.")
    try:
        check_json(document)
    except ValueError as error:
        raise ParameterError(f"The field {field!r} cannot be used: {error}.") from None
    return document


def _refuse_constant(word: str) -> NoReturn:
    raise ParameterError(f"A parameter has the value {word}; give a finite number.")
