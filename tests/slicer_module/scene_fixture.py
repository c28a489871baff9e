"""A real MRML scene with a real, offscreen slice view and real mouse events, without Slicer's windows."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import slicer
import vtk
from LandmarkDetectionLib.scene.points_display import SceneCallbacks
from LandmarkDetectionLib.scene.scene import SceneAdapter, SceneError
from LandmarkDetectionLib.server.prediction import PointPrediction, Prediction
from LandmarkDetectionLib.server.task_definition import LandmarkDefinition, MeasurementDefinition, TaskDefinition
from LandmarkDetectionLib.work.work import Work
from PIL import Image
from swallowed import nothing_swallowed
from vtk.util.numpy_support import vtk_to_numpy

# VTK looks at this when it makes a window; without an X server it draws in memory by itself.
if not os.environ.get("DISPLAY"):
    os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkOSOpenGLRenderWindow")

# The manager that draws and drags points in a slice view.
_MANAGERS = ("vtkMRMLMarkupsDisplayableManager",)

#: Four landmarks in strong colours, and one measurement of each kind.
TASK = TaskDefinition(
    "demo",
    "Demo",
    (
        LandmarkDefinition("apex", color="#FF0000"),
        LandmarkDefinition("left_end", color="#00FF00", pair="right_end"),
        LandmarkDefinition("right_end", color="#00FF00", pair="left_end"),
        LandmarkDefinition("base", color="#0000FF", optional=True),
    ),
    (
        MeasurementDefinition("width", "distance", ("left_end", "right_end")),
        MeasurementDefinition("drop", "height", ("apex", "left_end", "right_end")),
        MeasurementDefinition("turn", "angle", ("left_end", "apex", "right_end")),
    ),
)


class Log(list):
    """The callbacks of an adapter in the order in which they came, as (name, arguments)."""

    def callbacks(self) -> SceneCallbacks:
        def recorder(name: str) -> object:
            return lambda *arguments: self.append((name, *arguments))

        return SceneCallbacks(**{field.name: recorder(field.name) for field in dataclasses.fields(SceneCallbacks)})

    @property
    def names(self) -> list[str]:
        return [entry[0] for entry in self]


@pytest.fixture(name="host")
def scene_host() -> Iterator[SceneHost]:
    """A scene with a view; an error inside an observer, which VTK only prints, fails the test."""
    with nothing_swallowed():
        host = SceneHost()
        try:
            yield host
        finally:
            host.close()


def predicted_work(adapter: SceneAdapter, pixels: list[object], confidence: float = 0.93) -> Work:
    """The work on the adapter's image with predictions at these pixels; None is undefined, "missing" is missing."""
    work = Work(TASK, adapter.image_id, adapter.image_geometry())
    points = tuple(
        PointPrediction(name, "undefined")
        if pixel is None
        else PointPrediction(name, "missing", None, confidence)
        if pixel == "missing"
        else PointPrediction(name, "defined", work.geometry.to_lps(*pixel), confidence)
        for name, pixel in zip(TASK.names, pixels, strict=True)
    )
    work.apply_prediction(Prediction("demo", "v1", adapter.image_id, points))
    return work


def save_png(path: Path, size: tuple[int, int] = (200, 120), color: int = 40) -> Path:
    Image.new("RGB", size, (color, color, color)).save(path)
    return path


