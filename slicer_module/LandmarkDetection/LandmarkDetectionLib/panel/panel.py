"""The panel of the module: puts its parts together and follows the scene."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import translate

from .. import words
from ..errors import BadAnswer
from ..scene.points_display import SceneCallbacks
from ..scene.scene import SceneAdapter, SceneError
from ..server.http_client import HttpClient
from ..words import tr as _
from . import dialogs
from .batch_box import BatchBox
from .calibration_box import CalibrationBox
from .landmark_picture import LandmarkPicture
from .landmark_table import LandmarkTable
from .measurements_box import MeasurementExport, MeasurementTable
from .pictures import sign
from .server_box import ServerBox
from .settings import Settings
from .shortcuts import KEYS, Shortcuts, with_key
from .study_box import OPEN, StudyBox
from .submit_bar import DETECT, SubmitBar
from .training_box import TrainingBox
from .versions_box import VersionsBox
from .view_tools import ViewLayout, ViewTools
from .workbench import ERROR, STATE, WARNING, Workbench


class MessageBar:
    """Shows the workbench's jobs and message, with the buttons Cancel and Retry."""

    def __init__(self, bench: Workbench, ui: Any) -> None:
        self._bench, self._ui = bench, ui
        self._icon = ""
        ui.cancelButton.clicked.connect(lambda *_: bench.cancel())
        ui.retryButton.clicked.connect(self._retry)
        bench.listen(self.show)

    def show(self) -> None:
        bench, ui = self._bench, self._ui
        busy = bench.background.running()
        message = bench.message
        sentence = message.sentence or (_("{what}...").format(what=bench.background.words) if busy else self._rest())
        ui.messageLabel.setText(sentence)
        icon = message.kind if message.sentence else "busy" if busy else "idle"
        if icon != self._icon:
            self._icon = icon
            ui.messageIcon.setPixmap(sign(icon))
        ui.cancelButton.setVisible(busy)
        ui.busyBar.setVisible(busy)
        ui.retryButton.setText(message.retry_words or _("Retr&y"))
        ui.retryButton.setVisible(not busy and message.retry is not None)

    def _rest(self) -> str:
        session = self._bench.session
        if not session.connected:
            return _("Connect to a server to begin.")
        if session.work is None:
            return _("Open an image: press Next Sample, or double-click one in the list.")
        return _("{image} is open.").format(image=session.work.image)

    def _retry(self, *_: Any) -> None:
        retry = self._bench.message.retry
        if retry is not None:
            retry()


class LoopOptions:
    """Performs the next step of the loop automatically, where its option is set."""

    def __init__(self, bench: Workbench, ui: Any, sender: SubmitBar, study: StudyBox) -> None:
        self._bench, self._ui, self._sender, self._study = bench, ui, sender, study
        ui.detectOnOpenCheck.setChecked(bench.settings.detect_on_open)
        ui.nextAfterSubmitCheck.setChecked(bench.settings.next_after_submit)
        ui.detectOnOpenCheck.toggled.connect(self._remember)
        ui.nextAfterSubmitCheck.toggled.connect(self._remember)
        sender.submitted, sender.open = self.submitted, study.open

    def image_opened(self) -> None:
        """Detects an opened image that has no label and no prediction of the present network."""
        session = self._bench.session
        work, model = session.work, session.model
        if not self._ui.detectOnOpenCheck.checked or work is None or model is None:
            return
        fresh = work.saved_tag is None and not work.touched and work.model_version != model.version
        if fresh and self._bench.message.kind != WARNING and not session.why_not_detect():
            self._sender.detect()

    def submitted(self) -> None:
        if self._ui.nextAfterSubmitCheck.checked:
            self._study.next_sample()

    def _remember(self, *_args: Any) -> None:
        settings = self._bench.settings
        settings.detect_on_open = self._ui.detectOnOpenCheck.checked
        settings.next_after_submit = self._ui.nextAfterSubmitCheck.checked


