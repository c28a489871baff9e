"""DICOM structured reports as a table of points: the images are found by their SOP instances, whatever their names."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pydicom import Dataset, dcmread

from monai_ext.images import REPORT, image_kind
from monai_ext.landmarks import ImagePoints, InputError, PointsTable, Protocol, Status, TablePoint
from monai_ext.structured_reports import NoSuchLandmarkError, ReportedLandmarks, is_structured_report, read_report

from .folder import ImageFolder
from .plan import same_point


def report_files(path: Path) -> list[Path]:
    """The structured reports that may hold points: the file itself, or those of a folder at any depth, sorted."""
    return [file for file, header in _dicom_files(path) if is_structured_report(header)]


def read_reports(files: Sequence[Path], protocol: Protocol, folder: ImageFolder) -> PointsTable:
    """The points of reports, by the paths of the images below their folder.

    Several reports may be of one image, each of some of its landmarks. A report of none of the protocol's landmarks is
    left out with a warning.

    Args:
        files: the reports.
        protocol: whose landmarks are wanted.
        folder: of the images; reports in it are none.

    Raises:
        InputError: a report is damaged, all are of other landmarks, an image is not in the folder, or has several
            frames or files, or two reports place one of its landmarks differently.
    """
    names = _instance_names(folder.root)
    images: dict[str, dict[str, _Told]] = {}
    unsigned, others = [], []
    for file in files:
        try:
            reported = read_report(file, protocol)
        except NoSuchLandmarkError as error:
            others.append(error)
            continue
        if not reported[0].annotator:
            unsigned.append(file)
        for item in reported:
            _gather(images.setdefault(_image_name(item, names, file, folder.root), {}), item, protocol, file)
    if not images and others:
        raise others[0]
    if others:
        warnings.warn(f"{len(others)} reports are left out: {others[0]}", stacklevel=2)
    if unsigned:
        warnings.warn(
            f"{len(unsigned)} reports name no person who placed or confirmed the points, as {unsigned[0]}: what a "
            "network proposed becomes a final label.",
            stacklevel=2,
        )
    tables = {image: ImagePoints({name: told.point for name, told in entry.items()}) for image, entry in images.items()}
    return PointsTable(protocol.landmark_names, tables)


class _Told(NamedTuple):
    point: TablePoint
    file: Path


def _gather(entry: dict[str, _Told], item: ReportedLandmarks, protocol: Protocol, file: Path) -> None:
    """Adds what a report contains about an image."""
    for name, (x, y), status in zip(protocol.landmark_names, item.points.tolist(), item.status, strict=True):
        if status == Status.UNDEFINED:
            continue
        point = TablePoint(x, y, Status(int(status)))
        before = entry.setdefault(name, _Told(point, file))
        if not same_point(before.point, point):
            raise InputError(
                f"{before.file} and {file} place {name!r} of the image {item.sop_instance_uid} differently; keep one "
                "of the reports."
            )


def _instance_names(root: Path) -> dict[str, list[str]]:
    """The paths below a folder of the DICOM images in it, by SOP instance."""
    found: dict[str, list[str]] = {}
    for file, header in _dicom_files(root):
        if not is_structured_report(header):
            found.setdefault(str(header.get("SOPInstanceUID", "")), []).append(file.relative_to(root).as_posix())
    return found


def _image_name(item: ReportedLandmarks, names: dict[str, list[str]], file: Path, root: Path) -> str:
    found = names.get(item.sop_instance_uid, [])
    told = f"{file} is of the image with the SOP instance UID {item.sop_instance_uid}"
    if not found:
        raise InputError(f"{told}, and no DICOM file in {root} has it: copy the image into the folder.")
    if len(found) > 1:
        raise InputError(f"{told}, which the files {' and '.join(found)} in {root} have: keep one of them.")
    if item.frame not in (None, 1):
        raise InputError(f"{told}, frame {item.frame}: only images of one frame are read; save the frame as an image.")
    return found[0]


def _dicom_files(path: Path) -> Iterator[tuple[Path, Dataset]]:
    """The DICOM files at or below a path, hidden ones apart, with the UIDs of their headers."""
    for file in [path] if path.is_file() else _files_below(path):
        header = _header(file)
        if header is not None:
            yield file, header


def _header(file: Path) -> Dataset | None:
    try:
        if image_kind(file) not in ("DICOM", REPORT):
            return None
        tags = ["SOPClassUID", "SOPInstanceUID"]
        header = dcmread(file, stop_before_pixels=True, force=True, specific_tags=tags)
        header.decode()  # pydicom converts on access: what is damaged shows here
    except Exception:  # pydicom has no one error for damaged files; such a file is neither image nor report
        return None
    return header


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent) / name for name in sorted(files) if not name.startswith("."))
