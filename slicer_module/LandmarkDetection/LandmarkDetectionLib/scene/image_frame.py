"""Pixels of a volume in the scene, through its IJKToRAS and the parent transforms of both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer
import vtk

from ..errors import SceneError
from ..server.geometry import Geometry
from ..words import tr as _

#: Share of a pixel by which two placements of one corner may differ.
_TOLERANCE = 0.01


class ImageFrame:
    """The pixels of a 2D volume node. A pixel is (x, y), and (0, 0) is the centre of the first.

    Pixels are those of the volume until :meth:`face` says how the server counts them.

    Args:
        volume: a volume node with image data of one slice.

    Raises:
        SceneError: it has none, or more than one slice.
    """

    def __init__(self, volume: Any) -> None:
        image = volume.GetImageData()
        if image is None or 0 in image.GetDimensions():
            raise SceneError(_("{name} contains no image: load it again.").format(name=volume.GetName()))
        width, height, slices = image.GetDimensions()
        if slices != 1 and 1 in (width, height):
            sentence = _(
                "{name} has its one slice along another axis ({width} x {height} x {slices}): save it as a "
                "2D image to place landmarks in it."
            )
            raise SceneError(sentence.format(name=volume.GetName(), width=width, height=height, slices=slices))
        if slices != 1:
            sentence = _("{name} has {slices} slices, but landmarks are placed in 2D images only.")
            raise SceneError(sentence.format(name=volume.GetName(), slices=slices))
        self.volume = volume
        self.size = (width, height)
        self._mirrored = (False, False)

    @property
    def has_other_pixels(self) -> bool:
        """True where the volume has an image of another size since."""
        image = self.volume.GetImageData()
        return image is None or image.GetDimensions() != (*self.size, 1)

    @property
    def placement(self) -> tuple[float, ...]:
        """The volume's own matrix from pixels to RAS millimetres, row by row."""
        matrix = vtk.vtkMatrix4x4()
        self.volume.GetIJKToRASMatrix(matrix)
        return tuple(matrix.GetElement(row, column) for row in range(3) for column in range(4))

    def face(self, geometry: Geometry) -> bool:
        """Counts pixels as the server does, whose placement of the same file is given; returns whether that changed.

        ITK mirrors a TIFF that has an orientation tag when it reads it, while the server counts the stored pixels and
        places each where ITK shows it. Mirrored is what lies on the same corners the other way round.
        """
        before, self._mirrored = self._mirrored, (False, False)
        own, (right, bottom) = self.geometry(), (self.size[0] - 1, self.size[1] - 1)
        reach = _TOLERANCE * min(_length(own.x_step), _length(own.y_step))
        for x, y in ((True, False), (False, True), (True, True)):
            corners = [(0, 0), (right, 0), (0, bottom)]
            shown = [own.to_lps(right - u if x else u, bottom - v if y else v) for u, v in corners]
            stated = [geometry.to_lps(*corner) for corner in corners]
            apart = (abs(a - b) for pair in zip(shown, stated) for a, b in zip(*pair))
            if max(apart) <= reach and (right or not x) and (bottom or not y):
                self._mirrored = (x, y)
        return self._mirrored != before

    def local(self, node: Any, pixel: Sequence[float]) -> tuple[float, float, float]:
        """Converts a pixel to RAS millimetres in the coordinates of ``node``, below its parent transform."""
        matrix = vtk.vtkMatrix4x4()
        self.volume.GetIJKToRASMatrix(matrix)
        ras = matrix.MultiplyPoint((*self.turned(pixel), 0.0, 1.0))[:3]
        return self._between(self.volume, node).TransformPoint(ras)

    def pixel(self, node: Any, local: Sequence[float]) -> tuple[float, float]:
        """Converts a position stored in ``node`` to a pixel (x, y), projected onto the image plane."""
        matrix = vtk.vtkMatrix4x4()
        self.volume.GetRASToIJKMatrix(matrix)
        x, y, _, _ = matrix.MultiplyPoint((*self._between(node, self.volume).TransformPoint(local), 1.0))
        return self.turned((x, y))

    def world(self, pixel: Sequence[float]) -> tuple[float, float, float]:
        """Converts a pixel to RAS millimetres of the scene."""
        return self.local(None, pixel)

    def geometry(self, spacing: tuple[float, float] | None = None) -> Geometry:
        """The placement of the volume in LPS, without parent transforms, as its file has it.

        Args:
            spacing: calibrated millimetres per pixel along (x, y); None if unknown: lengths are then in pixels.
                The spacing of the volume is no calibration.
        """
        origin, right, below = (self._lps(pixel) for pixel in ((0, 0), (1, 0), (0, 1)))
        return Geometry(
            origin,
            tuple(a - b for a, b in zip(right, origin)),  # type: ignore[arg-type]
            tuple(a - b for a, b in zip(below, origin)),  # type: ignore[arg-type]
            spacing or (1.0, 1.0),
            "mm" if spacing else "px",
            self.size,
        )

    def turned(self, pixel: Sequence[float]) -> tuple[float, float]:
        """Converts a pixel to the volume's own column and row, or back; they differ for a mirrored volume."""
        x, y = (size - 1 - c if m else c for c, size, m in zip(pixel, self.size, self._mirrored))
        return x, y

    def _lps(self, pixel: Sequence[float]) -> tuple[float, float, float]:
        right, anterior, superior = self.local(self.volume, pixel)
        return -right, -anterior, superior

    @staticmethod
    def _between(source: Any, target: Any) -> Any:
        """The transform between the coordinates of two nodes; None is the scene itself."""
        transform = vtk.vtkGeneralTransform()
        parents = [None if node is None else node.GetParentTransformNode() for node in (source, target)]
        slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(parents[0], parents[1], transform)
        return transform


def _length(step: Sequence[float]) -> float:
    return sum(value * value for value in step) ** 0.5
