"""A studies folder and the networks of version 0.1.0, opened by the present server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from app_server import Server

OLD = Path(__file__).resolve().parents[1] / "old_folders"


@pytest.mark.server
def test_old_studies_and_networks_answer_as_before(
    start_server: Callable[..., AbstractContextManager[Server]], tmp_path: Path
) -> None:
    shutil.copytree(OLD, tmp_path / "old")
    old = tmp_path / "old"
    labels = {path: path.read_bytes() for path in sorted((old / "studies/labels").rglob("*.mrk.json"))}
    expected = json.loads((OLD / "answers.json").read_text())
    conf = {"protocols": "tiny", "protocol_dir": str(old), "model_dir": str(old / "models"), "pool_scores": "off"}
    with start_server(old / "studies", **conf) as server:

        def ask(path: str) -> Any:
            response = requests.get(f"{server.url}{path}", timeout=60)
            assert response.ok, response.text
            return response.json()

        assert ask("/datastore/images") == expected["images"]
        assert ask("/datastore/measurements") == expected["measurements"]
        assert ask("/datastore/label/history?image=spots_1&tag=final") == expected["history"]
        info = ask("/info/")
        assert info["models"] == expected["models"]
        assert info["datastore"] == expected["datastore"]
        for image, answer in expected["infer"].items():
            response = requests.post(f"{server.url}/infer/tiny?image={image}&output=json", timeout=60)
            assert response.ok, response.text
            check_same_answer(response.json(), answer)
    assert {path: path.read_bytes() for path in sorted((old / "studies/labels").rglob("*.mrk.json"))} == labels


def check_same_answer(answer: dict[str, Any], before: dict[str, Any]) -> None:
    """Equal but for the time it took and the last digits, which another processor rounds otherwise."""
    measured = ("landmarks", "measurements", "uncertainty", "latencies")
    assert {key: value for key, value in answer.items() if key not in measured} == {
        key: value for key, value in before.items() if key not in measured
    }
    assert len(answer["landmarks"]) == len(before["landmarks"])
    for point, old in zip(answer["landmarks"], before["landmarks"], strict=True):
        assert (point["name"], point["status"], point["radius"]) == (old["name"], old["status"], old["radius"])
        np.testing.assert_allclose(point["pixel"], old["pixel"], atol=1e-3)
        np.testing.assert_allclose(point["position"], old["position"], atol=1e-3)
        assert point["confidence"] == pytest.approx(old["confidence"], abs=1e-4)
    (width,), (old_width,) = answer["measurements"], before["measurements"]
    assert (width["name"], width["unit"]) == (old_width["name"], old_width["unit"])
    assert width["value"] == pytest.approx(old_width["value"], abs=1e-3)
    assert answer["uncertainty"]["landmarks"] == pytest.approx(before["uncertainty"]["landmarks"], abs=1e-3)
