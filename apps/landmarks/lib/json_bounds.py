"""JSON that a request carries: shallow, finite and storable, whatever it is used for later."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import Body
from pydantic import BeforeValidator

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
    raise ValueError(f"JSON that is nested more than {MAX_DEPTH} deep is not read: flatten it")


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
