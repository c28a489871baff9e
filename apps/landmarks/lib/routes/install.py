"""Puts the app's routes and error answers in front of those of the running server."""

from __future__ import annotations

import sys

from fastapi import FastAPI
from monailabel.config import settings

from ..service import LandmarkService
from .active_learning import sampling_router
from .batch import batch_router
from .error_answers import add_error_answers
from .image_list import image_list_router
from .images import images_router
from .infer import infer_router
from .labels import labels_router
from .train import train_router
from .weights import weights_router


def running_server() -> FastAPI | None:
    """The web server of this process; None in the processes that MONAI Label starts for training and scoring."""
    module = sys.modules.get("monailabel.app")
    return None if module is None else module.app


def install_routes(web: FastAPI, service: LandmarkService, app: object) -> None:
    """Adds the routes at the front, so that they win; a second call replaces those of the first.

    Args:
        web: the server.
        service: answers the requests.
        app: the MONAI Label app, whose sessions, strategies and scoring methods are used.
    """
    routes = web.router.routes
    routes[:] = [route for route in routes if route not in getattr(web.state, "landmark_routes", ())]
    before = len(routes)
    routers = (infer_router, labels_router, images_router, image_list_router, train_router, sampling_router)
    for make_router in (*routers, batch_router, weights_router):
        web.include_router(make_router(service, app), prefix=settings.MONAI_LABEL_API_STR)
    added = list(routes[before:])
    routes[:] = [*added, *routes[:before]]
    web.state.landmark_routes = added
    add_error_answers(web)
    web.openapi_schema = None
    if web.middleware_stack is not None:  # built when the server started, without the new error answers
        web.middleware_stack = web.build_middleware_stack()
