"""The end of a panel: nothing of it outlives its closing, and a reload takes up the files as they are now."""

from __future__ import annotations

import gc
import json
import shutil
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from folder_client import FolderClient
from host.install import MODULE
from panel_driver import Driver


def watch(driver: Driver) -> dict[str, Any]:
    """Weak references to what must die; the driver keeps nothing of the panel."""
    panel = driver.panel
    watched = {"Panel": panel, "Workbench": panel.bench, "Background": panel.bench.background}
    watched |= {"TrainingBox": panel.training, "StudyBox": panel.study, "Shortcuts": panel.shortcuts}
    driver.let_go()
    return {name: weakref.ref(thing) for name, thing in watched.items()}


def alive(driver: Driver, watched: dict[str, Any]) -> list[str]:
    """What is still there when Qt and Python have cleared up."""
    driver.host.step(50)
    gc.collect()
    return [name for name, reference in watched.items() if reference() is not None]


def test_nothing_of_a_panel_outlives_its_closing(connect: Callable[..., Driver], client: FolderClient) -> None:
    client.document["train_stats"] = {"head": {"status": "running", "epoch": 2, "max_epochs": 60, "loss": 0.5}}
    driver = connect(client)
    driver.do("nextSample")
    driver.host.wait(lambda: bool(driver.panel.training.history), 10, "both timers have run")
    watched = watch(driver)
    driver.host.close_module()
    assert alive(driver, watched) == []


def test_a_point_that_another_module_moves_is_saved_with_the_scene(detected: Driver) -> None:
    node = detected.bench.scene.points_node
    node.SetNthControlPointPosition(0, -50.0, -50.0, 0.0)
    session = json.loads(detected.bench.scene.stored_values()["Session"])
    assert json.loads(session["work"])["points"][0]["position"] == [50.0, 50.0, 0.0]


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The module in a folder of its own, not imported yet; the other tests' imports come back afterwards."""
    folder = Path(shutil.copytree(MODULE, tmp_path / "copy" / "LandmarkDetection"))
    before = {name: module for name, module in sys.modules.items() if name.startswith("LandmarkDetection")}
    for name in before:
        del sys.modules[name]
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in [name for name in sys.modules if name.startswith("LandmarkDetection")]:
        del sys.modules[name]
    sys.modules.update(before)


def test_a_reload_takes_up_the_library_and_frees_the_old_panel(make_panel: Callable[..., Driver], copied: Path) -> None:
    driver = make_panel(source=copied)
    old = driver.panel
    assert driver.message == "Connect to a server to begin."
    source = copied / "LandmarkDetectionLib" / "panel" / "panel.py"
    source.write_text(source.read_text().replace("Connect to a server to begin.", "To begin, connect to a server."))
    watched = watch(driver)
    driver.host.widget.onReload()
    panel = driver.host.widget.panel
    assert panel.ui.messageLabel.text == "To begin, connect to a server."
    assert type(panel) is not type(old)
    assert type(panel) is sys.modules["LandmarkDetectionLib.panel.panel"].Panel
    del old, panel
    assert alive(driver, watched) == []


def test_a_reload_takes_up_the_self_test(make_panel: Callable[..., Driver], copied: Path) -> None:
    driver = make_panel(source=copied)
    driver.host.module.LandmarkDetectionTest().runTest()
    name = "LandmarkDetectionSelfTest"
    assert name in sys.modules
    driver.host.widget.onReload()
    assert name not in sys.modules
    sys.modules["LandmarkDetection"].LandmarkDetectionTest().runTest()
    library = sys.modules["LandmarkDetectionLib.panel.panel"]
    assert sys.modules[name].Panel is library.Panel


def test_a_reload_leaves_one_panel_in_the_window(make_panel: Callable[..., Driver], copied: Path) -> None:
    driver = make_panel(source=copied)
    for _ in range(3):
        driver.host.widget.onReload()
        driver.host.step()
    representation = driver.host.widget.parent
    panels = [child for child in representation.children() if child.objectName == "LandmarkDetection"]
    assert len(panels) == 1
    assert representation.layout().count() == 1
