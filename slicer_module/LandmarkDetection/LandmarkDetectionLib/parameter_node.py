"""What the module keeps in the scene file: text values and which nodes it worked on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: The module's name is the tag of the one parameter node, as Slicer's scripted modules have it.
MODULE = "LandmarkDetection"
IMAGE, POINTS = "Image", "Points"
_CLASS = "vtkMRMLScriptedModuleNode"


def find_parameter_node(scene: Any) -> Any:
    """The module's parameter node; None where the scene has none."""
    return scene.GetSingletonNode(MODULE, _CLASS)


def parameter_node(scene: Any) -> Any:
    """The module's parameter node, made where the scene has none."""
    found = find_parameter_node(scene)
    if found is not None:
        return found
    node = scene.CreateNodeByClass(_CLASS)
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
