"""The table of landmarks, and what a person does with one: show, place, call missing, accept, clear, undo."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import qt

from ..words import tr as _
from ..work.point_state import ABSENT, CORRECTED, PLACED, PREDICTED, UNLABELLED, PointState
from ..work.work import Work
from .pictures import Icons, confidence_bar, sign, swatch
from .table_cells import fit_columns, fit_height, fit_widths, set_cell, set_rows
from .workbench import Workbench

_ACTIONS = ("previous", "next", "place", "missing", "accept", "acceptAll", "clear", "clearAll", "undo", "redo", "fit")


def status_words(point: PointState) -> str:
    """The displayed name of a status."""
    return {
        PREDICTED: _("predicted"),
        CORRECTED: _("accepted") if point.confirmed else _("corrected"),
        PLACED: _("placed"),
        ABSENT: _("missing") if point.touched else _("missing?"),
        UNLABELLED: _("unlabelled"),
    }[point.status]


class LandmarkTable:
    """Shows the work, and turns clicks and keys into steps of it."""

    def __init__(self, bench: Workbench, ui: Any) -> None:
        self._bench, self._ui = bench, ui
        self._icons = Icons()
        self._shown: Any = None
        fit_columns(ui.landmarkTable)
        ui.landmarkTable.cellClicked.connect(self._clicked)
        ui.landmarkTable.itemSelectionChanged.connect(self._selected)
        deeds = (self.previous, self.next, self.place, self.missing, self.accept, self.accept_all, self.clear)
        for action, deed in zip(_ACTIONS, (*deeds, self.clear_all, self.undo, self.redo, self.fit)):
            getattr(ui, f"{action}Button").clicked.connect(deed)
        ui.warningIcon.setPixmap(sign("warning"))
        bench.listen(self.show)

    # What a person does

    def previous(self, *_args: Any) -> None:
        self._step(-1)

    def next(self, *_args: Any) -> None:
        self._step(1)

    def place(self, *_args: Any) -> None:
        """Starts placing the current landmark, or stops placing."""
        scene = self._bench.scene
        if self._work is None:
            self._bench.changed()
        elif scene.placing is not None:
            scene.stop_placing()
            self._bench.changed()
        else:
            self.place_landmark(self._bench.current)

    def place_landmark(self, index: int) -> None:
        """Starts placing a landmark by the next click in the view."""
        self._bench.current = index
        self._bench.scene.start_placing(index)
        self._bench.scene.highlight(index)
        self._bench.changed()

    def missing(self, *_args: Any) -> None:
        """Marks the current landmark as missing and goes on to the next untouched prediction."""
        self._do(lambda work: work.mark_missing(self._bench.current), go_on=True)

    def accept(self, *_args: Any) -> None:
        """Accepts the prediction of the current landmark and goes on to the next untouched prediction."""
        self._do(lambda work: work.accept(self._bench.current), go_on=True)

    def accept_all(self, *_args: Any) -> None:
        self._do(lambda work: work.accept_all())

    def clear_all(self, *_args: Any) -> None:
        self._do(lambda work: work.clear_all())

    def fit(self, *_args: Any) -> None:
        if self._work is not None:
            self._bench.scene.fit_image()

    def clear(self, *_args: Any) -> None:
        self._do(lambda work: work.clear(self._bench.current))

    def undo(self, *_args: Any) -> None:
        self._do(lambda work: work.undo())

    def redo(self, *_args: Any) -> None:
        self._do(lambda work: work.redo())

    def go_to(self, index: int, center: bool = True) -> None:
        """Makes a landmark the current one; unless ``center`` is False it is also shown in the view."""
        self._bench.current = index
        if self._bench.scene.placing not in (None, index):
            self._bench.scene.start_placing(index)
        self._bench.scene.highlight(index)
        seen = self._bench.scene.center_on(index) if center else True
        work = self._work
        if work is not None and (seen or work[index].predicted is None):
            work.look_at(index)
        self._bench.changed()

    @property
    def _work(self) -> Work | None:
        return self._bench.session.work

    def _step(self, by: int) -> None:
        if self._work is not None:
            self.go_to((self._bench.current + by) % len(self._work))

    def _do(self, deed: Callable[[Work], object], go_on: bool = False) -> None:
        work = self._work
        if work is None:
            return
        self._bench.scene.stop_placing()
        deed(work)
        following = work.next_unsure(self._bench.current) if go_on else None
        self._bench.show_work()
        if following is not None:
            self.go_to(following)

    def _clicked(self, row: int, *_args: Any) -> None:
        if self._work is not None and row < len(self._work):
            self.go_to(row)

    def _selected(self, *_args: Any) -> None:
        # Arrow keys in the table; a click comes as a click too, and a second visit costs nothing.
        row = self._ui.landmarkTable.currentRow()
        if self._work is not None and 0 <= row < len(self._work) and row != self._bench.current:
            self.go_to(row)

    # What is shown

    def show(self) -> None:
        work, table = self._work, self._ui.landmarkTable
        task = self._bench.session.task
        table.blockSignals(True)
        set_rows(table, 0 if task is None else len(task.landmarks))
        if task is not None:
            fit_height(table, 3, 19)
            state = (task, None if work is None else (work, work.revision, work.geometry))
            if state != self._shown:
                self._shown = state
                for row in range(len(task.landmarks)):
                    self._show_row(row, task.landmarks[row], None if work is None else work[row])
                fit_widths(table, range(len(task.landmarks)))
        if work is None:
            table.clearSelection()
        elif table.currentRow() != self._bench.current or not table.selectedItems():
            table.selectRow(self._bench.current)
        table.blockSignals(False)
        self._show_definition()
        self._show_buttons()
        self._show_warnings()

    def _show_row(self, row: int, landmark: Any, point: PointState | None) -> None:
        table = self._ui.landmarkTable
        set_cell(table, row, 0, landmark.title, landmark.description, self._icons.get(swatch, landmark.color))
        asked = point is not None and point.status == ABSENT and not point.touched
        tip = _("The network predicts that it is not in the image.") if asked else ""
        set_cell(table, row, 1, "" if point is None else status_words(point), tip)
        # The network's confidence is in its own word: it says nothing of a landmark that a person put elsewhere.
        confidence = None if point is None or not point.is_the_network_s else point.confidence
        unit = "" if self._work is None else self._work.geometry.unit
        sure = "" if confidence is None else f"{confidence:.2f}"
        reach = None if point is None else point.reach
        far_off = "" if reach is None else f"±{reach:.1f} {unit}"
        bar = qt.QIcon() if confidence is None else self._icons.get(confidence_bar, round(confidence, 2))
        set_cell(table, row, 2, f"{sure}  {far_off}".strip(), _confidence_tip(point, confidence, far_off), bar)
        moved = None if self._work is None or point is None else self._work.moved(row)
        far = moved is not None and point is not None and point.status == CORRECTED and not point.confirmed
        cell = set_cell(table, row, 3, f"{moved:.1f} {unit}" if far else "")
        cell.setTextAlignment(int(qt.Qt.AlignRight) | int(qt.Qt.AlignVCenter))

    def _show_definition(self) -> None:
        bench, work = self._bench, self._work
        task = bench.session.task
        if task is None or not task.landmarks:
            self._ui.definitionLabel.setText("")
            return
        index = bench.scene.placing if bench.scene.placing is not None else bench.current
        landmark = task.landmarks[min(index, len(task.landmarks) - 1)]
        title = escape(landmark.title[:1].upper() + landmark.title[1:])
        if work is not None and bench.scene.placing is not None:
            title = _("Click in the slice view: {landmark}").format(landmark=title)
        text = landmark.description or _("This protocol gives no definition.")
        if landmark.optional:
            text += " " + _("It may be left out.")
        self._ui.definitionLabel.setText(f"<b>{title}</b><br>{escape(text)}")

    def _show_buttons(self) -> None:
        ui, work = self._ui, self._work
        point = None if work is None or self._bench.current >= len(work) else work[self._bench.current]
        placing = self._bench.scene.placing is not None
        for action in ("previous", "next", "place", "missing"):
            getattr(ui, f"{action}Button").setEnabled(point is not None)
        ui.placeButton.setChecked(placing)
        ui.acceptButton.setEnabled(point is not None and point.awaits_a_person)
        ui.acceptAllButton.setEnabled(work is not None and any(p.awaits_a_person for p in work.points))
        ui.clearButton.setEnabled(point is not None and point.status != UNLABELLED)
        ui.clearAllButton.setEnabled(work is not None and not work.empty)
        ui.fitButton.setEnabled(work is not None)
        ui.undoButton.setEnabled(work is not None and bool(work.undo_words))
        ui.redoButton.setEnabled(work is not None and bool(work.redo_words))

    def _show_warnings(self) -> None:
        warnings = [] if self._work is None else self._work.pair_warnings()
        self._ui.warningFrame.setVisible(bool(warnings))
        self._ui.warningLabel.setText("\n".join(warning.sentence for warning in warnings))


def _confidence_tip(point: PointState | None, confidence: float | None, far_off: str) -> str:
    parts = [] if confidence is None else [_("Confidence of the network, from 0 to 1.")]
    if point is not None and far_off and point.coverage is not None:
        parts.append(
            _("The true place lies within {distance} of it in {percent} of images like those of the training.").format(
                distance=far_off.lstrip("±"), percent=f"{point.coverage:.0%}"
            )
        )
    return " ".join(parts)
