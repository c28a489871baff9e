"""``POST /batch/infer/{model}``: predictions for many images, kept as their labels ``original``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from monailabel.endpoints.batch_infer import run

from ..errors import ParameterError
from ..service import LandmarkService
from .access import Admin

OPTION_NAMES = ("max_workers", "max_batch_size", "save_label", "label_tag", "logging", "device", "multi_gpu", "gpus")


def batch_router(service: LandmarkService, app: Any) -> APIRouter:
    """The route; the predictions are made in a process of their own."""
    router = APIRouter(tags=["Infer"])

    @router.post("/batch/infer/{model}", summary="Find the landmarks of many images")
    def batch_infer(
        *,
        model: str,
        images: Literal["all", "labeled", "unlabeled"] = "all",
        params: Annotated[dict[str, Any] | None, Body()] = None,
        run_sync: bool = False,
        user: Admin,
    ) -> Any:
        service.infer_task(model).model.card()
        options = {name: value for name, value in (params or {}).items() if name != "client_id"}
        for name in options:
            if name not in OPTION_NAMES:
                raise ParameterError(f"The parameter {name[:80]!r} is unknown; use {', '.join(OPTION_NAMES)}.")
        for name in ("max_workers", "max_batch_size"):
            if not isinstance(options.get(name, 0), int):
                raise ParameterError(f"The parameter {name} is a whole number, not {options[name]!r:.80}.")
        if options.get("label_tag", "original") != "original":
            raise ParameterError("Predictions are kept under the tag 'original': they never replace a person's label.")
        # One worker: the model is shared, and PyTorch uses all cores by itself.
        return run(model, images, {"max_workers": 1, "multi_gpu": False, **options, "device": "cpu"}, run_sync)

    return router
