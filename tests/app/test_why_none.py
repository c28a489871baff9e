"""The reason why nobody else is offered an image that somebody works on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from app_requests import put_label


def test_a_draft_of_another_person_ends_with_no_time(
    app: Any, client: Any, upload: Callable[..., bytes], ask_app: Callable[..., Any]
) -> None:
    for image in ("spot_00", "spot_01", "spot_02"):
        assert ask_app(app, "first", "Ada")["id"] == image
        path = upload() if image == "spot_00" else None
        if path is not None:
            assert put_label(client, path, image, "draft", annotator="Ada", protocol="spots").status_code == 200
    told = ask_app(app, "first", "Bob")["message"]
    assert told == (
        "The last 3 images without a label are in other hands: 2 offered to others, free again in 30 minutes at the "
        "latest; 1 with a draft of another person, to be finished or deleted."
    )
    app.offers._clock = lambda: time.time() + 3600
    assert ask_app(app, "first", "Bob")["id"] == "spot_01"
