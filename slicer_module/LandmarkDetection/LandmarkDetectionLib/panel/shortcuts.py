"""Keys for the panel's buttons, which count in every window of Slicer while the module is shown."""

from __future__ import annotations

from typing import Any

import qt
import slicer

#: Key and button. Single letters, as in Slicer's Segment Editor: a text field that has the focus takes them first.
#: Left alone: B, F, G, R, T, V, brackets and arrows, which are Slicer's in a slice view, and L, P, T, which are
#: SlicerMorph's.
KEYS = {
    "detect": "D",
    "submit": "S",
    "allRight": "O",
    "nextSample": "J",
    "next": "N",
    "previous": "Shift+N",
    "place": "X",
    "missing": "M",
    "accept": "A",
    "acceptAll": "Shift+A",
    "clear": "C",
    "clearAll": "Shift+C",
    "undo": "Z",
    "redo": "Y",
    "fit": "W",
}
#: The keys that do it again while they are held.
_REPEATED = ("next", "previous", "undo", "redo")


def with_key(tip: str, name: str) -> str:
    """A button's tool tip with its key."""
    return f"{tip} ({KEYS[name]})"


class Shortcuts:
    """The keys of the buttons; a greyed button's key does nothing."""

    def __init__(self, ui: Any) -> None:
        self._shortcuts = []
        for name, key in KEYS.items():
            button = getattr(ui, f"{name}Button")
            shortcut = qt.QShortcut(qt.QKeySequence(key), slicer.util.mainWindow() or ui.landmarkTable)
            # A slice view may have a window of its own, on another screen.
            shortcut.setContext(qt.Qt.ApplicationShortcut)
            shortcut.setAutoRepeat(name in _REPEATED)
            shortcut.activated.connect(button.click)
            shortcut.setEnabled(False)
            self._shortcuts.append(shortcut)

    def set_enabled(self, enabled: bool) -> None:
        for shortcut in self._shortcuts:
            shortcut.setEnabled(enabled)

    def close(self) -> None:
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts.clear()
