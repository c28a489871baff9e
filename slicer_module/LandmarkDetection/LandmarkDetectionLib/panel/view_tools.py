"""Tools for seeing a point: names, window and level, arrow keys, magnifier, layout of the views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer

from ..scene.image_display import AUTO, FULL, MIDDLE_90, MIDDLE_98, PRESETS, CloseUp, apply_preset, why_no_window
from ..scene.point_names import ALL, CURRENT, NAMES, NONE
from ..words import tr as _
from .workbench import Workbench


def view_widget(name: str = "Red") -> Any:
    """The widget of a slice view, which has the keyboard focus after a click; None if there is none."""
    manager = slicer.app.layoutManager()
    whole = manager.sliceWidget(name) if manager is not None else None
    return None if whole is None else whole.sliceView()


class ViewLayout:
    """Shows one slice view when an image opens, unless the person has chosen another layout since.

    A 2D image is best seen alone, so the first image brings that layout. What the person chooses afterwards stays for
    all further images; :meth:`leave` gives the layout back that was there before, where it is still ours.
    """

    def __init__(self) -> None:
        self._before: int | None = None
        self._chosen: int | None = None

    def show(self) -> None:
        manager = slicer.app.layoutManager()
        if manager is None or self._before is not None:
            return
        self._before = manager.layout
        wanted = slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView
        manager.setLayout(wanted if self._chosen is None else self._chosen)

    def leave(self) -> None:
        """Restores the layout that was there before."""
        manager = slicer.app.layoutManager()
        if manager is None or self._before is None:
            return
        self._chosen, before, self._before = manager.layout, self._before, None
        manager.setLayout(before)


#: Key, and the way in pixels of the image: x to the right, y down.
ARROWS = (("Left", -1.0, 0.0), ("Right", 1.0, 0.0), ("Up", 0.0, -1.0), ("Down", 0.0, 1.0))
FINE = 0.1


class ArrowKeys:
    """The keys belong to the view itself: text fields and tables keep theirs, and a view in its own window has them."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._view: Any = None
        self._shortcuts: list[Any] = []

    def set_enabled(self, enabled: bool) -> None:
        if enabled and not self._view:
            self._make()
        for shortcut in self._shortcuts:
            if shortcut:
                shortcut.setEnabled(enabled)

    def move(self, dx: float, dy: float) -> None:
        """Moves the current landmark by pixels, if it has a position and stays in the image."""
        bench, work = self._bench, self._bench.session.work
        if work is None or bench.current >= len(work) or bench.scene.placing is not None:
            return
        position = bench.scene.shifted(bench.current, dx, dy)
        if position is not None and work.point_moved(bench.current, position):
            bench.show_work()

    def close(self) -> None:
        for shortcut in self._shortcuts:
            if shortcut:
                shortcut.setEnabled(False)
                shortcut.deleteLater()
        self._shortcuts.clear()
        self._view = None

    def _make(self) -> None:
        self._shortcuts.clear()
        self._view = view_widget()
        if self._view is None:
            return
        for key, dx, dy in ARROWS:
            self._add(key, self._mover(dx, dy))
            self._add(f"Shift+{key}", self._mover(FINE * dx, FINE * dy))

    def _add(self, key: str, deed: Callable[..., None]) -> None:
        shortcut = qt.QShortcut(qt.QKeySequence(key), self._view)
        shortcut.setContext(qt.Qt.WidgetWithChildrenShortcut)
        shortcut.activated.connect(deed)
        self._shortcuts.append(shortcut)

    def _mover(self, dx: float, dy: float) -> Callable[..., None]:
        return lambda *_: self.move(dx, dy)


#: Its side, and how far from the pointer it stays, in pixels of the window.
MAGNIFIER, DISTANCE = 161, 32
# Half the open middle of the cross.
_GAP = 7


