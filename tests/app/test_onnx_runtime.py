"""A server whose networks run in onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from app_requests import client_of, publish_random

from lib.settings import AppSettings, Conf
from monai_ext.inferers import graph_path
from monai_ext.landmarks import InputError

APP_DIR = Path(__file__).resolve().parents[2] / "apps" / "landmarks"


def test_the_runtime_is_torch_unless_another_is_named() -> None:
    assert Conf.parse({}, {}).runtime == "torch"
    assert Conf.parse({"runtime": "onnx"}, {}).runtime == "onnx"
    with pytest.raises(InputError, match="--conf runtime cannot be 'tensorrt': use one of torch, onnx"):
        Conf.parse({"runtime": "tensorrt"}, {})


def test_a_missing_package_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("monai_ext.networks.onnx_graph"), "PACKAGES", ("a_package_that_is_not_there",))
    with pytest.raises(InputError, match=r'a_package_that_is_not_there.*pip install "monai-landmarks\[onnx\]"'):
        AppSettings.from_conf(APP_DIR, {"runtime": "onnx"})
    assert AppSettings.from_conf(APP_DIR, {}).conf.runtime == "torch"


@pytest.mark.slow
def test_it_answers_as_torch_does_and_follows_what_is_published(
    make_app: Callable[..., Any],
    make_studies: Callable[[int], Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    studies = make_studies(2)
    servers = {name: client_of(make_app(studies, runtime=name)) for name in ("torch", "onnx")}
    app = make_app(studies)
    for seed, version in ((1, "v1"), (2, "v2")):
        assert publish_random(app, seed=seed) == version
        for image in ("spot_00", "spot_01"):
            torch_answer, answer = (
                servers[name].post(f"/infer/spots?image={image}&output=json").json() for name in ("torch", "onnx")
            )
            assert answer["model_version"] == torch_answer["model_version"] == version
            for found, wanted in zip(answer["landmarks"], torch_answer["landmarks"], strict=True):
                assert found["status"] == wanted["status"]
                assert found["pixel"] == pytest.approx(wanted["pixel"], abs=0.01)
        assert graph_path(app.models["spots"].card()).is_file()
    assert len(list((tmp_path / "cache").rglob("spots_*.onnx"))) == 2
