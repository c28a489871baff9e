"""Readers of a study: whose label a request means."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from monailabel.endpoints.user.auth import DEFAULT_USER, User

from monai_ext.studies import LABEL_TAGS, LONGEST_NAME, checked_name, reader_of

from ..datastore import LandmarkDatastore
from ..errors import NotFoundError, ParameterError
from ..service import LandmarkService

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
