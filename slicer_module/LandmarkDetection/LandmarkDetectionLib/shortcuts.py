"""Keys for the landmark table, which count in the whole window while the module is shown."""

from __future__ import annotations

from typing import Any

import qt
import slicer

#: Key and the table's deed. Single letters, as in Slicer's Segment Editor; they do not disturb typing in text fields.
KEYS = (
    ("N", "next"),
    ("B", "previous"),
    ("P", "place"),
    ("M", "missing"),
    ("A", "accept"),
    ("C", "clear"),
    ("Z", "undo"),
    ("Y", "redo"),
)


class Shortcuts:
    """The keys of a table's deeds.

    Args:
        table: has a method for each deed.
        ui: has a button for each deed, whose tool tip names the key.
    """

    def __init__(self, table: Any, ui: Any) -> None:
        self._shortcuts = []
        for key, deed in KEYS:
            button = getattr(ui, f"{deed}Button")
            button.setToolTip(f"{button.toolTip} ({key})")
            shortcut = qt.QShortcut(qt.QKeySequence(key), slicer.util.mainWindow() or ui.landmarkTable)
            shortcut.activated.connect(getattr(table, deed))
            shortcut.setEnabled(False)
            self._shortcuts.append(shortcut)

    def set_enabled(self, enabled: bool) -> None:
        """Whether the keys count."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(enabled)

    def close(self) -> None:
        """Takes the keys away."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts.clear()
