"""Requests: a role, nothing stated twice, a body of the right kind, JSON that can be stored, the reader they mean."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Annotated, Any, NoReturn

from fastapi import Body, Depends, Form, Query, Request, params
from monailabel.config import settings
from monailabel.endpoints.user.auth import DEFAULT_USER, RBAC, User
from pydantic import BeforeValidator

from monai_ext.studies import LABEL_TAGS, LONGEST_NAME, checked_name, reader_of

from ..datastore import LandmarkDatastore
from ..errors import ContentTypeError, NotFoundError, ParameterError
from ..service import LandmarkService


async def _everybody() -> User:  # a plain function would wait for a thread
    return DEFAULT_USER


def _has(role: str) -> Callable[..., Any]:
    # MONAI Label's own check takes a query parameter `token` where it is switched off.
    return RBAC(role) if settings.MONAI_LABEL_AUTH_ENABLE else _everybody


Admin = Annotated[User, Depends(_has(settings.MONAI_LABEL_AUTH_ROLE_ADMIN))]
Annotator = Annotated[User, Depends(_has(settings.MONAI_LABEL_AUTH_ROLE_ANNOTATOR))]
AnyUser = Annotated[User, Depends(_has(settings.MONAI_LABEL_AUTH_ROLE_USER))]


def of_server(name: str) -> Any:
    """The dependency that gives a request what the server that was asked keeps under a name."""

    async def kept(request: Request) -> Any:
        return getattr(request.app.state, name)

    return Depends(kept)


Service = Annotated[LandmarkService, of_server("service")]
#: The MONAI Label app.
App = Annotated[Any, of_server("app")]

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
    return any(isinstance(field.field_info, params.Form) for field in getattr(dependant, "body_params", ()))


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


#: The text of a JSON object in a form field.
JsonText = Annotated[str, Form()]
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


#: The reader in the address of a request.
Reader = Annotated[
    str, Query(max_length=LONGEST_NAME, description="Whose label is meant, where a study has several readers")
]
#: What proposals of networks are saved under: every reader's.
SHARED = "original"
#: What everybody may know of everybody's label.
TOLD = ("annotator", "user", "protocol", "model_version", "ts", "name")


def reader_in(service: LandmarkService, names: dict[str, Any], user: User) -> str | None:
    """The reader whom a request names; None in a study with one reader.

    Args:
        service: of the study.
        names: the request's ``annotator``, or the ``client_id`` of MONAI Label's own client.
        user: who signed in, where that is requested.

    Raises:
        ParameterError: the request contains no name.
        InputError: the name cannot be noted.
    """
    if service.datastore.readers == 1:
        return None
    stated = {name: names.get(name) for name in ("annotator", "client_id")}
    found = reader_of({**stated, "user": user.username or DEFAULT_USER.username})
    if not found:
        raise ParameterError(
            f"This study has {service.datastore.readers} readers, each of whom sees only their own labels: state who "
            "you are, as annotator=NAME in the address or as params.annotator of a label."
        )
    return checked_name(found)


def label_tag(service: LandmarkService, image: str, tag: str, annotator: str, user: User) -> str:
    """The tag under which the label lies that a request means: in a study with several readers the reader's own.

    Raises:
        ParameterError: the request does not say whose label it means.
        NotFoundError: the tag is none that requests may name.
        NotFoundError: the reader has no such label.
    """
    reader = reader_in(service, {"annotator": annotator}, user)
    if reader is None or tag == SHARED:
        return tag
    if tag not in LABEL_TAGS:
        raise NotFoundError(f"The label tag {tag[:80]!r} is unknown; use one of {', '.join(LABEL_TAGS)}.")
    return service.datastore.reading_tag(image, tag, reader)


def everything(datastore: LandmarkDatastore) -> dict[str, Any]:
    """MONAI Label's list of all images and labels with their notes.

    In a study with several readers it reports only who made which label, for what and when.
    """
    overview = dict(datastore.json())
    if datastore.readers == 1:
        return overview
    objects = {
        image: {
            **entry,
            "labels": {
                tag: {**label, "info": {name: label["info"].get(name) for name in TOLD if name in label["info"]}}
                for tag, label in entry["labels"].items()
            },
        }
        for image, entry in overview["objects"].items()
    }
    return {**overview, "objects": objects}