class PointFollower:
    """Turns what a person does in the slice view into steps of the work."""

    def __init__(self, bench: Workbench, table: LandmarkTable) -> None:
        self._bench, self._table = bench, table

    def drag_started(self, index: int) -> None:
        work = self._bench.session.work
        if work is not None:
            work.begin_drag(index)
            self._table.go_to(index, center=False)

    def point_moved(self, index: int, position: Any) -> None:
        work = self._bench.session.work
        if work is not None:
            work.point_moved(index, position)
            if self._bench.scene.dragged is None:  # moved by another module
                self._bench.save()
            self._bench.changed()

    def drag_ended(self, index: int, position: Any) -> None:
        work = self._bench.session.work
        if work is not None:
            work.end_drag(index, position)
            self._bench.save()
            self._bench.changed()

    def point_placed(self, index: int, position: Any) -> None:
        work = self._bench.session.work
        if work is None:
            return
        following = work.point_placed(index, position)
        self._bench.save()
        if following is None:
            self._table.go_to(index, center=False)
        else:
            self._table.place_landmark(following)

    def point_unset(self, index: int) -> None:
        work = self._bench.session.work
        if work is None:
            return
        if self._bench.scene.read_points()[index].status == "missing":
            work.mark_missing(index)
        else:
            work.clear(index)
        self._bench.show_work()

    def point_selected(self, index: int) -> None:
        self._table.go_to(index, center=False)

    def placing_stopped(self) -> None:
        self._bench.changed()

    def nodes_removed(self) -> None:
        """Restores deleted landmarks; keeps the work where the image was deleted."""
        bench = self._bench
        if bench.session.work is None:
            return
        if bench.scene.volume is None:
            bench.session.keep_unsent(_("Its image was removed from the scene, or cut, before it was submitted."))
            bench.session.close_image()
            bench.say(_("The image was removed from the scene, or its size changed; your changes are kept."), WARNING)
        else:
            bench.say(_("The deleted landmarks were restored; use Clear for a single one."), WARNING)
        bench.show_work()


words.use(translate)


class Panel:
    """Creates the parts of the panel on the widgets of the ``.ui`` file.

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
        #: Whether the module is the one that Slicer shows.
        self._entered = False
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
        """Activates keys and clock when the module is shown."""
        self._entered = True
        self.shortcuts.set_enabled(True)
        self.view.enter()
        if self.bench.session.work is not None:
            self.bench.session.work.resume()
            self.layout.show()
        self.bench.changed()

    def exit(self) -> None:
        """Deactivates them when another module is shown; running jobs go on."""
        self._entered = False
        self.shortcuts.set_enabled(False)
        self.view.leave()
        self.bench.scene.stop_placing()
        self.layout.leave()
        self._pause_unless_entered()

    def _pause_unless_entered(self) -> None:
        """Time counts while the module is shown, also where an image comes or a scene is opened meanwhile."""
        if self.bench.session.work is not None and not self._entered:
            self.bench.session.work.pause()

    def close(self) -> None:
        """Ends everything when Slicer closes or the module is reloaded; unsent work is in the scene."""
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
        """Keeps unsent work; answers for the image of the closed scene are discarded."""
        self.bench.background.drop(DETECT, OPEN)
        unsent = self.bench.session.work is not None and self.bench.session.work.dirty
        self.bench.session.scene_closed()
        self.bench.forget_saved()
        self.bench.save()
        if unsent:
            self.bench.say(_("The scene was closed; your changes are kept."), WARNING)
        self.bench.changed()

    def scene_loaded(self) -> None:
        """Continues the work that an opened scene holds."""
        bench, problem = self.bench, ""
        text = bench.scene.stored_values().get(STATE)
        if bench.has_saved(text):  # the file brought other things
            return
        if text:
            try:
                warning = bench.session.restore(text)
                bench.current = 0
                bench.scene.restore()
            except BadAnswer as error:
                bench.say(str(error), ERROR)
                return
            except SceneError as error:
                problem = str(error)
            if problem:
                bench.session.keep_unsent(_("The image of the saved scene could not be read."))
                bench.session.close_image()
            if problem or warning:
                bench.say(problem or warning, ERROR if problem else WARNING)
        self._pause_unless_entered()
        bench.show_work()

    def _image_opened(self) -> None:
        self._pause_unless_entered()
        if self._entered:
            self.layout.show()
        self.bench.scene.fit_image()
        self.measurements.show_lines()
        self.loop.image_opened()
