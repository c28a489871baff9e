"""The section "Calibration": a line of known length gives the size of a pixel in millimetres."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer

from ..errors import BadAnswer, ClientError
from ..scene.calibration_line import CalibrationLine
from ..server.client import LandmarkClient
from ..server.geometry import (
    IRIS,
    KINDS,
    LINE,
    OVERRULE,
    RULER,
    STICKER,
    USUAL_LENGTHS,
    Calibration,
    pixel_length,
    read_length,
)
from ..words import tr as _
from ..work.question import STAY, Question
from .dialogs import OVERRULE_FILE
from .workbench import ERROR, INFO, Workbench

CALIBRATE, LOOK = "calibrate", "calibration"


def kind_words(kind: str) -> str:
    """The displayed name of a kind of line."""
    words = {LINE: _("Any known length"), RULER: _("Ruler"), STICKER: _("Sticker (19 mm)")}
    words |= {IRIS: _("Iris, side to side (11.7 mm, estimate)"), OVERRULE: _("against the file"), "table": _("Table")}
    return words.get(kind, kind)


class CalibrationBox:
    """Draws the line, sends it, and says how large a pixel is and who says so."""

    def __init__(self, bench: Workbench, ui: Any) -> None:
        self._bench, self._section = bench, ui.calibrationSection
        self._line = CalibrationLine(slicer.mrmlScene, slicer.app.applicationLogic(), bench.changed)
        #: What the server says of the open image; None before it answered.
        self._known: Calibration | None = None
        #: The open image and the server that it came from; the server that was asked about it.
        self._shown: tuple[str, str] | None = None
        self._asked = ""
        self._problem = ""
        self._state, self._kind, self._length = qt.QLabel(), qt.QComboBox(), qt.QLineEdit()
        self._draw, self._apply = qt.QPushButton(_("Draw Line")), qt.QPushButton(_("Set"))
        self._undo, self._withdraw = qt.QPushButton(_("Undo")), qt.QPushButton(_("Remove"))
        self._build(ui.calibrationSection.layout())
        bench.listen(self.show)

    def _build(self, layout: Any) -> None:
        named = {"calibrationLabel": self._state, "kindCombo": self._kind, "lengthEdit": self._length}
        named |= {"drawLineButton": self._draw, "calibrateButton": self._apply}
        named |= {"undoCalibrationButton": self._undo, "withdrawCalibrationButton": self._withdraw}
        for name, widget in named.items():
            widget.setObjectName(name)
        self._state.setWordWrap(True)
        self._state.setTextFormat(qt.Qt.PlainText)
        layout.addWidget(self._state)
        for kind in KINDS:
            self._kind.addItem(kind_words(kind))
        self._kind.setToolTip(_("What the line lies along"))
        self._kind.activated.connect(self._choose_kind)
        self._length.setMaximumWidth(80)
        self._length.setToolTip(_("Length of the line in millimetres"))
        self._length.returnPressed.connect(self.set)
        self._draw.setCheckable(True)
        self._draw.setToolTip(_("Two clicks in the slice view; its ends can be dragged afterwards"))
        for widgets in ((self._kind, self._length, qt.QLabel(_("mm"))), (self._draw, self._apply)):
            row = qt.QHBoxLayout()
            layout.addLayout(row)
            for widget in widgets:
                row.addWidget(widget)
        for button in (self._undo, self._withdraw):
            row.addWidget(button)
        self._apply.setToolTip(_("Keep this pixel size with the image on the server"))
        self._undo.setToolTip(_("Undo the last calibration of this image"))
        self._withdraw.setToolTip(_("Remove the stated pixel size: only the image file counts then"))
        for button, deed in ((self._draw, self.draw), (self._apply, self.set)):
            button.clicked.connect(deed)
        self._undo.clicked.connect(self.undo)
        self._withdraw.clicked.connect(self.withdraw)
        self._section.setVisible(True)

    @property
    def source(self) -> str:
        """The server's source of the pixel size of the open image; empty if unknown."""
        return "" if self._known is None else self._known.source

    # What a person does

    def draw(self, *_args: Any) -> None:
        """Starts or stops drawing the line."""
        frame = self._bench.scene.frame
        if self._line.placing:
            self._line.stop()
        elif frame is not None:
            self._bench.scene.stop_placing()
            self._line.start(frame)
        self._bench.changed()

    def set(self, *_args: Any) -> None:
        """Sends the line with its length; asks first where the image file has a pixel size of its own."""
        bench, frame = self._bench, self._bench.scene.frame
        ends = None if frame is None else self._line.ends(frame)
        work, client, known = bench.session.work, bench.client, self._known
        if ends is None or work is None or client is None or known is None:
            bench.say(_("Draw the line first: two clicks in the slice view."), ERROR)
            return
        try:
            length = read_length(str(self._length.text))
        except BadAnswer as error:
            bench.say(str(error), ERROR)
            return
        statement = {"how": self._chosen, "length_mm": length, "line": [list(end) for end in ends]}
        if bench.session.annotator:
            statement["annotator"] = bench.session.annotator
        if work.geometry.revision:
            statement["image_revision"] = work.geometry.revision
        if known.file_spacing is not None:
            if bench.answer(_overrule_question(known, work.image)) != OVERRULE_FILE:
                return
            statement["how"] = OVERRULE
        image = work.image
        self._send(_("Calibrating {image}"), lambda: client.state_calibration(image, statement))

    def undo(self, *_args: Any) -> None:
        self._ask_server(
            _("Taking the calibration of {image} back"), lambda client, image: client.undo_calibration(image)
        )

    def withdraw(self, *_args: Any) -> None:
        self._ask_server(
            _("Removing the calibration of {image}"), lambda client, image: client.withdraw_calibration(image)
        )

    def close(self) -> None:
        self._line.close()

    def _choose_kind(self, *_args: Any) -> None:
        usual = USUAL_LENGTHS.get(self._chosen)
        if usual is not None:
            self._length.setText(f"{usual:g}")

    @property
    def _chosen(self) -> str:
        return KINDS[max(self._kind.currentIndex, 0)]

    # The server

    def _ask_server(self, words: str, request: Callable[[LandmarkClient, str], Calibration]) -> None:
        work, client = self._bench.session.work, self._bench.client
        if work is not None and client is not None:
            image = work.image
            self._send(words, lambda: request(client, image))

    def _send(self, words: str, job: Callable[[], Calibration]) -> None:
        work = self._bench.session.work
        image = "" if work is None else work.image
        self._bench.run(CALIBRATE, words.format(image=image), job, self._changed)

    def _changed(self, calibration: Calibration) -> None:
        self._take(calibration)
        self._bench.say(size_words(calibration), INFO)

    def _take(self, calibration: Calibration) -> None:
        bench = self._bench
        if not bench.session.calibrated(calibration):
            return
        self._known, self._problem = calibration, ""
        frame = bench.scene.frame
        if frame is not None and calibration.line is not None:
            self._line.show(frame, calibration.line)
        if calibration.length_mm is not None:
            self._length.setText(f"{calibration.length_mm:g}")
        if calibration.how in KINDS:
            self._kind.setCurrentIndex(KINDS.index(calibration.how))
        bench.show_work()

    def _look(self, image: str, client: LandmarkClient) -> None:

        def failed(error: ClientError) -> None:
            self._problem = str(error)

        self._bench.run(LOOK, "", lambda: client.calibration(image), self._take, failed, quiet=True)

    # Showing

    def show(self) -> None:
        session, frame = self._bench.session, self._bench.scene.frame
        work, client = session.work, self._bench.client
        shown = None if work is None else (work.image, work.server)
        if shown != self._shown:
            if self._shown is not None:
                self._line.stop()
                self._line.remove()
            self._shown, self._asked, self._known, self._problem = shown, "", None, ""
        if work is not None and client is not None and session.connected and session.server != self._asked:
            self._asked, self._known, self._problem = session.server, None, session.origin_problem()
            if not self._problem:
                self._look(work.image, client)
        ends = None if frame is None or self._line.placing else self._line.ends(frame)
        if ends is not None:
            self._line.name(_("{pixels:.1f} px").format(pixels=pixel_length(ends)) + self._length_words(ends))
        ready = session.connected and self._known is not None and not self._bench.background.running(CALIBRATE)
        self._state.setText(self._state_words(work))
        self._draw.setEnabled(frame is not None)
        self._draw.setChecked(self._line.placing)
        self._apply.setEnabled(ready and ends is not None)
        self._undo.setEnabled(ready)
        self._withdraw.setEnabled(ready and bool(self._known and self._known.how))

    def _length_words(self, ends: Any) -> str:
        known = self._known
        same = known is not None and known.line is not None and pixel_length(known.line) == pixel_length(ends)
        return f" = {known.length_mm:g} mm" if same and known is not None and known.length_mm is not None else ""

    def _state_words(self, work: Any) -> str:
        if work is None:
            return _("Open an image first.")
        if self._known is not None:
            return size_words(self._known)
        if self._problem:
            return self._problem
        x, y = work.geometry.spacing
        return _("Lengths are in pixels.") if work.geometry.unit == "px" else _pixel_words(x, y)


