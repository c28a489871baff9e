"""Which views are shown: the image alone while the module is used, and what the person had before and after."""

from __future__ import annotations

from typing import Any

import slicer


class ViewLayout:
    """Shows the image alone once, leaves a layout that the person chooses since then, and restores the earlier one."""

    def __init__(self) -> None:
        #: What was shown before the module changed it; None while it has not.
        self._before: int | None = None
        #: What the module is used with: the image alone, until the person chooses another.
        self._used: int | None = None

    def image_opened(self) -> None:
        """A 2D image is best seen alone; a person who chose otherwise in this module is not asked again."""
        manager = slicer.app.layoutManager()
        if manager is not None and self._before is None:
            self._change(manager)

    def enter(self, image_open: bool) -> None:
        """The module is shown: with an image, the layout that it was left with comes back."""
        manager = slicer.app.layoutManager()
        if manager is not None and image_open and self._used is not None and self._before is None:
            self._change(manager)

    def leave(self) -> None:
        """Another module is shown, or Slicer closes: what was shown before comes back."""
        manager = slicer.app.layoutManager()
        if manager is None or self._before is None:
            return
        self._used, before, self._before = manager.layout, self._before, None
        if self._used == slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView:
            manager.setLayout(before)

    def _change(self, manager: Any) -> None:
        self._before = manager.layout
        alone = slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView
        manager.setLayout(alone if self._used is None else self._used)
