"""Image files that a person names on the command line."""

from __future__ import annotations

from pathlib import Path

from monai_ext.landmarks import InputError
from monai_ext.landmarks.image_names import check_id_length
from monai_ext.landmarks.studies import IMAGE_EXTENSIONS, Studies, image_id


def known_image_id(path: Path) -> str:
    """The ID of an image file.

    Raises:
        InputError: its extension is not that of an image.
    """
    id = image_id(path.name)
    if id is None:
        raise InputError(f"{path} is not an image that can be read; the extensions are {', '.join(IMAGE_EXTENSIONS)}.")
    return id


def image_files(paths: list[Path]) -> dict[str, Path]:
    """Image files by ID, from files and folders.

    Raises:
        InputError: a path does not exist, a folder holds no image, two files share an ID, an ID is too long for the
            names of its results.
    """
    files: dict[str, Path] = {}
    for path in paths:
        if path.is_dir():
            inside = Studies(path).images()
            if not inside:
                raise InputError(f"The folder {path} holds no image.")
        elif path.is_file():
            inside = {known_image_id(path): path}
        else:
            raise InputError(f"The image {path} does not exist.")
        for id, file in inside.items():
            if id in files:
                raise InputError(f"{files[id]} and {file} would both be written as {id!r}: rename one.")
            files[check_id_length(id)] = file
    return files