class Magnifier:
    """Shows itself in the slice view as long as the mouse drags a landmark."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._label: Any = None
        bench.listen(self.show)

    def show(self) -> None:
        index = self._bench.scene.dragged
        seen = None if index is None else self._bench.scene.close_up(index, MAGNIFIER)
        view = None if seen is None else view_widget()
        if index is None or seen is None or view is None:
            if self._label:
                self._label.setVisible(False)
            return
        if not self._label:
            self._label = qt.QLabel(view)
            self._label.setObjectName("magnifierLabel")
            self._label.setAttribute(qt.Qt.WA_TransparentForMouseEvents)
            self._label.setFixedSize(MAGNIFIER, MAGNIFIER)
        task = self._bench.session.task
        self._label.setPixmap(draw_magnifier(seen, "#FFFFFF" if task is None else task.landmarks[index].color))
        size = view.size
        x, y = seen.share[0] * size.width(), seen.share[1] * size.height()
        self._label.move(*magnifier_corner(x, y, size.width(), size.height()))
        self._label.setVisible(True)

    def close(self) -> None:
        if self._label:
            self._label.setVisible(False)
            self._label.deleteLater()
        self._label = None


def magnifier_corner(x: float, y: float, width: float, height: float) -> tuple[int, int]:
    """The left upper corner of the magnifier: right and above of the pointer, or on the sides that have room."""
    left = x + DISTANCE if x + DISTANCE + MAGNIFIER <= width else x - DISTANCE - MAGNIFIER
    top = y - DISTANCE - MAGNIFIER if y - DISTANCE - MAGNIFIER >= 0 else y + DISTANCE
    return round(max(left, 0)), round(min(top, max(height - MAGNIFIER, 0)))


def draw_magnifier(seen: CloseUp, color: str) -> Any:
    """The picture: pixels, a frame, and a cross of the landmark's colour whose middle is the exact place."""
    pixels = qt.QPixmap()
    pixels.loadFromData(seen.ppm, "PPM")
    picture = qt.QPixmap(MAGNIFIER, MAGNIFIER)
    painter = qt.QPainter(picture)
    painter.drawPixmap(seen.left, seen.top, seen.across * seen.zoom, seen.across * seen.zoom, pixels)
    middle, end = MAGNIFIER // 2, MAGNIFIER - 1
    for width, paint in ((3, "#000000"), (1, color)):
        pen = qt.QPen(qt.QColor(paint))
        pen.setWidth(width)
        painter.setPen(pen)
        for near, far in ((0, middle - _GAP), (middle + _GAP, end)):
            painter.drawLine(near, middle, far, middle)
            painter.drawLine(middle, near, middle, far)
    painter.setPen(qt.QPen(qt.QColor("#FFFFFF")))
    painter.drawRect(0, 0, end, end)
    painter.end()
    return picture


def name_words(mode: str) -> str:
    """The displayed name of a choice of names."""
    return {ALL: _("All names"), CURRENT: _("Current name"), NONE: _("No names")}[mode]


def preset_words(preset: str) -> str:
    """The displayed name of a choice of window and level."""
    words = {AUTO: _("Automatic window"), FULL: _("Full range")}
    words |= {MIDDLE_98: _("Percentiles 1-99"), MIDDLE_90: _("Percentiles 5-95")}
    return words[preset]


class ViewTools:
    """The row of tools above the landmarks."""

    def __init__(self, bench: Workbench, ui: Any) -> None:
        self._bench = bench
        self._keys, self._magnifier = ArrowKeys(bench), Magnifier(bench)
        #: The volume whose window and level the choice was applied to.
        self._shown = ""
        row = qt.QHBoxLayout()
        ui.viewTools.layout().addLayout(row)
        ui.viewTools.setVisible(True)
        self._names = _combo("namesCombo", [name_words(mode) for mode in NAMES])
        self._names.setToolTip(_("Which landmarks' names are in the view"))
        self._names.setCurrentIndex(NAMES.index(bench.settings.names))
        self._names.currentIndexChanged.connect(self._show_names)
        self._window = _combo("windowCombo", [preset_words(preset) for preset in PRESETS])
        self._window.activated.connect(self._apply_window)
        for widget in (self._names, self._window):
            row.addWidget(widget)
        self._show_names()
        bench.listen(self.show)

    def enter(self) -> None:
        self._keys.set_enabled(True)

    def leave(self) -> None:
        self._keys.set_enabled(False)

    def close(self) -> None:
        self._keys.close()
        self._magnifier.close()

    def show(self) -> None:
        volume = self._bench.scene.volume
        problem = why_no_window(volume)
        self._window.setEnabled(not problem)
        self._window.setToolTip(problem or _("Brightness and contrast"))
        shown = "" if volume is None else volume.GetID()
        if shown != self._shown:
            self._shown = shown
            if self._window.currentIndex > 0:
                self._apply_window()

    def _show_names(self, *_args: Any) -> None:
        mode = NAMES[max(self._names.currentIndex, 0)]
        self._bench.settings.names = mode
        self._bench.scene.show_names(mode)

    def _apply_window(self, *_args: Any) -> None:
        apply_preset(self._bench.scene.volume, PRESETS[max(self._window.currentIndex, 0)])


def _combo(name: str, words: list[str]) -> Any:
    combo = qt.QComboBox()
    combo.setObjectName(name)
    for word in words:
        combo.addItem(word)
    return combo
