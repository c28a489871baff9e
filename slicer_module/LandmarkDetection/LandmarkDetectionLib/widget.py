"""The panel of the module: puts its parts together and follows the scene."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import translate

from . import dialogs, words
from .errors import BadAnswer
from .http_client import HttpClient
from .panel.batch_box import BatchBox
from .panel.calibration_box import CalibrationBox
from .panel.landmark_picture import LandmarkPicture
from .panel.landmark_table import LandmarkTable
from .panel.loop_options import LoopOptions
from .panel.measurement_export import MeasurementExport
from .panel.measurement_table import MeasurementTable
from .panel.message_bar import MessageBar
from .panel.point_follower import PointFollower
from .panel.server_box import ServerBox
from .panel.study_box import OPEN, StudyBox
from .panel.submit_bar import DETECT, SubmitBar
from .panel.training_box import TrainingBox
from .panel.versions_box import VersionsBox
from .panel.view_tools import ViewTools
from .scene import SceneAdapter, SceneError
from .scene_callbacks import SceneCallbacks
from .settings import Settings
from .shortcuts import KEYS, Shortcuts, with_key
from .view_layout import ViewLayout
from .words import tr as _
from .workbench import ERROR, STATE, WARNING, Workbench

words.use(translate)


class Panel:
    """Everything behind the widgets of the ``.ui`` file.

    Args:
        ui: the widgets by name.
        scene_adapter: the scene's image and points; None makes the one of Slicer's scene.
        make_client: ``(address, token) -> LandmarkClient``.
        ask: puts a question to the person.
    """

    def __init__(
        self, ui: Any, scene_adapter: SceneAdapter | None = None, make_client: Any = HttpClient, ask: Any = dialogs.ask
    ) -> None:
        self.ui = ui
        scene = scene_adapter or SceneAdapter(slicer.mrmlScene, slicer.app.applicationLogic())
        self._folder = tempfile.TemporaryDirectory(prefix="LandmarkDetection-")
        settings = Settings(slicer.app.userSettings())
        self.bench = Workbench(scene, make_client, ask, settings, Path(self._folder.name))
        self.layout = ViewLayout()
        for name in KEYS:
            button = getattr(ui, f"{name}Button")
            button.setToolTip(with_key(button.toolTip, name))
        self.messages = MessageBar(self.bench, ui)
        self.sender = SubmitBar(self.bench, ui)
        self.study = StudyBox(self.bench, ui, self.sender, self._image_opened)
        self.versions = VersionsBox(self.bench, ui, self.study)
        self.training = TrainingBox(self.bench, ui)
        self.server = ServerBox(self.bench, ui, self.training.follow)
        self.table = LandmarkTable(self.bench, ui)
        self.measurements = MeasurementTable(self.bench, ui)
        self.view = ViewTools(self.bench, ui)
        self.calibration = CalibrationBox(self.bench, ui)
        self.export = MeasurementExport(self.bench, ui, self.calibration)
        self.picture = LandmarkPicture(self.bench, ui)
        self.batch = BatchBox(self.bench, ui)
        self.loop = LoopOptions(self.bench, ui, self.sender, self.study)
        self.shortcuts = Shortcuts(ui)
        ui.volumeSelector.setMRMLScene(slicer.mrmlScene)
        self._listen()
        self.scene_loaded()

    def _listen(self) -> None:
        points = PointFollower(self.bench, self.table)
        self.bench.scene.callbacks = SceneCallbacks(
            drag_started=points.drag_started,
            point_moved=points.point_moved,
            drag_ended=points.drag_ended,
            point_placed=points.point_placed,
            placing_stopped=points.placing_stopped,
            point_unset=points.point_unset,
            point_selected=points.point_selected,
            nodes_removed=points.nodes_removed,
            scene_closed=self.scene_closed,
            scene_loaded=self.scene_loaded,
        )

    # The module's life

    def enter(self) -> None:
        """The module is shown: keys count, and time too."""
        self.shortcuts.set_enabled(True)
        self.view.enter()
        if self.bench.session.work is not None:
            self.bench.session.work.resume()
            self.layout.show()
        self.bench.changed()

    def exit(self) -> None:
        """Another module is shown; what runs goes on."""
        self.shortcuts.set_enabled(False)
        self.view.leave()
        self.bench.scene.stop_placing()
        self.layout.leave()
        if self.bench.session.work is not None:
            self.bench.session.work.pause()

    def close(self) -> None:
        """Slicer closes, or the module is loaded anew; what is unsent lies in the scene."""
        self.bench.save()
        self.training.close()
        self.shortcuts.close()
        self.view.close()
        self.calibration.close()
        self.layout.leave()
        self.bench.close()
        self.ui.volumeSelector.setMRMLScene(None)
        self._folder.cleanup()

    # The scene's life

    def scene_closed(self) -> None:
        """The scene was closed: an answer for its image is not wanted any more, unsent work is kept."""
        self.bench.background.drop(DETECT, OPEN)
        unsent = self.bench.session.work is not None and self.bench.session.work.dirty
        self.bench.session.scene_closed()
        self.bench.forget_saved()
        self.bench.save()
        if unsent:
            self.bench.say(_("The scene was closed; what you did to its landmarks is kept."), WARNING)
        self.bench.changed()

    def scene_loaded(self) -> None:
        """A scene was opened: the work in it goes on."""
        bench = self.bench
        problem = ""
        try:
            text = bench.scene.restore().get(STATE)
        except SceneError as error:
            text, problem = bench.scene.stored_values().get(STATE), str(error)
        if text:
            try:
                warning = bench.session.restore(text)
            except BadAnswer as error:
                bench.say(str(error), ERROR)
                return
            if problem:
                bench.session.keep_unsent(_("The image of the saved scene could not be read."))
                bench.session.close_image()
            if problem or warning:
                bench.say(problem or warning, ERROR if problem else WARNING)
        bench.show_work()

    def _image_opened(self) -> None:
        self.layout.show()
        self.bench.scene.fit_image()
        self.measurements.show_lines()
        self.loop.image_opened()
