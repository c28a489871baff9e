"""The slice view that shows the image as it is stored: x to the right, y down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import vtk

from .image_frame import ImageFrame

#: How much of the fitted image is seen, along each side, when the view zooms to a landmark.
ZOOM = 1 / 3


class ImageView:
    """One slice view, found by its name when it is needed: Slicer may make it later, or again."""

    def __init__(self, application_logic: Any, name: str) -> None:
        self._application, self._name = application_logic, name

    @property
    def logic(self) -> Any:
        """The slice logic of the view; None if there is no such view."""
        return self._application.GetSliceLogicByLayoutName(self._name)

    @property
    def node(self) -> Any:
        """The slice node of the view; None if there is no such view."""
        return None if self.logic is None else self.logic.GetSliceNode()

    @property
    def size(self) -> tuple[float, float]:
        """(width, height) in pixels of the view; (0, 0) if there is no such view."""
        node = self.node
        return (0.0, 0.0) if node is None else (float(node.GetDimensions()[0]), float(node.GetDimensions()[1]))

    def place_of(self, world: Sequence[float]) -> tuple[float, float] | None:
        """Converts RAS millimetres to a pixel of the view, y up; None if there is no such view."""
        node = self.node
        if node is None:
            return None
        inverse = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(node.GetXYToRAS(), inverse)
        x, y, _, _ = inverse.MultiplyPoint((*world, 1.0))
        return x, y

    def world_at(self, x: float, y: float) -> tuple[float, float, float] | None:
        """Converts a pixel of the view to RAS millimetres in its plane; None if there is no such view."""
        node = self.node
        return None if node is None else node.GetXYToRAS().MultiplyPoint((x, y, 0.0, 1.0))[:3]

    def share_of(self, world: Sequence[float]) -> tuple[float, float] | None:
        """Converts RAS millimetres to shares of the view's width and height from its left upper corner."""
        place, (width, height) = self.place_of(world), self.size
        return None if place is None else ((place[0] + 0.5) / width, 1.0 - (place[1] + 0.5) / height)

    def zoom(self, frame: ImageFrame) -> float:
        """Pixels of the view for one pixel of the image, along its row; 0 if there is no such view."""
        (x, y), there = _center_pixel(frame), []
        for pixel in ((x, y), (x + 1.0, y)):
            place = self.place_of(frame.world(pixel))
            if place is None:
                return 0.0
            there.append(place)
        return math.dist(*there)

    def show(self, frame: ImageFrame) -> bool:
        """Shows the whole image, fitted. False if there is no such view."""
        if self.logic is None:
            return False
        self.logic.GetSliceCompositeNode().SetBackgroundVolumeID(frame.volume.GetID())
        return self.fit(frame)

    def fit(self, frame: ImageFrame) -> bool:
        """Turns the view into the image plane and fits it. False if there is no such view."""
        if self.logic is None:
            return False
        node = self.logic.GetSliceNode()
        axes, center = _axes(frame), _center(frame)
        _aim(node, axes, center, _fitted(node, frame, axes), _thickness(frame))
        return True

    def center_on(self, frame: ImageFrame, pixel: Sequence[float], zoom: bool) -> bool:
        """Centres a pixel; with ``zoom`` also closer, never farther. False: no such view."""
        if self.logic is None:
            return False
        node = self.logic.GetSliceNode()
        axes = _axes(frame)
        seen, fitted = node.GetFieldOfView()[:2], _fitted(node, frame, axes)
        scale = min(1.0, ZOOM * fitted[0] / seen[0]) if zoom else 1.0
        _aim(node, axes, frame.world(pixel), (seen[0] * scale, seen[1] * scale), _thickness(frame))
        return True


def _difference(a: Sequence[float], b: Sequence[float]) -> list[float]:
    return [p - q for p, q in zip(a, b)]


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(p * q for p, q in zip(a, b))


def _unit(a: Sequence[float]) -> list[float]:
    length = math.sqrt(_dot(a, a))
    return [p / length for p in a]


def _center_pixel(frame: ImageFrame) -> tuple[float, float]:
    width, height = frame.size
    return (width - 1) / 2, (height - 1) / 2


def _center(frame: ImageFrame) -> Sequence[float]:
    return frame.world(_center_pixel(frame))


def _axes(frame: ImageFrame) -> tuple[list[float], list[float], list[float]]:
    """The view's right, up and normal directions in RAS, parent transforms included.

    Right is along a row of pixels, up against the columns. The normal makes a left-handed system, as in Slicer's own
    axial view, so that an ordinary photograph is shown in exactly that orientation.
    """
    x, y = _center_pixel(frame)
    right = _unit(_difference(frame.world((x + 0.5, y)), frame.world((x - 0.5, y))))
    up = _difference(frame.world((x, y - 0.5)), frame.world((x, y + 0.5)))
    along = _dot(up, right)
    up = _unit([u - along * r for u, r in zip(up, right)])
    normal = [
        up[1] * right[2] - up[2] * right[1],
        up[2] * right[0] - up[0] * right[2],
        up[0] * right[1] - up[1] * right[0],
    ]
    return right, up, normal


def _fitted(node: Any, frame: ImageFrame, axes: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Field of view (mm) that holds the image to the outer edges of its pixels, in the shape of the view."""
    width, height = frame.size
    corners = [frame.world((x, y)) for x in (-0.5, width - 0.5) for y in (-0.5, height - 0.5)]
    extents = [max(_dot(c, axis) for c in corners) - min(_dot(c, axis) for c in corners) for axis in axes[:2]]
    columns, rows = (max(1, count) for count in node.GetDimensions()[:2])
    per_pixel = max(extents[0] / columns, extents[1] / rows)
    return per_pixel * columns, per_pixel * rows


def _thickness(frame: ImageFrame) -> float:
    return float(frame.volume.GetSpacing()[2])


def _aim(
    node: Any,
    axes: Sequence[Sequence[float]],
    center: Sequence[float],
    field: Sequence[float],
    thickness: float,
) -> None:
    """Points a slice node at a place in RAS millimetres, with a field of view (width, height) in millimetres."""
    before = node.StartModify()
    matrix = node.GetSliceToRAS()
    for row in range(3):
        for column in range(3):
            matrix.SetElement(row, column, axes[column][row])
        matrix.SetElement(row, 3, center[row])
    # A view that a person has panned keeps the shift here.
    node.SetXYZOrigin(0.0, 0.0, 0.0)
    node.SetFieldOfView(field[0], field[1], thickness)
    node.UpdateMatrices()
    node.EndModify(before)
