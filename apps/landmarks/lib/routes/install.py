"""Puts the app's routes in the place of MONAI Label's, with the gates and error answers in front of them."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from monailabel.config import settings

from ..access import keep_requests_out_of_logs, remove_token_traces, replace_middleware
from ..service import LandmarkService
from .active_learning import sampling_router
from .answers import PROBLEMS, add_error_answers, describe
from .batch import batch_router, tasks_router
from .calibration import calibration_router
from .doors import KEPT_PAGES, doors_router, weights_router
from .images import image_list_router, images_router
from .infer import infer_router
from .info import health_router, info_router
from .labels import label_history_router, labels_router
from .measurements import measurements_router
from .pictures import landmark_pictures_router, pictures_router
from .requests import check_request
from .sessions import sessions_router
from .train import model_versions_router, train_router
from .web_pages import FILES, PAGES, web_pages_router

#: Of two routes for the same request the first one answers.
ROUTERS = (
    health_router,
    info_router,
    landmark_pictures_router,
    infer_router,
    labels_router,
    label_history_router,
    images_router,
    image_list_router,
    calibration_router,
    measurements_router,
    pictures_router,
    train_router,
    model_versions_router,
    sampling_router,
    batch_router,
    tasks_router,
    sessions_router,
    weights_router,
    doors_router,
    web_pages_router,
)
#: Answers without a token.
OPEN_PATHS = ("/health", *PAGES)
OPEN_FOLDERS = (FILES,)
#: Where an image may be sent; what comes to any other address is small.
IMAGE_UPLOADS = (("PUT", "/datastore/image"), ("PUT", "/datastore/"), ("PUT", "/session/"), ("POST", "/infer/{model}"))


def install_routes(web: FastAPI, service: LandmarkService, app: Any) -> None:
    """Leaves the server the app's routes and the pages that describe them, and nothing else.

    Args:
        web: the server.
        service: answers the requests.
        app: the MONAI Label app, whose settings, sessions, strategies and scoring methods are used.
    """
    routes, prefix = web.router.routes, settings.MONAI_LABEL_API_STR
    pages = [route for route in routes if getattr(route, "path", None) in KEPT_PAGES]
    routes.clear()
    addresses = list(KEPT_PAGES)
    for make_router in ROUTERS:
        router = make_router(service, app)
        addresses += [f"{prefix}{route.path}" for route in router.routes if isinstance(route, APIRoute)]
        web.include_router(router, prefix=prefix, responses=PROBLEMS, dependencies=[Depends(check_request)])
    routes.extend(pages)
    conf = app.settings.conf
    open_paths = tuple(f"{prefix}{path}" for path in OPEN_PATHS)
    open_folders = tuple(f"{prefix}{path}" for path in OPEN_FOLDERS)
    uploads = tuple((method, f"{prefix}{path}") for method, path in IMAGE_UPLOADS)
    find_id = service.datastore.find_id
    replace_middleware(web, conf, open_paths, open_folders, uploads, find_id)
    add_error_answers(web)
    describe(web, asks_for_token=conf.token is not None)
    keep_requests_out_of_logs(addresses)
    remove_token_traces()
    if web.middleware_stack is not None:  # built when the server started, without all this
        web.middleware_stack = web.build_middleware_stack()
