"""``GET /protocol/{protocol}/picture/{landmark}``, and what ``/info/`` tells of pictures."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from app_requests import assert_refused, client_of
from app_spots import SPOTS
from fastapi.testclient import TestClient
from PIL import Image


@pytest.fixture
def pictured(make_app: Callable[..., Any], make_studies: Callable[[int], Path], tmp_path: Path) -> TestClient:
    """A server whose protocol has a picture of the bright spot."""
    folder = tmp_path / "pictured"
    folder.mkdir()
    Image.new("RGB", (40, 30), (1, 2, 3)).save(folder / "bright.png")
    text = SPOTS.replace("description: the bright spot}", "description: the bright spot, picture: bright.png}")
    assert text != SPOTS
    (folder / "spots.yaml").write_text(text)
    app = make_app(make_studies(1), protocol_dir=str(folder))
    return client_of(app)


def test_info_tells_which_landmarks_have_a_picture(pictured: TestClient) -> None:
    landmarks = pictured.get("/info/").json()["protocols"]["spots"]["landmarks"]
    assert [(entry["name"], entry["picture"]) for entry in landmarks] == [("bright", True), ("dim", False)]


def test_picture_is_sent_and_kept_by_the_client(pictured: TestClient, tmp_path: Path) -> None:
    answer = pictured.get("/protocol/spots/picture/bright")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.content == (tmp_path / "pictured" / "bright.png").read_bytes()
    assert Image.open(io.BytesIO(answer.content)).size == (40, 30)
    assert answer.headers["cache-control"].startswith("private")
    again = pictured.get("/protocol/spots/picture/bright", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    Image.new("RGB", (40, 30), (9, 2, 3)).save(tmp_path / "pictured" / "bright.png")
    changed = pictured.get("/protocol/spots/picture/bright", headers={"if-none-match": answer.headers["etag"]})
    assert changed.status_code == 200


def test_what_is_not_there_is_404(pictured: TestClient, tmp_path: Path) -> None:
    assert_refused(pictured.get("/protocol/spots/picture/dim"), 404, "The landmark dim of spots has no picture")
    assert_refused(pictured.get("/protocol/spots/picture/nose"), 404, "no landmark 'nose'; it has bright, dim")
    assert_refused(pictured.get("/protocol/ear/picture/bright"), 404, "There is no model 'ear'")
    (tmp_path / "pictured" / "bright.png").unlink()
    assert_refused(pictured.get("/protocol/spots/picture/bright"), 404, "was removed after the server started")
