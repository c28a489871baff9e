"""Where a volume's pixels lie in the scene: through its own IJKToRAS and the parent transforms of both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer
import vtk

from .geometry import Geometry
from .scene_errors import SceneError


class ImageFrame:
    """The pixels of a 2D volume node. A pixel is (x, y), and (0, 0) is the centre of the first.

    Args:
        volume: a volume node with image data of one slice.

    Raises:
        SceneError: it has none, or more than one slice.
    """

    def __init__(self, volume: Any) -> None:
        image = volume.GetImageData()
        if image is None or 0 in image.GetDimensions():
            raise SceneError(f"{volume.GetName()} holds no image: load it again.")
        width, height, slices = image.GetDimensions()
        if slices != 1:
            raise SceneError(f"{volume.GetName()} has {slices} slices, but landmarks are placed in 2D images only.")
        self.volume = volume
        self.size = (width, height)

    def local(self, node: Any, pixel: Sequence[float]) -> tuple[float, float, float]:
        """A pixel in RAS millimetres as ``node`` stores positions, below its own parent transform."""
        matrix = vtk.vtkMatrix4x4()
        self.volume.GetIJKToRASMatrix(matrix)
        ras = matrix.MultiplyPoint((pixel[0], pixel[1], 0.0, 1.0))[:3]
        return self._between(self.volume, node).TransformPoint(ras)

    def pixel(self, node: Any, local: Sequence[float]) -> tuple[float, float]:
        """The pixel (x, y) of a position stored in ``node``; what lies off the image plane is dropped onto it."""
        matrix = vtk.vtkMatrix4x4()
        self.volume.GetRASToIJKMatrix(matrix)
        x, y, _, _ = matrix.MultiplyPoint((*self._between(node, self.volume).TransformPoint(local), 1.0))
        return x, y

    def world(self, pixel: Sequence[float]) -> tuple[float, float, float]:
        """A pixel in RAS millimetres of the scene."""
        return self.local(None, pixel)

    def geometry(self, spacing: tuple[float, float] | None = None) -> Geometry:
        """The placement of the volume in LPS, without parent transforms, as its file has it.

        Args:
            spacing: calibrated millimetres per pixel along (x, y); None where unknown: lengths are then in pixels.
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

    def _lps(self, pixel: Sequence[float]) -> tuple[float, float, float]:
        right, anterior, superior = self.local(self.volume, pixel)
        return -right, -anterior, superior

    @staticmethod
    def _between(source: Any, target: Any) -> Any:
        """From the coordinates of one node to those of another; None is the scene itself."""
        transform = vtk.vtkGeneralTransform()
        parents = [None if node is None else node.GetParentTransformNode() for node in (source, target)]
        slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(parents[0], parents[1], transform)
        return transform
