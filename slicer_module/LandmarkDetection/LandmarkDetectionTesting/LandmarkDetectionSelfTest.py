"""The self-test that runs inside Slicer: the module on a synthetic image, with a server that is only played."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

import slicer
from LandmarkDetectionLib.panel.panel import Panel
from LandmarkDetectionLib.server.client import NextSample
from LandmarkDetectionLib.server.geometry import Calibration, Geometry
from LandmarkDetectionLib.server.images import ImageEntry, ImageList, LabelInfo
from LandmarkDetectionLib.server.prediction import Answer
from LandmarkDetectionLib.server.server_info import ServerInfo

MODULE = Path(__file__).resolve().parents[1]
WIDTH, HEIGHT = 60, 40
PIXELS = {"apex": (20.0, 10.0), "base": (45.5, 30.25)}
IMAGE = "self_test"

_INFO = {
    "name": "Self-test",
    "protocols": {
        "demo": {
            "name": "demo",
            "landmarks": [{"name": name, "description": f"The {name}.", "color": "#12966F"} for name in PIXELS],
            "measurements": [{"name": "length", "kind": "distance", "between": list(PIXELS)}],
        }
    },
    "models": {"demo": {"model_version": "v1"}},
    "strategies": {"first": {}},
    "train_stats": {"demo": {"status": "never"}},
}


class PlayedClient:
    """Answers as a server would, for one image.

    Args:
        folder: holds the image file.
    """

    url = "http://self-test"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.labels: dict[str, bytes] = {}

    def info(self) -> ServerInfo:
        return ServerInfo.from_dict(_INFO)

    def images(self, search: str = "", state: str = "") -> ImageList:
        labels = {tag: LabelInfo(tag, "demo") for tag in self.labels}
        return ImageList((ImageEntry(IMAGE, "final" if labels else "unlabeled", f"{IMAGE}.nrrd", labels),))

    def calibration(self, image: str) -> Calibration:
        return Calibration(image)

    def frame(self, image: str) -> Geometry:
        return Geometry(size=(WIDTH, HEIGHT))

    def infer(self, task: str, image: str, keep: bool = False) -> Answer:
        landmarks = [
            {"name": name, "status": "defined", "position": [x, y, 0.0], "confidence": 0.9}
            for name, (x, y) in PIXELS.items()
        ]
        return Answer({"protocol": "demo", "model_version": "v1", "image": image, "landmarks": landmarks}, b"")

    def next_sample(self, strategy: str, params: Any = None) -> NextSample:
        return NextSample(IMAGE)

    def save_label(self, image: str, markups: bytes, params: Any, tag: str = "final") -> dict[str, Any]:
        self.labels[tag] = markups
        return dict(params)

    def download_image(self, image: str, folder: Path) -> Path:
        return Path(shutil.copy(self.folder / f"{IMAGE}.nrrd", folder))

    def cancel(self) -> None:
        pass


class LandmarkDetectionSelfTest(unittest.TestCase):
    """Opens the panel on a played server and goes through one image."""

    def setUp(self) -> None:
        # Qt and VTK swallow what is raised in slots and observers.
        self.swallowed: list[str] = []
        self.hook, sys.excepthook = sys.excepthook, lambda kind, error, _trace: self.swallowed.append(repr(error))
        slicer.mrmlScene.Clear(0)
        self.folder = Path(tempfile.mkdtemp())
        self._write_image()
        self.client = PlayedClient(self.folder)
        self.widget = slicer.util.loadUI(str(MODULE / "Resources" / "UI" / "LandmarkDetection.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.panel = Panel(self.ui, make_client=lambda _address, _token: self.client)
        self.panel.bench.ask = lambda question: question.choices[0]

    def tearDown(self) -> None:
        self.panel.close()
        self.widget.deleteLater()
        slicer.mrmlScene.Clear(0)
        shutil.rmtree(self.folder, ignore_errors=True)
        sys.excepthook = self.hook
        assert not self.swallowed, self.swallowed

    def test_one_image(self) -> None:
        """Connect, next sample, Auto-detect, missing, undo, accept all and submit."""
        self._press(self.panel.server.connect)
        self._press(self.panel.study.next_sample)
        assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1
        assert self.ui.serverSection.collapsed
        self._press(self.panel.sender.detect)
        node = self.panel.bench.scene.points_node
        assert node.GetNumberOfControlPoints() == len(PIXELS)
        for index, (x, y) in enumerate(PIXELS.values()):
            position = node.GetNthControlPointPosition(index)
            for found, expected in zip(position, (-x, -y, 0.0)):
                assert abs(found - expected) < 1e-3
        assert self.ui.landmarkTable.rowCount == len(PIXELS)
        self.panel.table.missing()
        assert node.GetNthControlPointPositionStatus(0) == node.PositionMissing
        self.panel.table.undo()
        assert node.GetNthControlPointPositionStatus(0) == node.PositionDefined
        self._press(self.panel.sender.all_right)
        assert b'"base"' in self.client.labels["final"]

    def test_the_scene_can_be_closed(self) -> None:
        """Closing the scene while the module is open leaves nothing behind."""
        self._press(self.panel.server.connect)
        self._press(self.panel.study.next_sample)
        slicer.mrmlScene.Clear(0)
        assert self.panel.bench.session.work is None
        self._press(self.panel.study.next_sample)
        assert self.panel.bench.session.work is not None

    def _write_image(self) -> None:
        header = f"NRRD0004\ntype: uchar\ndimension: 3\nsizes: {WIDTH} {HEIGHT} 1\n"
        header += "space: left-posterior-superior\nspace directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\n"
        content = f"{header}encoding: raw\n\n".encode() + bytes(WIDTH * HEIGHT)
        (self.folder / f"{IMAGE}.nrrd").write_bytes(content)

    def _press(self, deed: Any) -> None:
        """Does something and waits for its end, while the application goes on."""
        deed()
        end = time.monotonic() + 20
        while self.panel.bench.background.running():
            assert time.monotonic() < end, self.panel.bench.background.words
            slicer.app.processEvents()
            time.sleep(0.01)


if __name__ == "__main__":
    unittest.main()
