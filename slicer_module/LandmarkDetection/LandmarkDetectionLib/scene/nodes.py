"""MRML nodes of the module: observers, what is saved with the scene, the point list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Optional

from ..server.prediction import DEFINED, MISSING, UNDEFINED
from ..work.label_document import CONFIDENCE, confidence_words
from ..work.point_state import PointState


class Observers:
    """Keeps what was observed, so that nothing calls a part of the module that is gone."""

    def __init__(self) -> None:
        self._observed: list[tuple[Any, int]] = []

    def add(self, subject: Any, event: Any, function: Callable[..., None]) -> None:
        """Calls ``function(subject, event)`` at each event until :meth:`clear`."""
        self._observed.append((subject, subject.AddObserver(event, function)))

    def clear(self) -> None:
        """Removes all observers; those of a deleted object were deleted with it."""
        for subject, tag in self._observed:
            subject.RemoveObserver(tag)
        self._observed.clear()


@contextmanager
def modified_once(node: Any) -> Iterator[None]:
    """Gathers the events of many changes to a MRML node into one of each kind, at the end."""
    before = node.StartModify()
    try:
        yield
    finally:
        node.EndModify(before)


#: The module's name is the tag of the one parameter node, as Slicer's scripted modules have it.
MODULE = "LandmarkDetection"
IMAGE, POINTS = "Image", "Points"
_PARAMETER_CLASS = "vtkMRMLScriptedModuleNode"


def find_parameter_node(scene: Any) -> Any:
    """The module's parameter node; None if the scene has none."""
    return scene.GetSingletonNode(MODULE, _PARAMETER_CLASS)


def parameter_node(scene: Any) -> Any:
    """The module's parameter node, made where the scene has none."""
    found = find_parameter_node(scene)
    if found is not None:
        return found
    node = scene.CreateNodeByClass(_PARAMETER_CLASS)
    node.UnRegister(None)
    node.SetSingletonTag(MODULE)
    node.SetModuleName(MODULE)
    node.SetName(MODULE)
    return scene.AddNode(node)


def write_values(node: Any, values: Mapping[str, str]) -> None:
    """Stores text values; those of other names stay.

    Raises:
        ValueError: a name speaks of a token or password, which must not get into a scene file.
    """
    for name in values:
        if any(word in name.lower() for word in ("token", "password", "secret")):
            raise ValueError(f"{name!r} must not be kept in the scene.")
    before = node.StartModify()
    for name, value in values.items():
        if node.GetParameter(name) != value:
            node.SetParameter(name, value)
    node.EndModify(before)


def read_values(node: Any) -> dict[str, str]:
    """All stored text values."""
    return {name: node.GetParameter(name) for name in node.GetParameterNames()}


def write_reference(node: Any, role: str, target: Any) -> None:
    """Points to a node of the scene; None points nowhere."""
    identifier = None if target is None else target.GetID()
    if node.GetNodeReferenceID(role) != identifier:
        node.SetNodeReferenceID(role, identifier)


Local = Optional[Sequence[float]]

_POINT_LIST = "vtkMRMLMarkupsFiducialNode"
#: Size in percent of the view of the crosses at the landmarks, whose middle is open: the pixel under the point is seen.
CROSS_SCALE = 6.0
WHITE = (1.0, 1.0, 1.0)
#: Of the names in the view.
TEXT_SCALE = 2.2
# Millimetres.
_ROUNDING = 1e-9


def create_points(scene: Any, name: str, labels: Sequence[str]) -> Any:
    """A point list with one unset control point for each label, to which none can be added."""
    node = scene.AddNewNodeByClass(_POINT_LIST, name)
    node.CreateDefaultDisplayNodes()
    set_labels(node, labels)
    dress(node)
    return node


def set_labels(node: Any, labels: Sequence[str]) -> None:
    """Gives a point list one control point for each label; where their number was another, all are unset."""
    if node.GetNumberOfControlPoints() != len(labels):
        node.SetFixedNumberOfControlPoints(False)
        node.RemoveAllControlPoints()
        add_unset_points(node, labels)
    node.SetFixedNumberOfControlPoints(True)
    for index, label in enumerate(labels):
        node.SetNthControlPointLabel(index, label)


