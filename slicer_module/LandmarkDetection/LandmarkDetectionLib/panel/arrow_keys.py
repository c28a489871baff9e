"""Arrow keys move the current landmark by a stored pixel, with Shift by a tenth, while the slice view has the focus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

from ..view_widget import view_widget
from ..workbench import Workbench

#: Key, and the way in pixels of the image: x to the right, y down.
KEYS = (("Left", -1.0, 0.0), ("Right", 1.0, 0.0), ("Up", 0.0, -1.0), ("Down", 0.0, 1.0))
FINE = 0.1


class ArrowKeys:
    """The keys belong to the view itself: text fields and tables keep theirs, and a view in its own window has them.

    Args:
        bench: the shared state.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._view: Any = None
        self._shortcuts: list[Any] = []

    def set_enabled(self, enabled: bool) -> None:
        """Whether the keys count."""
        if enabled and not self._view:
            self._make()
        for shortcut in self._shortcuts:
            if shortcut:
                shortcut.setEnabled(enabled)

    def move(self, dx: float, dy: float) -> None:
        """Moves the current landmark by pixels; it stays where it has no position, or would leave the image."""
        bench, work = self._bench, self._bench.session.work
        if work is None or bench.current >= len(work) or bench.scene.placing is not None:
            return
        position = bench.scene.shifted(bench.current, dx, dy)
        if position is not None and work.point_moved(bench.current, position):
            bench.show_work()

    def close(self) -> None:
        """Takes the keys away."""
        for shortcut in self._shortcuts:
            if shortcut:
                shortcut.setEnabled(False)
                shortcut.deleteLater()
        self._shortcuts.clear()
        self._view = None

    def _make(self) -> None:
        """Gives the view its keys, once it is there."""
        self._shortcuts.clear()
        self._view = view_widget()
        if self._view is None:
            return
        for key, dx, dy in KEYS:
            self._add(key, self._mover(dx, dy))
            self._add(f"Shift+{key}", self._mover(FINE * dx, FINE * dy))

    def _add(self, key: str, deed: Callable[..., None]) -> None:
        shortcut = qt.QShortcut(qt.QKeySequence(key), self._view)
        shortcut.setContext(qt.Qt.WidgetWithChildrenShortcut)
        shortcut.activated.connect(deed)
        self._shortcuts.append(shortcut)

    def _mover(self, dx: float, dy: float) -> Callable[..., None]:
        return lambda *_: self.move(dx, dy)
