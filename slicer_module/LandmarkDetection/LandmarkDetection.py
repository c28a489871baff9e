"""Landmark Detection: a network finds landmarks in 2D images, a person corrects them, the network learns."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)

#: Name in the Sample Data module, file, name in the scene; the protocols that fit are fundus, face and scleral_spur.
SAMPLES = (
    ("Synthetic fundus", "synthetic_fundus_004.jpg", "SyntheticFundus"),
    ("Synthetic face", "synthetic_face_004.jpg", "SyntheticFace"),
    ("Synthetic AS-OCT", "synthetic_scleral_spur_004.png", "SyntheticASOCT"),
)


class LandmarkDetection(ScriptedLoadableModule):
    """Title, category, help and contributors of the module, for Slicer's module list."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Landmark Detection")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Active Learning")]
        self.parent.dependencies = ["Markups", "Volumes"]
        self.parent.contributors = ["The MONAI Landmarks authors"]
        self.parent.helpText = _(
            "Finds anatomical landmarks in 2D medical images with a MONAI Label server, lets you correct them, and "
            "trains the network with your corrections. Start the server with the landmarks app, press Connect, "
            "Next Sample and Auto-detect, drag what is wrong, and press Submit Label. Not a medical device."
        )
        self.parent.acknowledgementText = _("Works with a server of MONAI Label (https://monai.io).")
        # The Sample Data module is there when all modules are.
        slicer.app.connect("startupCompleted()", add_sample_data)


def add_sample_data() -> None:
    """Lists the synthetic images, which come with the module, in the Sample Data module."""
    import SampleData

    folder = Path(__file__).resolve().parent / "Resources" / "SampleData"
    for name, file, node in SAMPLES:
        path = folder / file
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category="Landmark Detection",
            sampleName=name,
            uris=path.as_uri(),
            fileNames=file,
            nodeNames=node,
            # An older copy in the cache is not taken for this one.
            checksums=f"SHA256:{hashlib.sha256(path.read_bytes()).hexdigest()}",
            thumbnailFileName=str(path),
            loadFileProperties={"singleFile": True},
        )


class LandmarkDetectionWidget(ScriptedLoadableModuleWidget):
    """The module's panel; everything in it is in ``LandmarkDetectionLib``."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        self.panel: Any = None
        self.ui: Any = None
        self._root: Any = None

    def setup(self) -> None:
        """Builds the panel, when the module is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        from LandmarkDetectionLib.panel.panel import Panel

        self._root = slicer.util.loadUI(self.resourcePath("UI/LandmarkDetection.ui"))
        self.layout.addWidget(self._root)
        self.ui = slicer.util.childWidgetVariables(self._root)
        self.panel = Panel(self.ui)

    def enter(self) -> None:
        """The module is shown."""
        if self.panel is not None:
            self.panel.enter()

    def exit(self) -> None:
        """Another module is shown."""
        if self.panel is not None:
            self.panel.exit()

    def cleanup(self) -> None:
        """Slicer closes, or the module is reloaded: the widgets go, whose slots hold the panel."""
        if self.panel is not None:
            self.panel.close()
        if self._root is not None:
            self._root.deleteLater()
        self.panel = self.ui = self._root = None

    def onReload(self) -> None:
        """Reloads the library too; by itself Slicer executes only this file again."""
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")
        for name, module in list(sys.modules.items()):
            if name != __name__ and (getattr(module, "__file__", None) or "").startswith(folder):
                del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class LandmarkDetectionLogic(ScriptedLoadableModuleLogic):
    """The module for scripts, without its panel."""

    def detect(self, address: str, protocol: str, image: str, token: str = "") -> Any:
        """Lets a server find the landmarks of one of its images, and loads them as a point list.

        It blocks until the server has answered; the panel does the same in the background.

        Args:
            address: of the server, e.g. ``http://127.0.0.1:8000``.
            protocol: which landmarks, e.g. ``fundus``.
            image: the server's ID of the image.
            token: where the server asks for one.

        Returns:
            The vtkMRMLMarkupsFiducialNode.

        Raises:
            ClientError: one sentence that says what happened.
        """
        from LandmarkDetectionLib import words
        from LandmarkDetectionLib.server.http_client import HttpClient

        words.use(translate)
        answer = HttpClient(address, token).infer(protocol, image)
        folder = tempfile.mkdtemp()
        try:
            path = os.path.join(folder, "landmarks.mrk.json")
            with open(path, "wb") as file:
                file.write(answer.markups)
            return slicer.util.loadMarkups(path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


class LandmarkDetectionFileReader:
    """Slicer finds it by its name: opens DICOM structured reports on the images in the scene, by *Add Data*."""

    def __init__(self, parent: Any) -> None:
        self.parent = parent

    def description(self) -> str:
        return str(_("Landmarks of a DICOM structured report"))

    def fileType(self) -> str:
        return "LandmarkDetectionReport"

    def extensions(self) -> list[str]:
        return [f"{self.description()} ({pattern})" for pattern in ("*.dcm", "*")]

    def canLoadFile(self, path: str) -> bool:
        from LandmarkDetectionLib.scene.report_points import is_report

        return is_report(Path(path))

    def canLoadFileConfidence(self, path: str) -> float:
        """More than that of Slicer's DICOM reader, 0.6, which takes any DICOM file."""
        return 0.9 if self.canLoadFile(path) else 0.0

    def load(self, properties: dict[str, Any]) -> bool:
        """Adds the point lists; what a person has to know goes to Slicer's messages on files."""
        from LandmarkDetectionLib.errors import SceneError
        from LandmarkDetectionLib.scene.report_points import load_report

        messages = self.parent.userMessages()
        try:
            nodes, absent = load_report(Path(properties["fileName"]), slicer.mrmlScene)
        except SceneError as error:
            messages.AddMessage(vtk.vtkCommand.ErrorEvent, str(error))
            return False
        for sentence in absent:
            messages.AddMessage(vtk.vtkCommand.WarningEvent, sentence)
        self.parent.loadedNodes = [node.GetID() for node in nodes]
        return True


class LandmarkDetectionTest(ScriptedLoadableModuleTest):
    """The self-test, run inside Slicer by "Reload and Test" or ``ctest``."""

    def runTest(self, *_args: Any, **_options: Any) -> None:
        """All tests of ``LandmarkDetectionTesting/LandmarkDetectionSelfTest.py``; they need no server."""
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "LandmarkDetectionTesting")
        suite = unittest.TestLoader().discover(folder, pattern="LandmarkDetectionSelfTest.py")
        result = unittest.TextTestRunner(verbosity=2).run(suite)
        if not result.wasSuccessful() or result.testsRun == 0:
            raise AssertionError(f"{len(result.failures) + len(result.errors)} of {result.testsRun} tests failed.")
