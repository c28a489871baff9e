"""The ``params`` of a request: a JSON object in a form field."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from .errors import ParameterError
from .json_bounds import check_json


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
