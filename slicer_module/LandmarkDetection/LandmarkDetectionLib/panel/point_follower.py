"""What a person does to the points in the slice view."""

from __future__ import annotations

from typing import Any

from ..words import tr as _
from ..workbench import WARNING, Workbench
from .landmark_table import LandmarkTable


class PointFollower:
    """Turns what a person does in the slice view into steps of the work.

    Args:
        bench: the shared state.
        table: goes on to the next landmark.
    """

    def __init__(self, bench: Workbench, table: LandmarkTable) -> None:
        self._bench, self._table = bench, table

    def drag_started(self, index: int) -> None:
        work = self._bench.session.work
        if work is not None:
            work.begin_drag(index)
            self._table.go_to(index, center=False)

    def point_moved(self, index: int, position: Any) -> None:
        work = self._bench.session.work
        if work is not None:
            work.point_moved(index, position)
            self._bench.changed()

    def drag_ended(self, index: int, position: Any) -> None:
        work = self._bench.session.work
        if work is not None:
            work.end_drag(index, position)
            self._bench.save()
            self._bench.changed()

    def point_placed(self, index: int, position: Any) -> None:
        work = self._bench.session.work
        if work is None:
            return
        following = work.point_placed(index, position)
        self._bench.save()
        if following is None:
            self._table.go_to(index, center=False)
        else:
            self._table.place_landmark(following)

    def point_unset(self, index: int) -> None:
        work = self._bench.session.work
        if work is None:
            return
        if self._bench.scene.read_points()[index].status == "missing":
            work.mark_missing(index)
        else:
            work.clear(index)
        self._bench.show_work()

    def point_selected(self, index: int) -> None:
        self._table.go_to(index, center=False)

    def placing_stopped(self) -> None:
        self._bench.changed()

    def nodes_removed(self) -> None:
        """The image was deleted: the work is kept; the points were: they come back."""
        bench = self._bench
        if bench.session.work is None:
            return
        if bench.scene.volume is None:
            bench.session.keep_unsent(_("Its image was removed from the scene before it was submitted."))
            bench.session.close_image()
            bench.say(_("The image was removed from the scene; what you did to its landmarks is kept."), WARNING)
        else:
            bench.say(_("The landmarks were deleted and are back; use Clear for a single one."), WARNING)
        bench.show_work()
