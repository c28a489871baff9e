"""Checks of every request: a role, nothing stated twice, and a body of the right kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.params import Form
from monailabel.config import settings
from monailabel.endpoints.user.auth import DEFAULT_USER, RBAC, User

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
