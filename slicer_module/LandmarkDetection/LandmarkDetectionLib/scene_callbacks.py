"""What the scene tells the rest of the module: a person's own deeds, never our own changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: A position in LPS millimetres of the image's file (parent transforms taken off): what goes to the server.
Position = Sequence[float]


def _ignore(*_: object) -> None:
    """Stands where nobody listens."""


@dataclass
class SceneCallbacks:
    """Functions that the scene adapter calls in the GUI thread; those not given do nothing.

    Attributes:
        drag_started: ``(index)``: a point has begun to be dragged. Not called for a click that moves nothing.
        point_moved: ``(index, lps)``: a point is at a new place. During a drag it comes once for each mouse move,
            between ``drag_started`` and ``drag_ended``; alone when the point was changed elsewhere in Slicer, as in
            the table of the Markups module.
        drag_ended: ``(index, lps)``: the drag is over and the point was really moved. This is the moment to write
            one step of history.
        point_placed: ``(index, lps)``: a landmark that had no position, or was being placed again, has been clicked.
            Placing is over then: call ``start_placing`` for the next one.
        placing_stopped: ``()``: placing ended without a point (Escape, right click, another mouse mode). The point
            has its earlier position or status again.
        point_unset: ``(index)``: a point lost its position elsewhere in Slicer (Markups module, context menu);
            ``read_points()`` tells whether it is missing or undefined now.
        point_selected: ``(index)``: a point was clicked without being moved.
        nodes_removed: ``()``: a person deleted the image or the points in Slicer. What is left stays usable:
            ``show_points`` makes new points where only these are gone.
        scene_closed: ``()``: the scene was closed; image and points are gone.
        scene_loaded: ``()``: a scene was read; ``SceneAdapter.restore()`` tells what it holds.
    """

    drag_started: Callable[[int], object] = _ignore
    point_moved: Callable[[int, Position], object] = _ignore
    drag_ended: Callable[[int, Position], object] = _ignore
    point_placed: Callable[[int, Position], object] = _ignore
    placing_stopped: Callable[[], object] = _ignore
    point_unset: Callable[[int], object] = _ignore
    point_selected: Callable[[int], object] = _ignore
    nodes_removed: Callable[[], object] = _ignore
    scene_closed: Callable[[], object] = _ignore
    scene_loaded: Callable[[], object] = _ignore
