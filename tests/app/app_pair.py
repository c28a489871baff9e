"""The two spots as left/right partners, what is proposed for them, and how labels and their flags get to and fro."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from app_requests import image_file, put_label
from app_spots import NAMES, SPOTS, write_label
from fastapi.testclient import TestClient

from monai_ext.images import read_frame
from monai_ext.landmarks import Landmarks

#: ``spots`` with partners: ``bright`` is always left of ``dim``.
PAIRED = SPOTS.replace("the bright spot", "the bright spot, pair: dim").replace(
    "the dim spot", "the dim spot, pair: bright"
)
#: Where the spots are proposed, and lie in plausible labels.
HERE = np.array([[20.0, 30.0], [60.0, 32.0]])


def until(answer: Callable[[], Any], seconds: float = 30.0) -> Any:
    """What is answered once it is true, or in the end."""
    deadline = time.monotonic() + seconds
    while not (found := answer()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def found_at(app: Any, image: str, points: object = HERE) -> Landmarks:
    return Landmarks(NAMES, points, read_frame(image_file(app, image)), confidence=[0.8, 0.8])


def save(app: Any, client: TestClient, folder: Path, image: str, points: object, **params: Any) -> dict[str, Any]:
    """Saves a final label through the route; its info."""
    path = write_label(folder / f"{image}.mrk.json", image_file(app, image), points)
    response = put_label(client, path.read_bytes(), image, **params)
    assert response.status_code == 200, response.text
    return dict(response.json()["info"])


def label_info(app: Any, image: str) -> dict[str, Any]:
    return dict(app.datastore().get_label_info(image, "final"))


def reviewed(app: Any, image: str) -> dict[str, Any]:
    """The note on a label's review once there is one."""
    return dict(until(lambda: label_info(app, image).get("review")) or {})


def flags(client: TestClient, image: str) -> list[tuple[str, tuple[str, ...]]]:
    """Kind and landmarks of each flag, as the list of images has them."""
    page = client.get("/datastore/images", params={"search": image}).json()
    return [(flag["kind"], tuple(flag["landmarks"])) for flag in page["images"][0]["flags"]]
