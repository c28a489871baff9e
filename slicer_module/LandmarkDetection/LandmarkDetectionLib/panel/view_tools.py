"""What helps to see a point: names, window and level, arrow keys, the magnifier."""

from __future__ import annotations

from typing import Any

import qt

from ..name_layout import ALL, CURRENT, NAMES, NONE
from ..window_presets import AUTO, FULL, MIDDLE_90, MIDDLE_98, PRESETS, apply_preset, why_no_window
from ..words import tr as _
from ..workbench import Workbench
from .arrow_keys import ArrowKeys
from .magnifier import Magnifier


def name_words(mode: str) -> str:
    """Which names are shown, as a person reads it."""
    return {ALL: _("All names"), CURRENT: _("Current name"), NONE: _("No names")}[mode]


def preset_words(preset: str) -> str:
    """A choice of window and level as a person reads it."""
    words = {AUTO: _("Automatic window"), FULL: _("Full range")}
    words |= {MIDDLE_98: _("Percentiles 1-99"), MIDDLE_90: _("Percentiles 5-95")}
    return words[preset]


class ViewTools:
    """The row of tools above the landmarks.

    Args:
        bench: the shared state.
        ui: the widgets by name.
    """

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
        """The module is shown: the arrow keys count."""
        self._keys.set_enabled(True)

    def leave(self) -> None:
        """Another module is shown."""
        self._keys.set_enabled(False)

    def close(self) -> None:
        """The panel goes."""
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
