"""The scene of one image and its points in 3D Slicer, with no widget in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import vtk

from ..errors import SceneError
from ..server.geometry import Geometry
from ..server.task_definition import TaskDefinition
from ..words import tr as _
from ..work.work import Work
from .image_display import CloseUp, close_up
from .image_files import ExportedSize, export_volume, exported_size, load_in_slicer
from .image_frame import ImageFrame
from .nodes import (
    IMAGE,
    POINTS,
    Observers,
    find_parameter_node,
    parameter_node,
    read_values,
    write_reference,
    write_values,
)
from .point_names import ALL
from .points_display import PointsDisplay, SceneCallbacks, ScenePoint
from .report_points import remember_instance
from .slice_view import ImageView

__all__ = ["SceneAdapter", "SceneError", "ScenePoint"]

_IMAGE_ID = "LandmarkDetection.ImageID"
_LOADED_HERE = "LandmarkDetection.Loaded"


class SceneAdapter:
    """Image, points, measurement lines and their state in a MRML scene. Use it from the GUI thread only.

    Changes made through its methods never call back. Positions go in and out in LPS millimetres of the work's geometry,
    the frame of the image on the server. They pass through the pixel: by the work's geometry on one side, by the
    volume's own IJKToRAS and the parent transforms on the other. So a work needs its geometry: where the server gave
    none, set ``work.geometry`` to :meth:`image_geometry` first.

    Args:
        scene: ``slicer.mrmlScene``.
        application_logic: ``slicer.app.applicationLogic()``.
        load_volume: reads one image file as one volume node; it raises SceneError.
        callbacks: whom to tell; may be replaced at any time.
        view: the slice view that shows the image.
    """

    def __init__(
        self,
        scene: Any,
        application_logic: Any,
        load_volume: Callable[[Path], Any] = load_in_slicer,
        callbacks: SceneCallbacks | None = None,
        view: str = "Red",
    ) -> None:
        self.callbacks = callbacks or SceneCallbacks()
        self._scene, self._application, self._load = scene, application_logic, load_volume
        self._view = ImageView(application_logic, view)
        self._frame: ImageFrame | None = None
        self._points_node: Any = None
        self._points: PointsDisplay | None = None
        self._names = ALL
        self._observers = Observers()
        self._volume_observers = Observers()
        for event, function in (
            (scene.StartCloseEvent, self._on_close_start),
            (scene.EndCloseEvent, self._on_close_end),
            (scene.EndImportEvent, self._on_import),
            (scene.NodeRemovedEvent, self._on_removed),
        ):
            self._observers.add(scene, event, function)

    # The image

    def show_image(self, path: Path | str, image_id: str) -> Any:
        """Loads one file, removes the points and an image loaded here before, and fits the view.

        Returns:
            The volume node.

        Raises:
            SceneError: the file cannot be read, or is no single 2D image; the scene is as before then.
        """
        volume = self._load(Path(path))
        if volume is None:
            raise SceneError(_("Slicer cannot read the image {name}.").format(name=Path(path).name))
        try:
            frame = ImageFrame(volume)
        except SceneError:
            self._scene.RemoveNode(volume)
            raise
        self.clear()
        remember_instance(volume)
        self._detach(volume)
        volume.SetName(image_id)
        volume.SetAttribute(_LOADED_HERE, "1")
        self._take(frame, image_id)
        return volume

    def use_volume(self, node: Any, image_id: str = "") -> None:
        """Works on a volume that is in the scene already; :meth:`clear` will not remove it.

        Raises:
            SceneError: it is no 2D image; what was shown before stays.
        """
        frame = ImageFrame(node)
        if node is not self.volume:
            self.clear()
        self._take(frame, image_id)

    @property
    def frame(self) -> ImageFrame | None:
        return self._frame

    @property
    def volume(self) -> Any:
        return None if self._frame is None else self._frame.volume

    @property
    def points_node(self) -> Any:
        """The vtkMRMLMarkupsFiducialNode of the landmarks, or None."""
        return self._points_node

    @property
    def image_id(self) -> str:
        """The server's ID of the open image; "" where it has none."""
        return "" if self.volume is None else self.volume.GetAttribute(_IMAGE_ID) or ""

    def image_geometry(self, spacing: tuple[float, float] | None = None) -> Geometry:
        """Placement and size of the open image as Slicer has read it.

        Raises:
            SceneError: no image is open.
        """
        return self._open_frame().geometry(spacing)

    def exported_size(self, node: Any) -> ExportedSize | None:
        """The pixel size that a volume is exported with; see :func:`.image_files.exported_size`."""
        return exported_size(node)

    def export_volume(self, node: Any, folder: Path | str, with_size: bool = True) -> Path:
        """Writes a volume to a folder; see :func:`.image_files.export_volume`."""
        return export_volume(node, Path(folder), with_size)

    def clear(self) -> None:
        """Removes points and lines, and an image that was loaded by :meth:`show_image`."""
        points, volume = self._points_node, self.volume
        self._forget()
        self._refer()
        if points is not None:
            self._scene.RemoveNode(points)
        if volume is not None and volume.GetAttribute(_LOADED_HERE):
            self._scene.RemoveNode(volume)

    # The points

    def show_points(self, task: TaskDefinition, work: Work) -> None:
        """Makes the scene show a work. Points that are in their place already are left alone, also while dragged.

        Raises:
            SceneError: no image is open, or its size is not the one that the work's geometry states.
        """
        frame = self._open_frame()
        if work.geometry.size is not None and work.geometry.size != frame.size:
            (w, h), (width, height) = work.geometry.size, frame.size
            sentence = _("The server's image has {w} x {h} pixels, the one in Slicer {width} x {height}.")
            raise SceneError(sentence.format(w=w, h=h, width=width, height=height))
        if frame.face(work.geometry):
            self._view.show(frame)
        if self._points is None or not self._points.shows(task):
            self._new_points(task, frame)
        assert self._points is not None
        self._points.show(work)
        self._refer()

    def read_points(self) -> list[ScenePoint]:
        """The points of the scene in the protocol's order; empty before :meth:`show_points`."""
        return [] if self._points is None else self._points.read()

    def show_names(self, mode: str) -> None:
        """Shows the names of ``all`` landmarks, of the highlighted one (``current``), or of ``none``."""
        self._names = mode
        if self._points is not None:
            self._points.show_names(mode)

    def show_measurements(self, visible: bool) -> None:
        if self._points is not None:
            self._points.show_measurements(visible)

    def start_placing(self, index: int) -> None:
        """Starts placing a landmark by a click; its state comes back if that is stopped."""
        if self._points is not None:
            self._points.placement.start(index)

    def stop_placing(self) -> None:
        """Stops placing without a point; ``placing_stopped`` is not called."""
        if self._points is not None:
            self._points.placement.stop()

    @property
    def placing(self) -> int | None:
        """Index of the landmark that is being placed."""
        return None if self._points is None else self._points.placement.index

    def highlight(self, index: int | None) -> None:
        """Puts a star around one landmark."""
        if self._points is not None:
            self._points.highlight(index)

    @property
    def dragged(self) -> int | None:
        """Index of the landmark that is being dragged."""
        return None if self._points is None else self._points.dragged

    def shifted(self, index: int, dx: float, dy: float) -> tuple[float, float, float] | None:
        """LPS position of a landmark moved by stored pixels (x right, y down); None: no position, or outside."""
        return None if self._points is None else self._points.shifted(index, dx, dy)

    # The view

    def close_up(self, index: int, side: int) -> CloseUp | None:
        """The magnifier's content of ``side`` pixels at a landmark; None without a position, or without a view."""
        pixel = None if self._points is None else self._points.pixel(index)
        return None if pixel is None else close_up(self._open_frame(), self._view, pixel, side)

    def fit_image(self) -> bool:
        """Shows the whole image, x to the right, y down. False if there is no such view."""
        return self._view.show(self._open_frame())

    def center_on(self, index: int, zoom: bool = True) -> bool:
        """Centres the view on a landmark, or else on the place predicted for it, and zooms in if it is farther out.

        Returns:
            False where the landmark has neither, or the view is absent.
        """
        pixel = None if self._points is None else self._points.place(index)
        return pixel is not None and self._view.center_on(self._open_frame(), pixel, zoom)

    # What is saved

    def save_state(self, values: Mapping[str, str]) -> None:
        """Keeps text values (the work as JSON, its digest, the server's address) in the scene, for :meth:`restore`.

        Raises:
            ValueError: a name speaks of a token, which must not get into a scene file.
        """
        write_values(parameter_node(self._scene), values)
        self._refer()

    def restore(self) -> dict[str, str]:
        """Takes up image and points of a scene that was read; the view is fitted. :meth:`show_points` comes next.

        Returns the stored values; {} where there are none.

        Raises:
            SceneError: the image of the scene is not there, or is none; the stored values can be read after
                :meth:`use_volume` with another one.
        """
        node = find_parameter_node(self._scene)
        values = {} if node is None else read_values(node)
        if not values:
            return {}
        volume, points = node.GetNodeReference(IMAGE), node.GetNodeReference(POINTS)
        if volume is None:
            if node.GetNodeReferenceID(IMAGE):
                raise SceneError(
                    _("The scene's image could not be read: its landmarks are kept, open the image again.")
                )
            return values
        frame = ImageFrame(volume)
        self._forget()
        self._points_node = points
        self._take(frame, volume.GetAttribute(_IMAGE_ID) or "")
        return values

    def stored_values(self) -> dict[str, str]:
        """The text values stored in the scene."""
        node = find_parameter_node(self._scene)
        return {} if node is None else read_values(node)

    def close(self) -> None:
        """Stops observing and removes nodes that are never saved."""
        self._forget()
        self._observers.clear()

    # Inside

    def _open_frame(self) -> ImageFrame:
        if self._frame is None:
            raise SceneError(_("No image is open: open one first."))
        return self._frame

    def _take(self, frame: ImageFrame, image_id: str) -> None:
        self._volume_observers.clear()
        self._frame = frame
        frame.volume.SetAttribute(_IMAGE_ID, image_id)
        for event in (frame.volume.TransformModifiedEvent, vtk.vtkCommand.ModifiedEvent):
            self._volume_observers.add(frame.volume, event, self._on_volume_moved)
        self._refer()
        self._view.show(frame)

    def _detach(self, volume: Any) -> None:
        """Parts a volume from its file, so that a saved scene has a copy of its own, as NRRD.

        The file is a download that may be gone tomorrow, and a JPEG written again would lose detail.
        """
        storage = volume.GetStorageNode()
        if storage is not None:
            volume.SetAndObserveStorageNodeID(None)
            self._scene.RemoveNode(storage)

    def _new_points(self, task: TaskDefinition, frame: ImageFrame) -> None:
        if self._points is not None:
            self._points.remove()
            self._points = None
        self._points = PointsDisplay(
            self._scene, self._application, frame, task, self._view, lambda: self.callbacks, self._points_node
        )
        self._points.show_names(self._names)
        # Ours is the new one before the old one goes, or its removal would be taken for a person's.
        old, self._points_node = self._points_node, self._points.node
        if old is not None and old is not self._points_node:
            self._scene.RemoveNode(old)

    def _forget(self) -> None:
        """Drops all observers and unsaved nodes; image and points stay."""
        if self._points is not None:
            self._points.remove()
        self._volume_observers.clear()
        self._frame = self._points = self._points_node = None

    def _refer(self) -> None:
        if self.volume is None and find_parameter_node(self._scene) is None:
            return
        node = parameter_node(self._scene)
        write_reference(node, IMAGE, self.volume)
        write_reference(node, POINTS, self._points_node)

    def _on_volume_moved(self, *_: Any) -> None:
        if self._frame is not None and self._frame.has_other_pixels:  # as where it is cropped: points would be shifted
            points = self._points_node
            self._lose(keep_image=False)
            if points is not None:
                self._scene.RemoveNode(points)
        elif self._points is not None:
            self._points.follow_volume()

    def _on_close_start(self, *_: Any) -> None:
        if self._points is not None:
            self._points.close()
        self._volume_observers.clear()

    def _on_close_end(self, *_: Any) -> None:
        had = self._frame is not None
        self._frame = self._points = self._points_node = None
        if had:
            self.callbacks.scene_closed()

    def _on_import(self, *_: Any) -> None:
        self.callbacks.scene_loaded()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_removed(self, _scene: Any, _event: Any, node: Any) -> None:
        if self._scene.IsClosing() or node is None:
            return
        if node is self.volume:
            self._lose(keep_image=False)
        elif node is self._points_node:
            self._lose(keep_image=True)

    def _lose(self, keep_image: bool) -> None:
        """Handles the deletion of the image or the points in Slicer."""
        if self._points is not None:
            self._points.remove()
        self._points = self._points_node = None
        if not keep_image:
            self._volume_observers.clear()
            self._frame = None
        self._refer()
        self.callbacks.nodes_removed()
