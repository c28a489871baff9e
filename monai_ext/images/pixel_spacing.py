"""The real size of a pixel, where a file states one: millimetres along (x, y), and where it was read.

Only NIfTI, NRRD, MHA and DICOM state it. The print density of a JPEG, TIFF or PNG is not a size of anatomy. For other
images a person may state it, in ``calibration.json`` beside them (see :mod:`monai_ext.images.stated_sizes`).
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pydicom
from pydicom.dataset import Dataset

from monai_ext.landmarks import Frame, InputError

from .headers import read_mha_fields, read_nifti_header, read_nrrd_fields
from .stated_sizes import StatedSize, stated_size

#: In this order; each holds (row spacing, column spacing), that is (y, x).
DICOM_SPACING_TAGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
#: Where an enhanced (multi-frame) object states what holds for all frames, and for each one.
_FUNCTIONAL_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
MILLIMETRES = frozenset({"", "mm", "millimeter", "millimeters", "millimetre", "millimetres"})
#: What headers write where they name no unit.
UNNAMED_UNITS = frozenset({"none", "?", "???"})
#: Kinds of the axes of a NRRD file along which its pixels lie; the others count the values of a pixel.
_NRRD_DOMAIN = frozenset({"domain", "space", "time", "none", "???"})


class PixelSpacing(NamedTuple):
    """Millimetres per pixel along (x, y), or None, and the source of that ("none" where unknown)."""

    spacing: tuple[float, float] | None = None
    source: str = "none"


UNKNOWN = PixelSpacing()


def _checked(path: Path, source: str, x: object, y: object) -> PixelSpacing:
    """The calibration, or none with a warning where a value is not a positive number."""
    try:
        spacing = (float(str(x)), float(str(y)))
    except ValueError:
        spacing = (math.nan, math.nan)
    if all(math.isfinite(s) and s > 0 for s in spacing):
        return PixelSpacing(spacing, source)
    warnings.warn(
        f"{path.name}: the pixel spacing of the {source} header is {x} x {y}, which is not two positive numbers; "
        "lengths of this image are in pixels.",
        stacklevel=2,
    )
    return UNKNOWN


def _dicom_tags(path: Path) -> Dataset:
    return pydicom.dcmread(
        path,
        stop_before_pixels=True,
        force=True,  # GDCM reads files without the 128-byte preamble, and it has accepted this one
        specific_tags=[*DICOM_SPACING_TAGS, "PixelAspectRatio", *_FUNCTIONAL_GROUPS],
    )


def dicom_spacing(path: Path) -> PixelSpacing:
    """PixelSpacing, else ImagerPixelSpacing, else NominalScannedPixelSpacing.

    Raises:
        InputError: none is known, but that the pixels are not square: no angle and no ratio would be right.
    """
    tags = _dicom_tags(path)
    found = _tagged_spacing(path, tags)
    if found.spacing is None:
        _check_square(path, tags)
    return found


def _check_square(path: Path, tags: Dataset) -> None:
    try:
        ratio = tags.get("PixelAspectRatio")
    except (ValueError, TypeError):  # pydicom converts on access
        return
    sides = ratio if isinstance(ratio, pydicom.multival.MultiValue) else []
    if len(set(sides)) > 1 and all(isinstance(side, int) for side in sides):
        stated = "\\".join(map(str, sides))
        raise InputError(
            f"{path.name} has pixels that are not square (PixelAspectRatio {stated}) and states no pixel size: "
            "resample it to square pixels, or add its PixelSpacing."
        )


def _tagged_spacing(path: Path, tags: Dataset) -> PixelSpacing:
    """The spacing of the first of the tags that states one.

    The PixelSpacing of an enhanced (multi-frame) object stands in its shared functional groups or in those of its
    frame; where it kept the groups of other frames with another spacing, none is known. DICOM writes the row spacing
    first: (x, y) = (value[1], value[0]) (PS3.3, section 10.7.1.3).
    """
    places = [(tag, [tags]) for tag in DICOM_SPACING_TAGS]
    places += [("PixelSpacing", _pixel_measures(tags, groups)) for groups in _FUNCTIONAL_GROUPS]
    for tag, holders in places:
        try:
            value, *others = [holder.get(tag) for holder in holders]
        except (ValueError, TypeError):  # pydicom converts on access
            return _checked(path, f"DICOM {tag}", "unreadable", "unreadable")
        if differing := [other for other in others if other != value]:
            warnings.warn(
                f"{path.name}: the DICOM {tag} header differs between frames ({value} and {differing[0]}), of which "
                "the file has one; lengths of this image are in pixels.",
                stacklevel=2,
            )
            return UNKNOWN
        if value is None or value == "":
            continue
        pair = [str(v) for v in value] if isinstance(value, (list, tuple, pydicom.multival.MultiValue)) else [value]
        return (
            _checked(path, f"DICOM {tag}", pair[-1], pair[0])
            if len(pair) == 2
            else _checked(path, f"DICOM {tag}", value, "nothing")
        )
    return UNKNOWN


def _pixel_measures(tags: Dataset, groups: str) -> list[Dataset]:
    """The pixel measures of each of an enhanced object's functional groups; empty ones where none are stated."""
    measures = [group.get("PixelMeasuresSequence") or [Dataset()] for group in tags.get(groups) or [Dataset()]]
    return [items[0] for items in measures]