class SceneHost:
    """A scene, its application logic and one slice view ("Red").

    Args:
        size: width and height of the view in pixels.
    """

    def __init__(self, size: tuple[int, int] = (400, 300)) -> None:
        self.scene = slicer.vtkMRMLScene()
        slicer.mrmlScene = self.scene
        self.logic = slicer.vtkSlicerApplicationLogic()
        # Where Slicer looks for its colour files; there are none here, and the built-in ones do.
        self._home = tempfile.TemporaryDirectory()
        (Path(self._home.name) / "share" / "ColorFiles").mkdir(parents=True)
        self.logic.SetHomeDirectory(self._home.name)
        self.logic.SetShareDirectory("share")
        self.logic.SetMRMLScene(self.scene)
        self.remote = slicer.vtkMRMLRemoteIOLogic()
        self.remote.SetMRMLApplicationLogic(self.logic)
        self.remote.GetCacheManager().SetRemoteCacheDirectory(self._home.name)
        self.remote.SetMRMLScene(self.scene)
        self.remote.AddDataIOToScene()
        self.colors = slicer.vtkSlicerColorLogic()
        self.colors.SetMRMLApplicationLogic(self.logic)
        self.colors.SetMRMLScene(self.scene)
        self.logic.SetColorLogic(self.colors)
        self.logic.SetModuleLogic("Colors", self.colors)
        self.volumes = slicer.vtkSlicerVolumesLogic()
        self.volumes.SetMRMLApplicationLogic(self.logic)
        self.volumes.SetMRMLScene(self.scene)
        self.logic.SetModuleLogic("Volumes", self.volumes)
        self.markups = slicer.vtkSlicerMarkupsLogic()
        self.markups.SetMRMLApplicationLogic(self.logic)
        self.markups.SetMRMLScene(self.scene)
        self.logic.SetModuleLogic("Markups", self.markups)
        self.view = SliceView(self.scene, self.logic, size)
        self._adapters: list[SceneAdapter] = []

    def load(self, path: Path | str) -> object:
        """Reads one image file as Slicer does; formats that slicer-core cannot read go through ITK and NRRD."""
        path = Path(path)
        if path.suffix.lower() not in {".nrrd", ".mha", ".nii", ".gz"}:
            source, path = path, _to_nrrd(path, Path(tempfile.mkdtemp(dir=self._home.name)))
        else:
            source = path
        node = self.volumes.AddArchetypeVolume(str(path), path.stem, 4)
        if node is None:
            raise SceneError(f"Slicer cannot read the image {path.name}.")
        # As if Slicer's own reader had taken the file itself.
        node.GetStorageNode().SetFileName(str(source))
        return node

    def adapter(self, log: Log | None = None) -> SceneAdapter:
        """An adapter on this scene that reads files through :meth:`load`; closed with the host."""
        made = SceneAdapter(self.scene, self.logic, self.load, (log if log is not None else Log()).callbacks())
        self._adapters.append(made)
        return made

    def close(self) -> None:
        """Takes the view and the scene down in the order that Slicer does."""
        for adapter in self._adapters:
            adapter.close()
        self.view.close()
        self.scene.Clear(True)
        self._home.cleanup()


def _to_nrrd(path: Path, folder: Path) -> Path:
    import itk

    if not path.is_file():
        raise SceneError(f"There is no file {path}.")
    # With its spacing, origin and direction, as ITK reads them, which is what Slicer's reader would take.
    target = folder / f"{path.stem}.nrrd"
    itk.imwrite(itk.imread(str(path)), str(target))
    return target


