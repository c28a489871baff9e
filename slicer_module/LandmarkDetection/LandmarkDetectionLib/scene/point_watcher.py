"""Changes of points by a person, as opposed to the module's own, and placing by a click."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple, Optional

from ..server.prediction import DEFINED, UNDEFINED
from .nodes import Observers, local_of, status_of, write_point

Pixel = Optional[tuple[float, float]]

#: A change below this many pixels is rounding.
_ROUNDING = 1e-6


class Seen(NamedTuple):
    """Last reported status of a point, and its pixel (x, y) where defined."""

    status: str
    pixel: Pixel


class PointWatcher:
    """Compares the points with their last reported state whenever the node reports a change.

    It does not trust the event for which point changed: events that are gathered lose their index, and Slicer's undo
    or its Markups module may change several points at once.

    Args:
        node: the markups node.
        locate: ``(index) -> (x, y)`` of a defined point in pixels of the image.
        tell: ``(kind, index)``: "start", "move", "end", "place", "unset" or "select".
        changed: called after any change, ours or not, to let other things follow.
        reordered: puts the points back in order where Slicer changed it; returns whether it did.
    """

    def __init__(
        self,
        node: Any,
        locate: Callable[[int], Pixel],
        tell: Callable[[str, int], None],
        changed: Callable[[], None],
        reordered: Callable[[], bool] = lambda: False,
    ) -> None:
        self._node, self._locate, self._tell, self._changed = node, locate, tell, changed
        self._reordered = reordered
        self._quiet = 0
        self._held = False
        self._dragged: int | None = None
        self._seen = self._look()
        self._observers = Observers()
        for event in (
            node.PointModifiedEvent,
            node.PointPositionDefinedEvent,
            node.PointPositionUndefinedEvent,
            node.PointPositionMissingEvent,
            node.PointPositionNonMissingEvent,
            node.TransformModifiedEvent,
        ):
            self._observers.add(node, event, self._on_change)
        self._observers.add(node, node.PointStartInteractionEvent, self._on_hold)
        self._observers.add(node, node.PointEndInteractionEvent, self._on_release)

    @property
    def held(self) -> bool:
        """True while the mouse button is down on a point."""
        return self._held

    @property
    def dragged(self) -> int | None:
        """Index of the point that is being dragged; None while it has not moved."""
        return self._dragged

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Context for the module's own changes, which are not reported."""
        self._quiet += 1
        try:
            yield
        finally:
            self._quiet -= 1
            if not self._quiet:
                self._seen = self._look()
                self._changed()

    def check(self) -> None:
        """Reports the changes since the last look."""
        if self._quiet or self._reordered():
            return
        before, self._seen = self._seen, self._look()
        changes = [
            (index, _kind(old, new)) for index, (old, new) in enumerate(zip(before, self._seen)) if _kind(old, new)
        ]
        self._changed()
        for index, kind in changes:
            if kind == "move" and self._held and self._dragged is None:
                self._dragged = index
                self._tell("start", index)
            self._tell(kind, index)

    def close(self) -> None:
        self._observers.clear()

    def _look(self) -> list[Seen]:
        found = []
        for index in range(self._node.GetNumberOfControlPoints()):
            status = status_of(self._node, index)
            found.append(Seen(status, self._locate(index) if status == DEFINED else None))
        return found

    def _on_change(self, *_: Any) -> None:
        self.check()

    def _on_hold(self, *_: Any) -> None:
        self._held, self._dragged = True, None

    def _on_release(self, *_: Any) -> None:
        self.check()
        held, dragged = self._held, self._dragged
        self._held, self._dragged = False, None
        if dragged is not None:
            self._tell("end", dragged)
        elif held:
            display = self._node.GetDisplayNode()
            if display.GetActiveComponentType() == display.ComponentControlPoint:
                self._tell("select", display.GetActiveComponentIndex())


def _kind(old: Seen, new: Seen) -> str:
    """The kind of change of a point; "" for none."""
    if old.status != new.status:
        return "place" if new.status == DEFINED else "unset"
    if old.pixel is None or new.pixel is None:
        return ""
    return "move" if max(abs(a - b) for a, b in zip(old.pixel, new.pixel)) > _ROUNDING else ""


class Placement:
    """Slicer's place mode for one control point at a time; ``stopped`` is called when it ends without a point."""

    def __init__(
        self,
        application_logic: Any,
        node: Any,
        quiet: Callable[[], AbstractContextManager[None]],
        stopped: Callable[[], object],
    ) -> None:
        self._selection = application_logic.GetSelectionNode()
        self._interaction = application_logic.GetInteractionNode()
        self._node, self._quiet, self._stopped = node, quiet, stopped
        self._before: tuple[str, Any] = (UNDEFINED, None)
        self._persistence = 0
        self._index: int | None = None
        self._observers = Observers()
        self._observers.add(self._interaction, self._interaction.InteractionModeChangedEvent, self._on_mode)

    @property
    def index(self) -> int | None:
        """The control point that is being placed."""
        return self._index

    def start(self, index: int) -> None:
        """Starts placing a point; its state comes back if nothing is placed."""
        self.stop()
        self._before = (status_of(self._node, index), local_of(self._node, index))
        with self._quiet():
            self._node.UnsetNthControlPointPosition(index)
        self._node.SetControlPointPlacementStartIndex(index)
        self._selection.SetReferenceActivePlaceNodeClassName(self._node.GetClassName())
        self._selection.SetActivePlaceNodeID(self._node.GetID())
        # Persistent, as Slicer would otherwise leave the mode after the click, and with it the next point's placing.
        self._persistence = self._interaction.GetPlaceModePersistence()
        self._interaction.SetPlaceModePersistence(1)
        self._interaction.SetCurrentInteractionMode(self._interaction.Place)
        self._index = index

    def finish(self) -> None:
        """Restores the mouse mode after a point was placed."""
        self._index = None
        self._node.SetControlPointPlacementStartIndex(0)
        self._interaction.SetPlaceModePersistence(self._persistence)
        if self._interaction.GetCurrentInteractionMode() == self._interaction.Place:
            self._interaction.SetCurrentInteractionMode(self._interaction.ViewTransform)

    def stop(self) -> bool:
        """Stops placing and restores the point; False where nothing was being placed."""
        index = self._index
        if index is None:
            return False
        self.finish()
        if status_of(self._node, index) != DEFINED:
            with self._quiet():
                write_point(self._node, index, *self._before)
        return True

    def close(self) -> None:
        self._observers.clear()

    def _on_mode(self, *_: Any) -> None:
        placing = self._interaction.GetCurrentInteractionMode() == self._interaction.Place
        if not placing and self.stop():
            self._stopped()
