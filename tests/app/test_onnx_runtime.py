"""A server whose networks run in onnxruntime."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from app_requests import assert_refused, client_of, publish_random

from lib.settings import AppSettings, Conf
from monai_ext.inferers import Predictor, graph_path, make_graph
from monai_ext.landmarks import InputError

APP_DIR = Path(__file__).resolve().parents[2] / "apps" / "landmarks"
SECONDS = 300  # of a busy machine


def test_the_runtime_is_torch_unless_another_is_named() -> None:
    assert Conf.parse({}, {}).runtime == "torch"
    assert Conf.parse({"runtime": "onnx"}, {}).runtime == "onnx"
    with pytest.raises(InputError, match="--conf runtime cannot be 'tensorrt': use one of torch, onnx"):
        Conf.parse({"runtime": "tensorrt"}, {})


def test_a_missing_package_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("monai_ext.networks.onnx_network"), "PACKAGES", ("a_package_that_is_not_there",))
    with pytest.raises(InputError, match=r'a_package_that_is_not_there.*pip install "monai-landmarks\[onnx\]"'):
        AppSettings.from_conf(APP_DIR, {"runtime": "onnx"})
    assert AppSettings.from_conf(APP_DIR, {}).conf.runtime == "torch"


@pytest.mark.slow
def test_torch_answers_until_the_graph_is_made_and_onnxruntime_answers_the_same(
    make_app: Callable[..., Any],
    make_studies: Callable[[int], Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    studies = make_studies(2)
    apps = {name: make_app(studies, runtime=name, infer_cache="0") for name in ("torch", "onnx")}
    servers = {name: client_of(app) for name, app in apps.items()}
    model = apps["onnx"].models["spots"]

    def compare(version: str, off: float) -> None:
        for image in ("spot_00", "spot_01"):
            wanted, answer = (
                servers[name].post(f"/infer/spots?image={image}&output=json").json() for name in ("torch", "onnx")
            )
            assert answer["model_version"] == wanted["model_version"] == version
            for found, landmark in zip(answer["landmarks"], wanted["landmarks"], strict=True):
                assert found["status"] == landmark["status"]
                assert found["pixel"] == pytest.approx(landmark["pixel"], rel=0, abs=off)

    for seed, version in ((1, "v1"), (2, "v2")):
        assert publish_random(apps["onnx"], seed=seed) == version
        assert model.predictor().runtime == "torch"
        assert f"spots {version}: torch answers until its graph is made." in caplog.text
        compare(version, 0.01)
        wait_for(lambda: model.predictor().runtime == "onnx")
        assert f"spots {version}: onnxruntime answers from now on." in caplog.text
        assert graph_path(model.card()).is_file()
        compare(version, 0.01)
    assert len(list((tmp_path / "cache").rglob("spots_*.onnx"))) == 2
    caplog.clear()
    assert make_app(studies, runtime="onnx").models["spots"].predictor().runtime == "onnx"  # the graph was kept
    assert "until its graph" not in caplog.text


def test_a_model_without_a_graph_is_refused_with_its_reason(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    app, ends = make_app(make_studies(1), runtime="onnx"), threading.Event()

    def make(folder: Path) -> None:
        assert ends.wait(SECONDS)
        raise InputError(f"{folder.name.title()} does what ONNX cannot express: use the runtime torch.")

    monkeypatch.setattr(import_module("lib.served_model"), "make_graph", make)
    publish_random(app)
    client = client_of(app)
    assert client.post("/infer/spots?image=spot_00&output=json").status_code == 200
    ends.set()
    wait_for(lambda: app.models["spots"].problem())
    told = "Spots does what ONNX cannot express: use the runtime torch."
    assert_refused(client.post("/infer/spots?image=spot_00&output=json"), 409, told)


@pytest.mark.slow
def test_the_process_that_makes_a_graph_says_why_it_cannot(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{tmp_path}") as refused:
        make_graph(tmp_path)
    with pytest.raises(InputError) as here:
        Predictor.load(tmp_path)
    assert str(refused.value) == str(here.value)


def wait_for(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
