"""The images in Slicer's Sample Data module: they come with the module, and are what the checksums say."""

from __future__ import annotations

import hashlib
import sys
import types
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import slicer
from panel_driver import Driver

ROOT = Path(__file__).resolve().parents[2]


class Logic:
    """``SampleData.SampleDataLogic`` as far as it is asked: keeps what is registered."""

    sources: list[dict[str, Any]] = []  # noqa: RUF012

    @classmethod
    def registerCustomSampleDataSource(cls, **source: Any) -> None:
        cls.sources.append(source)


def test_the_images_are_registered_when_slicer_has_started_and_open_from_the_module_s_own_folder(
    make_panel: Callable[..., Driver], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    driver = make_panel()
    module = types.ModuleType("SampleData")
    module.SampleDataLogic = Logic  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "SampleData", module)
    monkeypatch.setattr(Logic, "sources", [])
    started = [function for signal, function in slicer.app.connected if signal == "startupCompleted()"]
    assert len(started) == 1
    started[0]()
    assert [source["sampleName"] for source in Logic.sources] == [
        "Synthetic fundus",
        "Synthetic face",
        "Synthetic AS-OCT",
    ]
    listed = (ROOT / "slicer_module" / "LandmarkDetection" / "CMakeLists.txt").read_text()
    for source in Logic.sources:
        assert source["category"] == "Landmark Detection"
        assert source["uris"].startswith("file:///")
        assert f"Resources/SampleData/{source['fileNames']}\n" in listed, "it is installed"
        path = tmp_path / source["fileNames"]
        urllib.request.urlretrieve(source["uris"], path)
        assert source["checksums"] == f"SHA256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        assert Path(source["thumbnailFileName"]).is_file()
        (original,) = ROOT.glob(f"sample_data/*/{source['fileNames']}")
        assert path.read_bytes() == original.read_bytes()
        width, height, depth = driver.host.slicer.load(path).GetImageData().GetDimensions()
        assert min(width, height) > 100
        assert depth == 1
