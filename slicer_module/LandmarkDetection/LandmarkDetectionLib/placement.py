"""Placing one landmark by a click in the view."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from .markups_node import local_of, status_of, write_point
from .observers import Observers
from .prediction import DEFINED, UNDEFINED


class Placement:
    """Slicer's place mode for one control point at a time.

    Args:
        application_logic: has the mouse mode and the node that it places.
        node: the markups node.
        quiet: the watcher's ``quiet``, for our own changes.
        stopped: called when the mouse mode ends without a point, after the point's earlier state is back.
    """

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
        """Unsets the point and hands it to the mouse; what it was comes back if nothing is placed."""
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
        """The point has been placed: the mouse is an ordinary one again, and its mode as persistent as it was."""
        self._index = None
        self._node.SetControlPointPlacementStartIndex(0)
        self._interaction.SetPlaceModePersistence(self._persistence)
        if self._interaction.GetCurrentInteractionMode() == self._interaction.Place:
            self._interaction.SetCurrentInteractionMode(self._interaction.ViewTransform)

    def stop(self) -> bool:
        """Ends placing and gives the point what it had before; False where nothing was being placed."""
        index = self._index
        if index is None:
            return False
        self.finish()
        if status_of(self._node, index) != DEFINED:
            with self._quiet():
                write_point(self._node, index, *self._before)
        return True

    def close(self) -> None:
        """Stops observing."""
        self._observers.clear()

    def _on_mode(self, *_: Any) -> None:
        placing = self._interaction.GetCurrentInteractionMode() == self._interaction.Place
        if not placing and self.stop():
            self._stopped()