class SliceView:
    """An offscreen slice view: renders to an array, takes mouse events at view pixels (x right, y down)."""

    def __init__(self, scene: object, logic: object, size: tuple[int, int]) -> None:
        self.size = size
        self.slice_logic = slicer.vtkMRMLSliceLogic()
        self.slice_logic.SetMRMLApplicationLogic(logic)
        if logic.GetSliceLogics() is None:
            logic.SetSliceLogics(vtk.vtkCollection())
        self.slice_logic.SetMRMLScene(scene)
        self.node = self.slice_logic.AddSliceNode("Red")
        logic.GetSliceLogics().AddItem(self.slice_logic)

        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.SetSize(*size)
        self.window.SetNumberOfLayers(2)
        self.image_renderer = vtk.vtkRenderer()
        self.image_renderer.SetBackground(0, 0, 0)
        self.image_renderer.InteractiveOff()
        self.renderer = vtk.vtkRenderer()
        self.renderer.SetLayer(1)
        self.window.AddRenderer(self.image_renderer)
        self.window.AddRenderer(self.renderer)

        self.mapper = vtk.vtkImageMapper()
        self.mapper.SetColorWindow(255)
        self.mapper.SetColorLevel(127.5)
        self.actor = vtk.vtkActor2D()
        self.actor.SetMapper(self.mapper)
        self.actor.GetProperty().SetDisplayLocationToBackground()
        self.image_renderer.AddActor2D(self.actor)

        self.interactor = vtk.vtkGenericRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self.style = slicer.vtkMRMLSliceViewInteractorStyle()
        # Slicer's style is none of VTK's: it listens to the events that a do-nothing style passes on.
        self.events = vtk.vtkInteractorStyleUser()
        self.interactor.SetInteractorStyle(self.events)
        self.style.SetInteractor(self.interactor)

        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(logic)
        for name in _MANAGERS:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        self.group = factory.InstantiateDisplayableManagers(self.renderer)
        self.group.SetMRMLDisplayableNode(self.node)
        self.style.SetSliceLogic(self.slice_logic)
        self.style.SetDisplayableManagers(self.group)
        self.interactor.Initialize()
        self.resize(size)

    def resize(self, size: tuple[int, int]) -> None:
        self.size = size
        self.window.SetSize(*size)
        self.interactor.SetSize(*size)
        self.slice_logic.ResizeSliceNode(*size)
        self.interactor.ConfigureEvent()

    def picture(self) -> np.ndarray:
        """Renders; (H, W, 3) uint8, row 0 at the top."""
        self._connect_image()
        self.window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.ReadFrontBufferOff()
        grab.ShouldRerenderOff()
        grab.Update()
        image = grab.GetOutput()
        width, height, _ = image.GetDimensions()
        flat = vtk_to_numpy(image.GetPointData().GetScalars())
        return np.flipud(flat.reshape(height, width, -1)[..., :3]).copy()

    def _connect_image(self) -> None:
        connection = self.slice_logic.GetImageDataConnection()
        self.mapper.SetInputConnection(connection)
        self.actor.SetVisibility(connection is not None)

    def at(self, ras: object) -> tuple[float, float]:
        """View pixel (x, y down, centres at integers) of a world position in RAS."""
        to_view = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self.node.GetXYToRAS(), to_view)
        x, y, _, _ = to_view.MultiplyPoint([*ras, 1.0])
        return x, self.size[1] - 1 - y

    def drawn_at(self, ras: object) -> tuple[float, float]:
        """Picture pixel of the middle of what Slicer draws at a world position.

        Slicer draws glyphs at the edge between two pixels of the view where it shows the image at the centre of one.
        """
        x, y = self.at(ras)
        return x - 0.5, y + 0.5

    def _event(self, name: str, x: float, y: float) -> None:
        self.interactor.SetEventInformation(round(x), round(self.size[1] - 1 - y), 0, 0, chr(0), 0, None)
        self.interactor.InvokeEvent(name)

    def move(self, x: float, y: float) -> None:
        self._event("MouseMoveEvent", x, y)

    def press(self, x: float, y: float) -> None:
        self._event("LeftButtonPressEvent", x, y)

    def release(self, x: float, y: float) -> None:
        self._event("LeftButtonReleaseEvent", x, y)

    def click(self, x: float, y: float) -> None:
        self.enter(x, y)
        self.press(x, y)
        self.release(x, y)
        self.picture()

    def enter(self, x: float, y: float) -> None:
        self.picture()
        self._event("EnterEvent", x, y)
        self.move(x, y)

    def drag(self, path: list[tuple[float, float]]) -> None:
        """Presses at the first place, moves through the others, releases at the last."""
        self.enter(*path[0])
        self.press(*path[0])
        for place in path[1:]:
            self.move(*place)
        self.release(*path[-1])
        self.picture()

    def close(self) -> None:
        self.style.SetDisplayableManagers(None)
        self.interactor.SetInteractorStyle(None)
        self.group.SetMRMLDisplayableNode(None)
        self.mapper.SetInputConnection(None)
        self.window.Finalize()
