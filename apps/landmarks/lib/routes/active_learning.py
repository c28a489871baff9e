"""``POST /activelearning/{strategy}`` and ``POST /scoring/{method}``: unknown names are refused."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from monailabel.endpoints.activelearning import sample
from monailabel.endpoints.scoring import run_method

from ..errors import NotFoundError
from ..service import LandmarkService
from .access import Annotator, AnyUser


def sampling_router(service: LandmarkService, app: Any) -> APIRouter:
    """The next image to label, and scoring."""
    router = APIRouter(tags=["ActiveLearning"])

    @router.post("/activelearning/{strategy}", summary="The next image to label")
    def next_sample(
        *, strategy: str, params: Annotated[dict[str, Any] | None, Body()] = None, user: AnyUser
    ) -> dict[str, Any]:
        strategies = app.info()["strategies"]
        if strategy not in strategies:
            raise NotFoundError(f"There is no strategy {strategy[:80]!r}; there are {', '.join(strategies)}.")
        # The strategy in the address counts, and a client's name is text.
        chosen = {name: value for name, value in (params or {}).items() if name != "strategy"}
        chosen["client_id"] = str(chosen.get("client_id") or user.username)[:200]
        found = sample(strategy, chosen, user.username)
        if found:
            return dict(found)
        images = len(service.datastore.list_images())
        message = f"All {images} images are labelled." if images else "The studies folder has no images yet."
        return {"message": message}

    @router.post("/scoring/{method}", summary="Run a scoring method")
    def score(
        *, method: str, params: Annotated[dict[str, Any] | None, Body()] = None, run_sync: bool = False, user: Annotator
    ) -> Any:
        methods = app.info()["scoring"]
        if method not in methods:
            known = ", ".join(methods) or "none"
            raise NotFoundError(f"There is no scoring method {method[:80]!r}; there are {known}.")
        return run_method(method, params, run_sync)

    return router
