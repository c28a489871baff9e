"""The layout of Slicer's views: one slice view for 2D images, and what the person had before."""

from __future__ import annotations

import slicer


class ViewLayout:
    """Shows one slice view when an image opens, unless the person has chosen another layout since.

    A 2D image is best seen alone, so the first image brings that layout. What the person chooses afterwards stays for
    all further images; :meth:`leave` gives the layout back that was there before, where it is still ours.
    """

    def __init__(self) -> None:
        self._before: int | None = None
        self._chosen: int | None = None

    def show(self) -> None:
        """An image is open in front of the person."""
        manager = slicer.app.layoutManager()
        if manager is None or self._before is not None:
            return
        self._before = manager.layout
        wanted = slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView
        manager.setLayout(wanted if self._chosen is None else self._chosen)

    def leave(self) -> None:
        """Another module is shown: it finds the layout that was there before ours."""
        manager = slicer.app.layoutManager()
        if manager is None or self._before is None:
            return
        self._chosen, before, self._before = manager.layout, self._before, None
        manager.setLayout(before)
