"""Earlier versions of the open label: listed in a dialog, and one put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt
import slicer

from ..server.images import ImageList, LabelVersion
from ..words import tr as _
from ..work import jobs
from ..work.jobs import OpenedImage
from .dialogs import show
from .study_box import OPEN, StudyBox
from .submit_bar import SEND
from .table_cells import fit_columns, fit_widths, set_cell, set_rows
from .workbench import ERROR, INFO, Workbench


def choose_version(image: str, versions: Sequence[LabelVersion]) -> LabelVersion | None:
    """Asks for one of the versions of an image; None if the dialog is closed without."""
    if slicer.app.testingEnabled():
        return None
    dialog = VersionsDialog(image, versions)
    show(dialog)
    return dialog.chosen


class VersionsDialog:
    """A table of versions, the newest first, with the buttons Restore and Cancel."""

    def __init__(self, image: str, versions: Sequence[LabelVersion]) -> None:
        self.chosen: LabelVersion | None = None
        self._versions = versions
        self.window = qt.QDialog(slicer.util.mainWindow())
        self.window.setWindowTitle(_("Earlier Versions"))
        self.window.setMinimumWidth(460)
        layout = qt.QVBoxLayout(self.window)
        layout.setSpacing(10)
        words = _("Earlier versions of the label of {image}. The present one is kept when you put one of them back.")
        label = qt.QLabel()
        label.setTextFormat(qt.Qt.PlainText)
        label.setWordWrap(True)
        label.setText(words.format(image=image))
        layout.addWidget(label)
        self._table = self._make_table()
        layout.addWidget(self._table)
        row = qt.QHBoxLayout()
        layout.addLayout(row)
        row.addStretch(1)
        row.addWidget(self._button(_("Cancel"), "cancelVersionsButton", lambda *_: self.window.reject()))
        row.addWidget(self._button(_("Restore"), "restoreVersionButton", self._restore))

    def _make_table(self) -> Any:
        table = qt.QTableWidget()
        table.setObjectName("versionsTable")
        table.setColumnCount(4)
        table.setHorizontalHeaderLabels([_("Saved"), _("By"), _("Label"), _("Then")])
        table.verticalHeader().setVisible(False)
        table.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        table.setSelectionMode(qt.QAbstractItemView.SingleSelection)
        table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        set_rows(table, len(self._versions))
        for place, version in enumerate(self._versions):
            set_cell(table, place, 0, version.when, version.version)
            set_cell(table, place, 1, version.user or _("unknown"))
            set_cell(table, place, 2, _("draft") if version.tag == "draft" else _("final"), version.protocol)
            set_cell(table, place, 3, _("deleted") if version.reason == "deleted" else _("replaced"), version.ended)
        fit_columns(table)
        fit_widths(table, range(len(self._versions)))
        table.selectRow(0)
        table.cellDoubleClicked.connect(self._restore)
        return table

    def _button(self, text: str, name: str, pressed: Any) -> Any:
        button = qt.QPushButton(text)
        button.setObjectName(name)
        button.clicked.connect(pressed)
        return button

    def _restore(self, *_args: Any) -> None:
        row = self._table.currentRow()
        if 0 <= row < len(self._versions):
            self.chosen = self._versions[row]
            self.window.accept()


VERSIONS = "versions"


class VersionsBox:
    """The button "Earlier..."."""

    def __init__(self, bench: Workbench, ui: Any, study: StudyBox) -> None:
        self._bench, self._ui, self._study = bench, ui, study
        #: Asks the person for one of the versions of an image; None: they do not want any.
        self.choose = choose_version
        ui.versionsButton.clicked.connect(self.list)
        bench.listen(self.show)

    def list(self, *_args: Any) -> None:
        """Fetches the versions and lets the person choose one."""
        bench, client, work = self._bench, self._bench.client, self._bench.session.work
        if client is None or work is None:
            return
        problem = bench.session.origin_problem()
        if problem:
            bench.say(problem, ERROR)
            return
        image, words = work.image, _("Looking for earlier versions of {image}").format(image=work.image)

        def done(versions: tuple[LabelVersion, ...]) -> None:
            if not versions:
                bench.say(_("{image} has no earlier version: its label was not changed yet.").format(image=image), INFO)
                return
            with bench.background.held():
                version = self.choose(image, versions)
            if version is not None:
                self._study.leave(lambda: self._restore(image, version))

        bench.run(VERSIONS, words, lambda: jobs.label_versions(client, image), done)

    def _restore(self, image: str, version: LabelVersion) -> None:
        bench, client, task = self._bench, self._bench.client, self._bench.session.task
        if client is None or task is None:
            return
        folder = bench.image_folder

        def done(found: tuple[ImageList, OpenedImage]) -> None:
            bench.session.images, opened = found
            words = _("The label of {image} is that of {when} again; the other one is kept among the earlier ones.")
            self._study.show_restored(opened, words.format(image=image, when=version.when))

        words = _("Putting back {image} of {when}").format(image=image, when=version.when)
        bench.run(OPEN, words, lambda: jobs.restore(client, task, image, version, folder), done)

    def show(self) -> None:
        session, background = self._bench.session, self._bench.background
        busy = background.running(OPEN, SEND, VERSIONS)
        self._ui.versionsButton.setEnabled(session.connected and session.work is not None and not busy)
