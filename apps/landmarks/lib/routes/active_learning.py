"""``POST /activelearning/{strategy}`` and ``POST /scoring/{method}``: unknown names are refused."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter
from monailabel.endpoints.scoring import run_method

from ..errors import NotFoundError
from ..json_bounds import JsonObject
from ..service import LandmarkService
from .access import Annotator, AnyUser


def sampling_router(service: LandmarkService, app: Any) -> APIRouter:
    """The next image to label, and scoring."""
    router = APIRouter(tags=["ActiveLearning"])

    @router.post("/activelearning/{strategy}", summary="The next image to label")
    def next_sample(*, strategy: str, params: JsonObject = None, user: AnyUser) -> dict[str, Any]:
        strategies = app.info()["strategies"]
        if strategy not in strategies:
            raise NotFoundError(f"There is no strategy {strategy[:80]!r}; there are {', '.join(strategies)}.")
        # The strategy in the address counts, and a client's name is text.
        client = str((params or {}).get("client_id") or user.username)[:200]
        found = app.next_sample({**(params or {}), "strategy": strategy, "client_id": client})
        if found:
            return _offered(service, strategy, client, found)
        images = len(service.datastore.list_images())
        message = f"All {images} images are labelled." if images else "The studies folder has no images yet."
        return {"message": message}

    @router.post("/scoring/{method}", summary="Run a scoring method")
    def score(*, method: str, params: JsonObject = None, run_sync: bool = False, user: Annotator) -> Any:
        methods = app.info()["scoring"]
        if method not in methods:
            known = ", ".join(methods) or "none"
            raise NotFoundError(f"There is no scoring method {method[:80]!r}; there are {known}.")
        return run_method(method, params, run_sync)

    return router


def _offered(service: LandmarkService, strategy: str, client: str, found: dict[str, Any]) -> dict[str, Any]:
    """The chosen image with its info, in which the offer is noted."""
    image = found["id"]
    info = service.datastore.get_image_info(image)
    offers = info.get("strategy")
    offers = {**(offers if isinstance(offers, dict) else {}), strategy: {"ts": int(time.time()), "client_id": client}}
    service.datastore.update_image_info(image, {"strategy": offers})
    return {**info, "strategy": offers, **found}
