"""A line of known length on the image: drawn with the mouse, moved by its ends, kept with the scene."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..server.geometry import Ends
from .image_frame import ImageFrame
from .nodes import Observers, draw_as, hide_own_measurements, modified_once

_CLASS, _OURS = "vtkMRMLMarkupsLineNode", "LandmarkDetection.CalibrationLine"
# Orange, as no landmark of the shipped protocols and no measurement is.
_COLOR = (1.0, 0.55, 0.1)
_GLYPH, _TEXT, _THICKNESS = 6.0, 2.4, 0.1


class CalibrationLine:
    """At most one line in the scene; ``changed`` is called when a person drew, moved or gave up the line."""

    def __init__(self, scene: Any, application_logic: Any, changed: Callable[[], object]) -> None:
        self._scene, self._changed = scene, changed
        self._selection = application_logic.GetSelectionNode()
        self._interaction = application_logic.GetInteractionNode()
        self._observers, self._mode = Observers(), Observers()
        self._placing = False
        self._quiet = False
        self._persistent = 0
        self._node: Any = None
        self._mode.add(self._interaction, self._interaction.InteractionModeChangedEvent, self._on_mode)

    @property
    def node(self) -> Any:
        """The vtkMRMLMarkupsLineNode; None if there is no line."""
        if self._node is not None and not self._scene.IsNodePresent(self._node):
            self._forget()
        if self._node is None:
            for index in range(self._scene.GetNumberOfNodesByClass(_CLASS)):
                found = self._scene.GetNthNodeByClass(index, _CLASS)
                if found.GetAttribute(_OURS):
                    self._take(found)  # of a scene that was opened
                    break
        return self._node

    @property
    def placing(self) -> bool:
        """True while the next click sets an end."""
        return self._placing

    def start(self, frame: ImageFrame) -> None:
        """Starts drawing by two clicks in the view; an earlier line is removed."""
        self.remove()
        self._create(frame)
        self._persistent = self._interaction.GetPlaceModePersistence()
        self._selection.SetReferenceActivePlaceNodeClassName(_CLASS)
        self._selection.SetActivePlaceNodeID(self._node.GetID())
        self._interaction.SetPlaceModePersistence(0)
        self._interaction.SetCurrentInteractionMode(self._interaction.Place)
        self._placing = True

    def stop(self) -> None:
        """Stops drawing; an incomplete line is removed."""
        if not self._placing:
            return
        self._placing = False
        self._interaction.SetPlaceModePersistence(self._persistent)
        if self._interaction.GetCurrentInteractionMode() == self._interaction.Place:
            self._interaction.SetCurrentInteractionMode(self._interaction.ViewTransform)
        if self._node is not None and self._node.GetNumberOfDefinedControlPoints() < 2:
            self.remove()

    def show(self, frame: ImageFrame, line: Ends) -> None:
        """Draws a given line."""
        if self.node is None:
            self._create(frame)
        self._quiet = True
        with modified_once(self._node):
            for index, end in enumerate(line):
                local = frame.local(self._node, end)
                if index < self._node.GetNumberOfControlPoints():
                    self._node.SetNthControlPointPosition(index, *local)
                else:
                    self._node.AddControlPoint(local)
        self._quiet = False

    def name(self, words: str) -> None:
        """Sets the text at the line."""
        if self.node is not None and self._node.GetName() != words:
            self._node.SetName(words)

    def ends(self, frame: ImageFrame) -> Ends | None:
        """The two ends in pixels (x, y); None before both are set."""
        node = self.node
        if node is None or node.GetNumberOfDefinedControlPoints() < 2:
            return None
        found = []
        for index in range(2):
            local = [0.0, 0.0, 0.0]
            node.GetNthControlPointPosition(index, local)
            found.append(frame.pixel(node, local))
        return found[0], found[1]

    def remove(self) -> None:
        node = self.node
        self._forget()
        if node is not None:
            self._scene.RemoveNode(node)

    def close(self) -> None:
        """Stops observing; the line stays."""
        self.stop()
        self._forget()
        self._mode.clear()

    def _create(self, frame: ImageFrame) -> None:
        node = self._scene.AddNewNodeByClass(_CLASS, "Known length")
        node.SetAttribute(_OURS, "1")
        node.CreateDefaultDisplayNodes()
        node.SetAndObserveTransformNodeID(frame.volume.GetTransformNodeID())
        hide_own_measurements(node)
        display = node.GetDisplayNode()
        draw_as(display, "Cross2D", _GLYPH, _COLOR)
        display.SetTextScale(_TEXT)
        display.SetLineThickness(_THICKNESS)
        display.SetPointLabelsVisibility(False)
        display.SetPropertiesLabelVisibility(True)
        self._take(node)

    def _take(self, node: Any) -> None:
        self._node = node
        for event in (node.PointModifiedEvent, node.PointPositionDefinedEvent, node.PointEndInteractionEvent):
            self._observers.add(node, event, self._on_point)

    def _forget(self) -> None:
        self._observers.clear()
        self._node = None

    def _on_point(self, *_: Any) -> None:
        if not self._quiet:
            self._changed()

    def _on_mode(self, *_: Any) -> None:
        if self._placing and self._interaction.GetCurrentInteractionMode() != self._interaction.Place:
            self.stop()
            self._changed()
