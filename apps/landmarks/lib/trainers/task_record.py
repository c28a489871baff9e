"""A training as MONAI Label describes it: who asked for what, when, and its word for how it goes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

#: MONAI Label's word for each state of a training.
WORDS = {"queued": "SUBMITTED", "running": "RUNNING", "done": "DONE", "stopped": "STOPPED", "failed": "ERROR"}


def new_record(request: Mapping[str, Any], identity: str | None = None) -> dict[str, Any]:
    """What is kept of a training that is asked for now.

    Args:
        request: what its process gets.
        identity: where it has one already.
    """
    return {"id": identity or str(uuid.uuid4()), "request": dict(request), "start_ts": timestamp()}


def timestamp() -> str:
    """The present time, as MONAI Label writes it."""
    return datetime.now().strftime("%Y-%m-%d %H:%M:%S")
