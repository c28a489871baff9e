"""Checks of every request: a role, nothing stated twice, a body of the right kind, and JSON that can be stored."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Annotated, Any, NoReturn

from fastapi import Body, Depends, Request
from fastapi.params import Form
from monailabel.config import settings
from monailabel.endpoints.user.auth import DEFAULT_USER, RBAC, User
from pydantic import BeforeValidator

from ..errors import ContentTypeError, ParameterError


def _everybody() -> User:
    return DEFAULT_USER


def _has(role: str) -> Callable[..., Any]:
    # MONAI Label's own check takes a query parameter `token` where it is switched off.
    return RBAC(role) if settings.MONAI_LABEL_AUTH_ENABLE else _everybody


Admin = Annotated[User, Depends(_has(settings.MONAI_LABEL_AUTH_ROLE_ADMIN))]
Annotator = Annotated[User, Depends(_has(settings.MONAI_LABEL_AUTH_ROLE_ANNOTATOR))]
AnyUser = Annotated[User, Depends(_has(settings.MONAI_LABEL_AUTH_ROLE_USER))]


#: A form field that may come several times; its route says how many it takes.
_REPEATED = ("files",)
_FORM_TYPES = ("multipart/form-data", "application/x-www-form-urlencoded")


async def check_request(request: Request) -> None:
    """Refuses what could be understood in two ways.

    Raises:
        ParameterError: a parameter or form field is stated twice.
        ContentTypeError: a form was expected and something else came.
    """
    _refuse_twice(request.query_params.multi_items(), "parameter")
    if not _takes_form(request):
        return
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type in _FORM_TYPES:
        _refuse_twice((await request.form()).multi_items(), "form field")
    elif await request.body():
        raise ContentTypeError(f"This address takes a form (multipart/form-data), not {content_type[:80]!r}.")


def _takes_form(request: Request) -> bool:
    dependant = getattr(request.scope.get("route"), "dependant", None)
    return any(isinstance(field.field_info, Form) for field in getattr(dependant, "body_params", ()))


def _refuse_twice(items: Iterable[tuple[str, object]], kind: str) -> None:
    for name, count in Counter(name for name, _ in items).items():
        if count > 1 and name not in _REPEATED:
            raise ParameterError(f"The {kind} {name[:80]!r} is stated {count} times: state it once.")


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