def _nrrd_spacing(path: Path, spacing: tuple[float, float], axes: tuple[int, int]) -> PixelSpacing:
    """The spacing of a NRRD file that states one along both axes; ITK takes 1 for one that is ``nan`` or ``none``."""
    fields = read_nrrd_fields(path)
    directions = re.findall(r"\([^)]*\)|none", fields.get("space directions", "").lower())
    stated = ["n" not in step for step in directions or fields.get("spacings", "").lower().split()]
    kinds = fields.get("kinds", "").lower().split() or ["domain"] * len(stated)
    along = [known for known, kind in zip(stated, kinds, strict=False) if kind in _NRRD_DOMAIN]
    if not all(along[axis : axis + 1] == [True] for axis in axes):
        return UNKNOWN
    text = fields.get("space units", "") if directions else fields.get("units", "")
    return _in_millimetres(path, "NRRD", text.split('"'), spacing)


def _in_millimetres(path: Path, source: str, units: Iterable[str], spacing: tuple[float, float]) -> PixelSpacing:
    """The calibration, or none with a warning where a header names another unit of length."""
    if foreign := {unit.strip().lower() for unit in units} - MILLIMETRES - UNNAMED_UNITS:
        warnings.warn(
            f"{path.name}: the {source} header gives lengths in {', '.join(sorted(foreign))}, not mm; "
            "lengths of this image are in pixels.",
            stacklevel=4,
        )
        return UNKNOWN
    return _checked(path, source, *spacing)


def header_spacing(
    path: Path, format_name: str, spacing: tuple[float, float], axes: tuple[int, int] = (0, 1)
) -> PixelSpacing:
    """The calibration of a file that is not DICOM.

    Args:
        path: the file.
        format_name: "NIfTI", "NRRD" or "MHA"; any other format has no calibration.
        spacing: (x, y) as ITK reads it, in millimetres: it has converted NIfTI's metres and micrometres.
        axes: of the file, which are x and y.

    Returns:
        The calibration; none where the header states no spacing, and none with a warning where the stated one
        is not positive or not a length in millimetres.
    """
    if format_name == "NIfTI":
        pixdim = [read_nifti_header(path).pixdim[axis] for axis in axes]
        return _checked(path, "NIfTI", *(spacing if min(pixdim) > 0 else pixdim))
    if format_name == "NRRD":
        return _nrrd_spacing(path, spacing, axes)
    if format_name == "MHA":
        fields, _ = read_mha_fields(path)
        stated = "elementspacing" in fields or "elementsize" in fields
        return _in_millimetres(path, "MHA", [fields.get("distanceunits", "")], spacing) if stated else UNKNOWN
    return UNKNOWN


def with_stated_size(path: Path, frame: Frame) -> Frame:
    """The frame of an image with the pixel size that a person stated for it.

    A size that the file states itself stays, unless the person overruled it.

    Raises:
        InputError: ``calibration.json`` beside the image is malformed.
    """
    size = stated_size(path)
    if size is None or (frame.spacing is not None and size.how != "overrule"):
        return frame
    return with_size(frame, size)


def with_size(frame: Frame, size: StatedSize) -> Frame:
    """The frame with another pixel size; its placement stays."""
    return Frame(*frame.size, frame.placement, size.mm_per_px, size.source(frame.spacing_source))
