"""``POST /activelearning/{strategy}`` and ``/scoring/``: which image is next, and what is found out of all of them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from ..errors import NotFoundError
from .requests import Admin, Annotator, AnyUser, App, JsonObject, Service, reader_in

router = APIRouter(tags=["ActiveLearning"])


@router.post("/activelearning/{strategy}", summary="The next image to label")
def next_sample(
    *, service: Service, app: App, strategy: str, params: JsonObject = None, user: AnyUser
) -> dict[str, Any]:
    if strategy not in app.strategies:
        raise NotFoundError(f"There is no strategy {strategy[:80]!r}; there are {', '.join(app.strategies)}.")
    # The strategy in the address counts, and a client's name is text.
    reader = reader_in(service, params or {}, user)
    client = reader or str((params or {}).get("client_id") or user.username)[:200]
    request = {**(params or {}), "strategy": strategy, "client_id": client}
    with app.offers.one_moment():
        found = app.next_sample(request)
        if not found:
            return {"message": app.offers.why_none(service.datastore, client)}
        info = service.datastore.get_image_info(found["id"])
        notes = app.offers.note(service.datastore, found["id"], strategy, client)
    return {**info, "strategy": notes, **found}


@router.post("/scoring/{method}", summary="Run a scoring method; what takes long goes on in the background")
def score(
    *, app: App, method: str, params: JsonObject = None, run_sync: bool = False, user: Annotator
) -> dict[str, Any]:
    methods = app.scoring_methods
    if method not in methods:
        known = ", ".join(methods) or "none"
        raise NotFoundError(f"There is no scoring method {method[:80]!r}; there are {known}.")
    return dict(app.scoring({**(params or {}), "method": method}))


@router.get("/scoring/", name="scoring_status", summary="How far the scoring of images is, by protocol")
def scoring_status(app: App, user: AnyUser) -> dict[str, Any]:
    return dict(app.pool.stats())


@router.delete("/scoring/", name="scoring_stop", summary="Stop the scoring until it is asked for again")
def stop_scoring(app: App, user: Admin) -> dict[str, Any]:
    app.pool.rest()
    return dict(app.pool.stats())
