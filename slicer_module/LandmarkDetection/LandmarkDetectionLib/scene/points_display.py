"""The landmarks of the open image in the scene: point list, coloured marks, names, lines and mouse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..server.geometry import Geometry
from ..server.task_definition import TaskDefinition
from ..work.work import Work
from .image_frame import ImageFrame
from .measurement_nodes import MeasurementLines
from .nodes import create_points, dress, has_labels, local_of, set_labels, status_of, write_points
from .point_marks import PointMarks
from .point_names import PointNames
from .point_watcher import Placement, PointWatcher
from .slice_view import ImageView

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
        nodes_removed: ``()``: a person deleted the image or the points in Slicer, or gave the image another size. What
            is left stays usable: ``show_points`` makes new points where only these are gone.
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


class ScenePoint(NamedTuple):
    """A point as the scene has it.

    Attributes:
        name: the landmark.
        status: "defined", "missing" or "undefined" (also while a point is being placed).
        lps: position in LPS millimetres of the work's geometry; None unless defined.
        pixel: position (x, y) in pixels, (0, 0) the centre of the first; None unless defined.
    """

    name: str
    status: str
    lps: tuple[float, float, float] | None
    pixel: tuple[float, float] | None


class PointsDisplay:
    """The landmarks of one task on one image."""

    def __init__(
        self,
        scene: Any,
        application_logic: Any,
        frame: ImageFrame,
        task: TaskDefinition,
        view: ImageView,
        callbacks: Callable[[], SceneCallbacks],
        node: Any = None,
    ) -> None:
        self._scene, self._frame, self._task, self._callbacks = scene, frame, task, callbacks
        self._geometry = Geometry()
        self._work: Work | None = None
        self._predicted: list[Any] = []
        self._lines = MeasurementLines(scene, task)
        if node is None or not has_labels(node, task.names):
            node = create_points(scene, f"{frame.volume.GetName()} landmarks", task.names)
        else:
            if node.GetDisplayNode() is None:
                node.CreateDefaultDisplayNodes()
            dress(node)
        self.node = node
        # After the points: what is made later is drawn above.
        self._marks = PointMarks(scene, task)
        self._names = PointNames(scene, task, view)
        self._volume_parent = frame.volume.GetTransformNodeID()
        node.SetAndObserveTransformNodeID(self._volume_parent)
        self._placed_by = frame.placement
        self._watcher = PointWatcher(node, self.pixel, self._tell, self._follow, self._put_in_order)
        self.placement = Placement(
            application_logic, node, self._watcher.quiet, lambda: self._callbacks().placing_stopped()
        )

    def shows(self, task: TaskDefinition) -> bool:
        return task == self._task

    def show(self, work: Work) -> None:
        """Updates the points that differ from a work."""
        self._geometry, self._work = work.geometry, work
        self._predicted = [point.predicted for point in work.points]
        placing = self.placement.index
        if placing is not None and work[placing].position is not None:
            # The work knows a place for it now: somebody answered while the mouse was waiting.
            self.placement.stop()
            placing = None
        with self._watcher.quiet():
            write_points(
                self.node,
                work.points,
                [None if p.position is None else self._local(p.position) for p in work.points],
                skip=placing,
            )

    def read(self) -> list[ScenePoint]:
        found = []
        for index, name in enumerate(self._task.names):
            pixel = self.pixel(index)
            lps = None if pixel is None else self._geometry.to_lps(*pixel)
            found.append(ScenePoint(name, status_of(self.node, index), lps, pixel))
        return found

    def pixel(self, index: int) -> tuple[float, float] | None:
        """The pixel of a landmark; None without a position."""
        local = local_of(self.node, index)
        return None if local is None else self._frame.pixel(self.node, local)

    def place(self, index: int) -> tuple[float, float] | None:
        """The pixel of a landmark, or else of its prediction; None without either."""
        pixel = self.pixel(index)
        if pixel is not None or index >= len(self._predicted) or self._predicted[index] is None:
            return pixel
        return self._geometry.to_pixel(self._predicted[index])

    def shifted(self, index: int, dx: float, dy: float) -> Any:
        """The LPS position of a landmark moved by pixels; None without a position, or off the image."""
        pixel = self.pixel(index)
        if pixel is None:
            return None
        x, y = pixel[0] + dx, pixel[1] + dy
        width, height = self._frame.size
        inside = -0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5
        return self._geometry.to_lps(x, y) if inside else None

    def highlight(self, index: int | None) -> None:
        self._marks.highlight(index, self.node)
        self._names.highlight(index)

    def show_names(self, mode: str) -> None:
        self._names.show(mode)

    def show_measurements(self, visible: bool) -> None:
        self._lines.set_visible(visible)
        self._follow()

    def follow_volume(self) -> None:
        """Keeps the points on their pixels of a volume that has another parent transform, or another placement.

        They get its new parent, unless they had another one than the volume. A transform that is hardened, or a volume
        that is centred, changes the volume's own matrix.
        """
        parent, placement = self._frame.volume.GetTransformNodeID(), self._frame.placement
        adopted = parent != self._volume_parent and self.node.GetTransformNodeID() == self._volume_parent
        moved = placement != self._placed_by
        self._volume_parent, self._placed_by = parent, placement
        if adopted or moved:
            with self._watcher.quiet():
                if adopted:
                    self.node.SetAndObserveTransformNodeID(parent)
                if moved and self._work is not None:
                    self.show(self._work)
        self._watcher.check()

    @property
    def dragged(self) -> int | None:
        return self._watcher.dragged

    def close(self) -> None:
        """Stops observing; for a scene that is being closed."""
        self._watcher.close()
        self._names.close()
        self.placement.close()

    def remove(self) -> None:
        """Stops observing and removes all nodes but the point list."""
        self.placement.stop()
        self.close()
        self._marks.remove()
        self._names.remove()
        if self._scene.IsNodePresent(self.node) and self.node.GetDisplayNode() is not None:
            dress(self.node, named=True)
        self._lines.remove()

    def _local(self, lps: Any) -> Any:
        return self._frame.local(self.node, self._geometry.to_pixel(lps))

    def _put_in_order(self) -> bool:
        """Restores the order of the landmarks where Slicer changed it: a landmark is known by its place in the list.

        Points can be deleted from and put into a list whose number of points a person unlocked. A deleted one is unset.
        """
        names, count = self._task.names, self.node.GetNumberOfControlPoints()
        labels = [self.node.GetNthControlPointLabel(index) for index in range(count)]
        moved = any(label != name and label in names for label, name in zip(labels, names))
        if self._work is None or not (moved or count < len(names)):
            return False
        with self._watcher.quiet():
            set_labels(self.node, names)
            self.show(self._work)
        if count < len(names):
            for index in (index for index, name in enumerate(names) if name not in labels):
                self.node.UnsetNthControlPointPosition(index)
        return True

    def _follow(self) -> None:
        pixels = [self.pixel(index) for index in range(len(self._task.landmarks))]
        self._marks.follow(self.node)
        self._names.follow(self.node)
        self._lines.follow(pixels, self._frame, self._geometry, self.node.GetTransformNodeID())

    def _tell(self, kind: str, index: int) -> None:
        tell = self._callbacks()
        if kind == "start":
            tell.drag_started(index)
        elif kind == "select":
            tell.point_selected(index)
        elif kind == "unset":
            tell.point_unset(index)
        else:
            pixel = self.pixel(index)
            if pixel is None:
                return
            if kind == "place" and index == self.placement.index:
                self.placement.finish()
            told = {"move": tell.point_moved, "end": tell.drag_ended, "place": tell.point_placed}[kind]
            told(index, self._geometry.to_lps(*pixel))