def size_words(calibration: Calibration) -> str:
    """The pixel size and its source, in one or two sentences."""
    if calibration.unit == "px":
        return _("Lengths are in pixels: the pixel size is neither in the file nor stated by a person.")
    words = _pixel_words(*calibration.spacing)
    if not calibration.how:
        return words + " " + _("Source: the image file ({source}).").format(source=calibration.source)
    by = calibration.annotator or _("somebody")
    how = kind_words(calibration.how)
    if calibration.length_mm is not None:
        how += f", {calibration.length_mm:g} mm"
    said = _("Stated by {who} on {when} ({how}).")
    words += " " + said.format(who=by, when=_utc(calibration.when), how=how)
    if calibration.how == IRIS:
        words += " " + _("An estimate: adults' irises differ by 4 % or more.")
    if calibration.file_spacing is not None:
        x, y = calibration.file_spacing
        words += " " + _("The file says {x:g} x {y:g} mm, which is overruled.").format(x=x, y=y)
    return words


def _utc(when: str) -> str:
    return f"{when[:16].replace('T', ' ')} UTC" if when else "?"


def _pixel_words(x: float, y: float) -> str:
    return _("A pixel has {x:.4g} x {y:.4g} mm.").format(x=x, y=y)


def _overrule_question(known: Calibration, image: str) -> Question:
    assert known.file_spacing is not None
    x, y = known.file_spacing
    sentence = _("The file of {image} says that a pixel has {x:g} x {y:g} mm. Overrule it?")
    details = (_("Every length on this image then rests on your line instead, also in what others see."),)
    return Question(sentence.format(image=image, x=x, y=y), details, (STAY, OVERRULE_FILE))