def add_unset_points(node: Any, labels: Iterable[str]) -> None:
    """Adds one unset control point for each label."""
    for label in labels:
        node.AddControlPoint((0.0, 0.0, 0.0), label)
    node.UnsetAllControlPoints()


def draw_as(display: Any, glyph: str, scale: float, color: Sequence[float], active: bool = True) -> None:
    """Sets glyph, size in percent of the view, and colour; without ``active`` the mouse changes the colour."""
    display.SetGlyphTypeFromString(glyph)
    display.SetUseGlyphScale(True)
    display.SetGlyphScale(scale)
    for paint in (display.SetColor, display.SetSelectedColor, *[display.SetActiveColor] * active):
        paint(*color)


def hide_own_measurements(node: Any) -> None:
    """Disables the node's own lengths: they are in scene millimetres, which a photograph does not have."""
    for number in range(node.GetNumberOfMeasurements()):
        node.GetNthMeasurement(number).SetEnabled(False)


def dress(node: Any, named: bool = False) -> None:
    """Sets white crosses, covered by coloured ones (see ``PointMarks``); Slicer writes the names if ``named``."""
    display = node.GetDisplayNode()
    with modified_once(display):
        draw_as(display, "Cross2D", CROSS_SCALE, WHITE, active=False)
        display.SetTextScale(TEXT_SCALE)
        display.SetPointLabelsVisibility(named)


def has_labels(node: Any, labels: Sequence[str]) -> bool:
    """True where the node's control points have these labels, in this order."""
    return [node.GetNthControlPointLabel(i) for i in range(node.GetNumberOfControlPoints())] == list(labels)


def status_of(node: Any, index: int) -> str:
    """``defined``, ``missing`` or ``undefined``; a preview under the mouse is not placed yet."""
    status = node.GetNthControlPointPositionStatus(index)
    if status == node.PositionDefined:
        return DEFINED
    return MISSING if status == node.PositionMissing else UNDEFINED


def local_of(node: Any, index: int) -> tuple[float, float, float] | None:
    """Position in the node's RAS millimetres; None unless defined (an unset point keeps its former place inside)."""
    if status_of(node, index) != DEFINED:
        return None
    position = [0.0, 0.0, 0.0]
    node.GetNthControlPointPosition(index, position)
    return position[0], position[1], position[2]


def write_point(node: Any, index: int, status: str, local: Local) -> None:
    """Makes one control point defined at a place, missing or undefined; no event where it is so already."""
    if status == DEFINED and local is not None:
        before = local_of(node, index)
        if before is None or max(abs(a - b) for a, b in zip(before, local)) > _ROUNDING:
            node.SetNthControlPointPosition(index, *local)
        return
    before_status = node.GetNthControlPointPositionStatus(index)
    if before_status != node.PositionPreview and status_of(node, index) == status:
        return
    if status == MISSING:
        node.SetNthControlPointPositionMissing(index)
    else:
        node.UnsetNthControlPointPosition(index)


def write_points(node: Any, points: Sequence[PointState], locals_: Sequence[Local], skip: int | None = None) -> None:
    """Sets the states and local positions of all points but ``skip``."""
    with modified_once(node):
        for index, (point, local) in enumerate(zip(points, locals_)):
            if index == skip:
                continue
            write_point(node, index, point.word, local)
            write_confidence(node, index, None if point.touched else point.confidence)


def write_confidence(node: Any, index: int, confidence: float | None) -> None:
    """States the confidence at the end of the description, where the server's files and Slicer's table have it.

    A person's words in the description stay. None, as for a point that a person moved, states nothing.
    """
    before = node.GetNthControlPointDescription(index) or ""
    description = "; ".join(filter(None, (CONFIDENCE.sub("", before), confidence_words(confidence))))
    if description != before:
        node.SetNthControlPointDescription(index, description)


def new_markups(scene: Any, class_name: str, name: str) -> Any:
    """A markups node for display only: locked, left out of undo and of the saved scene."""
    node = scene.CreateNodeByClass(class_name)
    node.UnRegister(None)
    node.SetName(name)
    node.SetSaveWithScene(False)
    node.SetUndoEnabled(False)
    node.SetLocked(True)
    node.SetSelectable(False)
    node.SetHideFromEditors(True)
    scene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetSaveWithScene(False)
    return node
