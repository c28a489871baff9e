"""Image files as volume nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .scene_errors import SceneError
from .words import tr as _


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
