"""Puts the app's routes in the place of MONAI Label's, with the gates and error answers in front of them."""

from __future__ import annotations

import time
import uuid
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from monailabel.config import settings

from ..access import keep_requests_out_of_logs, remove_token_traces, replace_middleware
from ..image_list import ImageListing
from ..pictures import Pictures
from ..service import LandmarkService
from . import (
    active_learning,
    batch,
    calibration,
    doors,
    images,
    infer,
    info,
    labels,
    measurements,
    pictures,
    sessions,
    train,
    web_pages,
)
from .answers import PROBLEMS, add_error_answers, describe
from .requests import check_request

#: Of two routes for the same request the first one answers.
ROUTERS = (
    info.router,
    infer.router,
    labels.router,
    images.router,
    calibration.router,
    measurements.router,
    pictures.router,
    train.router,
    active_learning.router,
    batch.router,
    sessions.router,
    doors.router,
    web_pages.router,
)
_PREFIX = settings.MONAI_LABEL_API_STR
#: All routes, made once; the servers of a process share them, and each has its own service in its state.
_SHARED = APIRouter(prefix=_PREFIX, responses=PROBLEMS, dependencies=[Depends(check_request)])
for _router in ROUTERS:
    _SHARED.include_router(_router)
_ADDRESSES = [f"{_PREFIX}{route.path}" for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
#: Answers without a token.
_OPEN_PATHS = tuple(f"{_PREFIX}{path}" for path in ("/health", *web_pages.PAGES))
_OPEN_FOLDERS = (f"{_PREFIX}{web_pages.FILES}",)
#: Where an image may be sent; what comes to any other address is small.
_IMAGE_UPLOADS = (
    ("PUT", f"{_PREFIX}/datastore/image"),
    ("PUT", f"{_PREFIX}/datastore/"),
    ("PUT", f"{_PREFIX}/session/"),
    ("POST", f"{_PREFIX}/infer/{{model}}"),
)


def install_routes(web: FastAPI, service: LandmarkService, app: Any) -> None:
    """Leaves the server the app's routes and the pages that describe them, and nothing else.

    Args:
        web: the server.
        service: answers the requests.
        app: the MONAI Label app, whose settings, sessions, strategies and scoring methods are used.
    """
    state, routes, conf = web.state, web.router.routes, app.settings.conf
    state.service, state.app = service, app
    state.listing, state.pictures = ImageListing(service.datastore, service.protocols), Pictures()
    state.instance = uuid.uuid4().hex  # by which a client knows two addresses of this server for one
    state.started = time.monotonic()
    routes[:] = [*_SHARED.routes, *(route for route in routes if getattr(route, "path", None) in doors.KEPT_PAGES)]
    replace_middleware(web, conf, _OPEN_PATHS, _OPEN_FOLDERS, _IMAGE_UPLOADS, service.datastore.find_id)
    add_error_answers(web)
    describe(web, asks_for_token=conf.token is not None)
    keep_requests_out_of_logs([*doors.KEPT_PAGES, *_ADDRESSES])
    remove_token_traces()
    if web.middleware_stack is not None:  # built when the server started, without all this
        web.middleware_stack = web.build_middleware_stack()
