"""Questions to the person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt
import slicer

from ..words import tr as _
from ..work.question import DISCARD, KEEP, REPLACE, SAVE_DRAFT, SHOW, STAY, SUBMIT, Question

#: What a choice does beyond those of a question of the session.
UPLOAD, WITHOUT_SIZE, OVERRULE_FILE = "upload", "without_size", "overrule_file"


def choice_words(choice: str) -> str:
    """The text of the button of a choice."""
    words = {
        SAVE_DRAFT: _("Save Draft"),
        KEEP: _("Keep Unsent"),
        DISCARD: _("Discard"),
        SUBMIT: _("Submit Label"),
        REPLACE: _("Replace Theirs"),
        SHOW: _("Show Them"),
        STAY: _("Cancel"),
        UPLOAD: _("Upload"),
        WITHOUT_SIZE: _("Upload without Millimetres"),
        OVERRULE_FILE: _("Overrule"),
    }
    return words.get(choice, choice)


_shown: list[Any] = []


def show(dialog: Any) -> None:
    """Shows a dialog until a person closes it; Qt deletes its window when the event loop runs again.

    A window without a parent, as all are where Slicer has no main window, belongs to PythonQt: it deletes the window
    with the last reference, and that may go while Qt deletes the window, with the slots of its buttons. So a dialog is
    kept until its window, which is false then, is gone.
    """
    _shown[:] = [earlier for earlier in _shown if earlier.window]
    _shown.append(dialog)
    dialog.window.exec_()
    dialog.window.deleteLater()


def ask(question: Question) -> str:
    """Shows a question; returns the chosen answer, ``stay`` where the dialog is closed."""
    if slicer.app.testingEnabled():
        return question.choices[0]
    dialog = QuestionDialog(question.sentence, question.details, question.choices)
    show(dialog)
    return dialog.answer


class QuestionDialog:
    """A dialog with one button for each choice; the first one is the safest and answers to Return."""

    def __init__(self, sentence: str, details: Sequence[str], choices: Sequence[str]) -> None:
        self.answer = STAY
        self.window = qt.QDialog(slicer.util.mainWindow())
        self.window.setWindowTitle(_("Landmark Detection"))
        self.window.setMinimumWidth(420)
        layout = qt.QVBoxLayout(self.window)
        layout.setSpacing(10)
        layout.addWidget(_text(sentence, bold=True))
        for detail in details:
            layout.addWidget(_text(detail))
        row = qt.QHBoxLayout()
        layout.addLayout(row)
        row.addStretch(1)
        for place, choice in enumerate(choices):
            row.addWidget(self._button(choice, place == 0))

    def _button(self, choice: str, first: bool) -> Any:
        button = qt.QPushButton(choice_words(choice))
        button.setObjectName(f"{choice}Choice")
        button.setAutoDefault(first)
        button.setDefault(first)

        def chosen(*_: Any) -> None:
            self.answer = choice
            self.window.accept()

        button.clicked.connect(chosen)
        return button


def _text(sentence: str, bold: bool = False) -> Any:
    label = qt.QLabel()
    label.setTextFormat(qt.Qt.PlainText)
    label.setText(sentence)
    label.setWordWrap(True)
    if bold:
        label.setStyleSheet("font-weight: bold")
    return label
