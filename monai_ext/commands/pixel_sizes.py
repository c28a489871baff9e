"""The pixel size that a person states on the command line for all images of a command."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from monai_ext.images import StatedSize, check_pixel_size, read_frame
from monai_ext.landmarks import InputError

OPTION = "--mm-per-px"


def stated_pixel_sizes(text: str | None, files: Mapping[str, Path], *, overrule: bool) -> dict[str, StatedSize]:
    """The stated size by image ID; none without the option.

    Args:
        text: one number, or two for x and y with a comma between them.
        files: the images.
        overrule: the stated size counts even where an image has one of its own.

    Raises:
        InputError: no such numbers, a size that cannot be true, an image that has a size already, or an image that
            cannot be read.
    """
    if text is None:
        if overrule:
            raise InputError(f"--overrule goes with {OPTION}: state the millimetres per pixel.")
        return {}
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise InputError(f"{OPTION} is one number of millimetres, or two for x and y as 0.1,0.2, not {text!r}.")
    size = check_pixel_size((numbers[0], numbers[-1]), OPTION)
    sizes = {}
    for image, path in files.items():
        frame = read_frame(path)
        if frame.spacing is not None and not overrule:
            x, y = frame.spacing
            raise InputError(
                f"{path} has pixels of {x:g} x {y:g} mm already ({frame.spacing_source}): leave it out, or use "
                "--overrule."
            )
        sizes[image] = StatedSize(size, "stated" if frame.spacing is None else "overrule")
    return sizes
