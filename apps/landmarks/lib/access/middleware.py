"""The order of what stands in front of the routes; web pages of other origins only where they are listed."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from ..conf import AccessSettings, LimitSettings
from .body_limit import BodyLimit
from .gate import AddressGate, TokenGate
from .image_names import ImageNames

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
HEADERS = ("Authorization", "Content-Type")


def replace_middleware(
    web: FastAPI,
    access: AccessSettings,
    limits: LimitSettings,
    open_paths: tuple[str, ...],
    open_folders: tuple[str, ...],
    image_uploads: tuple[tuple[str, str], ...],
    find_id: Callable[[str], str],
) -> None:
    """Puts the gates in front of a server, instead of its own middleware that lets every web page in.

    The address is looked at first. A browser's question whether a listed page may call carries no token: it is
    answered before the token is asked for.

    Args:
        web: the server; its middleware has to be built again.
        access: who may call.
        limits: how much a request may hold.
        open_paths: paths that need no token.
        open_folders: all below these needs none.
        image_uploads: method and address of the requests that may bring an image; all others are small.
        find_id: gives the listed ID of an image that a request names.
    """
    ours = (AddressGate, TokenGate, BodyLimit, CORSMiddleware, ImageNames)
    others = [entry for entry in web.user_middleware if entry.cls not in ours]
    front = [Middleware(AddressGate, access=access)]
    if access.allow_origins:
        front.append(
            Middleware(
                CORSMiddleware,
                allow_origins=list(access.allow_origins),
                allow_methods=METHODS,
                allow_headers=HEADERS,
                expose_headers=["Content-Disposition"],
            )
        )
    if access.token is not None:
        gate = Middleware(TokenGate, token=access.token, open_paths=open_paths, open_folders=open_folders)
        front.append(gate)
    front.append(Middleware(BodyLimit, max_body_mb=limits.max_body_mb, image_uploads=image_uploads))
    front.append(Middleware(ImageNames, find_id=find_id))
    web.user_middleware[:] = [*front, *others]
