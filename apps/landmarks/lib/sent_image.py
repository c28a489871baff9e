"""An image file as it is sent to 3D Slicer: in one piece, under a name by which Slicer opens it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from fastapi.responses import FileResponse, Response
from monailabel.utils.others.generic import get_mime_type

from monai_ext.images import joined, slicer_extension
from monai_ext.landmarks import InputError


def send_image(image: str, path: Path) -> Response:
    """The answer that holds an image file.

    A header with its pixels in a file beside it becomes one file; a file whose extension is not that of its content
    gets the name ``<image>.<true extension>``. A file that cannot be read as an image is sent as it is.

    Args:
        image: its ID.
        path: the file.
    """
    try:
        whole, extension = joined(path), slicer_extension(path)
    except InputError:
        whole, extension = None, ""
    if whole is not None:
        name = quote(f"{image}{whole.extension}", safe="")
        disposition = {"Content-Disposition": f"attachment; filename*=utf-8''{name}"}
        return Response(whole.content, media_type="application/octet-stream", headers=disposition)
    name = f"{image}{extension}" if extension else path.name
    return FileResponse(path, media_type=get_mime_type(str(path)), filename=name)
