"""Image files that a person names on the command line."""

from __future__ import annotations

import warnings
from pathlib import Path

from monai_ext.images import IMAGE_EXTENSIONS, check_id_length, image_id_of, same_name
from monai_ext.landmarks import InputError
from monai_ext.studies import Studies, passed_over, why_no_image


def known_image_id(path: Path) -> str:
    """The ID of an image file.

    Raises:
        InputError: it is no image by its extension, nor DICOM by its content.
    """
    id = image_id_of(path)
    if id is None:
        reason = why_no_image(path) if path.is_file() else ""
        reason = reason or f"the extensions are {', '.join(IMAGE_EXTENSIONS)}, and DICOM may have any name"
        raise InputError(f"{path} is not an image that can be read: {reason}.")
    return id


def image_files(paths: list[Path]) -> dict[str, Path]:
    """Image files by ID, from files and folders.

    Raises:
        InputError: a path does not exist, a folder holds no image, two files share an ID, an ID is too long for the
            names of its results.

    Warns:
        UserWarning: a folder holds images that are not used; says which and why.
    """
    files: dict[str, Path] = {}
    for path in paths:
        if path.is_dir():
            inside = Studies(path).images()
            reasons = passed_over(path)
            if not inside:
                raise InputError(f"The folder {path} holds no image{''.join(f'; {reason}' for reason in reasons)}.")
            for reason in reasons:
                warnings.warn(f"Not used: {reason}.", stacklevel=2)
        elif path.is_file():
            inside = {known_image_id(path): path}
        else:
            raise InputError(f"The image {path} does not exist.")
        for id, file in inside.items():
            other = same_name(id, files)
            if other is not None:
                raise InputError(f"{files[other]} and {file} would both be written as {id!r}: rename one.")
            files[check_id_length(id)] = file
    return files
