"""Image files as volumes of the scene, and volumes as files for the server."""

from __future__ import annotations

import math
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import slicer
import vtk

from ..errors import SceneError
from ..words import tr as _
from .image_frame import ImageFrame


def load_in_slicer(path: Path) -> Any:
    """One file as one volume node, not shown yet.

    Files that look like slices of a series (``IMG_001.png``, ``IMG_002.png``) stay separate images.

    Raises:
        SceneError: the file is absent, or Slicer cannot read it.
    """
    import slicer.util

    if not path.is_file():
        raise SceneError(_("There is no file {path}.").format(path=path))
    try:
        return slicer.util.loadVolume(str(path), {"singleFile": True, "show": False})
    except RuntimeError as error:
        raise SceneError(
            _("Slicer cannot read the image {name}; its error log says why.").format(name=path.name)
        ) from error


#: What the server takes as it is.
_READABLE = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".nii", ".nii.gz", ".nrrd", ".mha", ".dcm")


class ExportedSize(NamedTuple):
    """The pixel size that an exported volume states.

    Attributes:
        spacing: millimetres along (x, y).
        optional: True where the volume can be exported without it.
    """

    spacing: tuple[float, float]
    optional: bool


def exported_size(node: Any) -> ExportedSize | None:
    """The pixel size that :func:`export_volume` writes; None for a file that is copied and for PNG.

    Slicer has a size for every volume: of a photograph it is the print density, or 1 mm.

    Raises:
        SceneError: it is no 2D image.
    """
    geometry = ImageFrame(node).geometry()
    if _source(node) is not None or _is_photograph(node):
        return None
    x, y = (math.hypot(*step) for step in (geometry.x_step, geometry.y_step))
    return ExportedSize((x, y), _fits_png(node.GetImageData()))


def export_volume(node: Any, folder: Path, with_size: bool = True) -> Path:
    """Writes a 2D volume into a folder, named for the node; parent transforms have no part in it.

    The file that it was read from is copied where the volume is still as read. Otherwise an image that lies as a
    photograph does (pixels of 1 mm at the origin) becomes PNG, since NRRD would call those millimetres a calibration,
    and any other becomes NRRD.

    Args:
        node: the volume.
        folder: of the file.
        with_size: False writes PNG in the place of NRRD, without pixel size and position.

    Raises:
        SceneError: it is no 2D image, lies as a photograph but does not fit in PNG, or cannot be written.
    """
    ImageFrame(node)
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", node.GetName()).strip("._") or "image"
    try:
        source = _source(node)
        folder.mkdir(parents=True, exist_ok=True)
        if source is not None:
            path = folder / (stem[: len(stem) - len(_extension(Path(stem)))] + _kind(source))
            shutil.copyfile(source, path)
            return path
    except OSError as error:
        sentence = _("{name} cannot be copied to {folder}: {reason}.")
        raise SceneError(sentence.format(name=node.GetName(), folder=folder, reason=error.strerror)) from error
    photograph, image = not with_size or _is_photograph(node), node.GetImageData()
    if photograph and not _fits_png(image):
        sentence = _(
            "{name} has pixels of 1 mm, as an image without a pixel size, and PNG cannot hold {count} x {kind}: "
            "convert them to 1 or 3 x unsigned char, as with the module Cast Scalar Volume, or set their real spacing."
        )
        count, kind = image.GetNumberOfScalarComponents(), image.GetScalarTypeAsString()
        raise SceneError(sentence.format(name=node.GetName(), count=count, kind=kind))
    writer = _write_png if photograph else _write_nrrd
    path = folder / (stem + (".png" if writer is _write_png else ".nrrd"))
    if not writer(node, path) or not path.is_file():
        raise SceneError(
            _("{name} cannot be written to {path}: is the folder writable?").format(name=node.GetName(), path=path)
        )
    return path


def _extension(path: Path) -> str:
    name = path.name.lower()
    return next((extension for extension in sorted(_READABLE, key=len, reverse=True) if name.endswith(extension)), "")


def _kind(path: Path) -> str:
    """The extension that says what a file is; a DICOM file may have any name."""
    if _extension(path):
        return _extension(path)
    with path.open("rb") as file:
        return ".dcm" if file.read(132)[128:] == b"DICM" else ""


def _source(node: Any) -> Path | None:
    """The one file that the volume was read from, if it is still the same image."""
    storage = node.GetStorageNode()
    if storage is None or not storage.GetFileName() or storage.GetNumberOfFileNames() > 1:
        return None
    path = Path(storage.GetFileName())
    unchanged = path.is_file() and not node.GetModifiedSinceRead() and _kind(path)
    return path if unchanged else None


def _is_photograph(node: Any) -> bool:
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    expected = (-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1)
    return all(matrix.GetElement(i // 4, i % 4) == value for i, value in enumerate(expected))


def _fits_png(image: Any) -> bool:
    types = (vtk.VTK_UNSIGNED_CHAR, vtk.VTK_UNSIGNED_SHORT)
    return image.GetScalarType() in types and image.GetNumberOfScalarComponents() in (1, 3, 4)


def _write_png(node: Any, path: Path) -> bool:
    # VTK's first row is the bottom one of the file, Slicer's the top one.
    flip = vtk.vtkImageFlip()
    flip.SetInputData(node.GetImageData())
    flip.SetFilteredAxis(1)
    writer = vtk.vtkPNGWriter()
    writer.SetInputConnection(flip.GetOutputPort())
    writer.SetFileName(str(path))
    writer.Write()
    return bool(writer.GetErrorCode() == 0)


def _write_nrrd(node: Any, path: Path) -> bool:
    storage = slicer.vtkMRMLNRRDStorageNode()
    storage.SetFileName(str(path))
    return bool(storage.WriteData(node))
