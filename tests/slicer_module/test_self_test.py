"""The self-test that is meant for Slicer runs in the test host too; and what the entry file says of the module."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from host import scripted_module
from host.install import MODULE
from panel_driver import Driver


def test_the_self_test_passes(make_panel: Callable[..., Driver], monkeypatch: pytest.MonkeyPatch) -> None:
    driver = make_panel()
    driver.host.close_module()
    monkeypatch.setattr(sys, "path", list(sys.path))
    driver.host.module.LandmarkDetectionTest().runTest()


def test_slicer_learns_title_category_and_icon(make_panel: Callable[..., Driver]) -> None:
    driver = make_panel()
    parent = scripted_module.ModuleParent(str(MODULE / "LandmarkDetection.py"))
    driver.host.module.LandmarkDetection(parent)
    assert (parent.title, parent.categories) == ("Landmark Detection", ["Active Learning"])
    assert parent.icon is not None
    assert not parent.icon.isNull()
    assert "Not a medical device" in parent.helpText
