"""``monai-landmarks import``: a table of points and a folder of images become a MONAI Label studies folder."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from monai_ext.formats import FORMAT_NAMES, PixelOrigin
from monai_ext.images import CALIBRATION_FILE
from monai_ext.importing import (
    CheckedImport,
    ExifReading,
    ImageFolder,
    TableReading,
    check_import,
    plan_images,
    read_names,
    read_reports,
    renamed,
    report_files,
)
from monai_ext.landmarks import ImagePoints, InputError, Landmarks, PointsTable, check_new_protocol, find_protocol
from monai_ext.structured_reports import REPORTS
from monai_ext.studies import Studies, checked_name

from .console import Meter, print_json, tell
from .options import JsonOption, OverwriteOption


def run(
    table: Annotated[
        Path,
        typer.Argument(
            help="Table of points, or a folder of them. Formats, recognised by content: "
            f"{', '.join(FORMAT_NAMES)}, {REPORTS}. "
            "The CSV has the columns image, landmark, x, y and optionally width, height, split, status, mm_per_px."
        ),
    ],
    images: Annotated[Path, typer.Option("--images", "-i", help="Folder with the images that the table names.")],
    studies: Annotated[Path, typer.Option("--studies", "-s", help="Studies folder to create or extend.")],
    protocol: Annotated[
        str | None, typer.Option("--protocol", "-p", help="Check the names against this protocol (name or .yaml file).")
    ] = None,
    new_protocol: Annotated[
        Path | None, typer.Option(help="Write a new protocol file with the landmarks of the table, ready to edit.")
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(help="Rename a landmark, OLD=NEW; repeatable. Landmarks that are not named are dropped."),
    ] = None,
    format: Annotated[
        str | None, typer.Option("--format", help="Format of the table. Default: recognised by content.")
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option("--names", help="File with one landmark name per line, for tables without names (300W, WFLW)."),
    ] = None,
    category: Annotated[str | None, typer.Option(help="COCO: the category to read if there are several.")] = None,
    take_v0: Annotated[
        bool, typer.Option("--take-v0", help="COCO: import points that have coordinates but visibility 0.")
    ] = False,
    pixel_origin: Annotated[
        PixelOrigin | None,
        typer.Option(
            help="Position of (0, 0) in the table: the centre or the outer corner of the top-left pixel. Default: as "
            "defined by the format."
        ),
    ] = None,
    exif: Annotated[
        ExifReading | None,
        typer.Option(
            help="For images with an EXIF orientation: whether points refer to the upright picture, as most viewers "
            "show it, or to the stored pixels. Default: derived from width and height in the table."
        ),
    ] = None,
    scale_unit: Annotated[str | None, typer.Option(help="TPS: the unit of SCALE, mm, cm, um or inch.")] = None,
    attribute: Annotated[
        str | None,
        typer.Option(help="VIA: the region attribute that names the landmark if there are several."),
    ] = None,
    annotator: Annotated[
        str | None,
        typer.Option(
            help="Name of the reader who made these labels. They are kept apart from those of a second reader; "
            "the mean of both is used for training."
        ),
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Turn a table of points and a folder of images into a studies folder with .mrk.json labels.

    Everything is checked before anything is written. x is the column and y the row, (0, 0) the CENTRE of the
    top-left pixel. A `split` column (train, val, test) is kept. The image `train/i.png` gets the ID `train_i`. An
    image without a placed point is copied and stays unlabelled.

    Example: `monai-landmarks import points.csv --images photos --studies studies --new-protocol wings.yaml`
    """
    folder, target = ImageFolder(images), Studies(studies)
    given = read_names(names) if names else None
    reading = TableReading(format, given, category, take_v0, pixel_origin, exif, scale_unit, attribute)
    name = None if annotator is None else checked_name(annotator)
    reports = report_files(table) if format in (None, REPORTS) else []
    if reports or format == REPORTS:
        points, exif = _read_reports(reports, table, protocol, reading, folder), None
    else:
        points, exif = reading.read(table, folder)
    if rename:
        points = renamed(points, rename)
    wanted = _landmark_names(protocol, points)
    if new_protocol:
        check_new_protocol(new_protocol, wanted)
    planned = plan_images(points, folder, target, table)
    with Meter("Checking images", len(planned)) as meter:
        checked = check_import(
            planned,
            target,
            wanted,
            table.name,
            exif=exif,
            annotator=name,
            overwrite=overwrite,
            progress=meter.advance,
        )
    checked.write(new_protocol)
    _warn(checked)
    if as_json:
        print_json(_document(checked))
    else:
        lines = _sentences(checked)
        if new_protocol:
            lines.append(f"Protocol {new_protocol}: describe each landmark.")
        task = new_protocol or protocol
        if task and checked.labels:
            lines.append(f"Next: monai-landmarks train --protocol {task} --studies {checked.studies.root}")
        tell("\n".join(lines))


def _read_reports(
    reports: list[Path], table: Path, protocol: str | None, reading: TableReading, folder: ImageFolder
) -> PointsTable:
    """The points of DICOM structured reports, which the protocol tells apart."""
    if not reports:
        raise InputError(f"{table} holds no DICOM structured report with points: check the path.")
    if protocol is None:
        raise InputError(f"{reports[0]} is a DICOM report: name the protocol of its landmarks with --protocol.")
    for option in fields(reading):
        if option.name != "format" and getattr(reading, option.name):
            raise InputError(f"--{option.name.replace('_', '-')} is of no use with DICOM reports; leave it out.")
    return read_reports(reports, find_protocol(protocol), folder)


def _landmark_names(protocol: str | None, points: PointsTable) -> tuple[str, ...]:
    """The landmarks of the labels: those of the protocol, which must have the table's."""
    if protocol is None:
        return points.names
    names = find_protocol(protocol).landmark_names
    unknown = next((name for name in points.names if name not in names), None)
    if unknown is not None:
        raise InputError(f"Unknown landmark {unknown!r}; the protocol has {', '.join(names)}.")
    return names


def _warn(checked: CheckedImport) -> None:
    first: dict[str, str] = {}
    for name in checked.names:
        other = first.setdefault(name.casefold(), name)
        if other != name:
            warnings.warn(
                f"{other!r} and {name!r} are two landmarks: if they are one, write it in one way in {checked.table} "
                "and import again with --overwrite.",
                stacklevel=2,
            )
    corner = [(image.name, name) for image, _ in checked.images for name in _at_corner(image.entry)]
    if corner:
        image_name, name = corner[0]
        warnings.warn(
            f"{len(corner)} points lie exactly at (0, 0) or (-1, -1), which many programs write for a landmark that is "
            f"not there, such as {name} of {image_name}: if so, leave their coordinates empty and import again with "
            "--overwrite.",
            stacklevel=2,
        )
    for image, found in checked.images:
        outside = [name for name in _outside(found.landmarks) if name not in _at_corner(image.entry)]
        if outside:
            warnings.warn(f"{image.name}: outside the image: {', '.join(outside)}; kept as stated.", stacklevel=2)
    turned = [image.name for image, found in checked.images if found.upright]
    if turned:
        warnings.warn(
            f"{len(turned)} images have an EXIF orientation, e.g. {turned[0]}: their points referred to the upright "
            "picture and were mapped to the stored pixels.",
            stacklevel=2,
        )


def _at_corner(entry: ImagePoints) -> list[str]:
    """The landmarks at 0 or -1 along both axes, counted from the centre or the corner of the top-left pixel."""
    return [name for name, point in entry.points.items() if point.x == point.y and point.x in (0, -0.5, -1, -1.5)]


def _outside(landmarks: Landmarks) -> list[str]:
    outside = landmarks.defined & ~landmarks.frame.contains(landmarks.points)
    return [name for name, out in zip(landmarks.names, outside, strict=True) if out]


def _sentences(checked: CheckedImport) -> list[str]:
    """Sentences about the files written."""
    lines = [f"{len(checked.images)} images with {len(checked.names)} landmarks in {checked.studies.root}"]
    sides = Counter(checked.splits.get(id, "without") for id in checked.labels)
    if checked.splits:
        split = ", ".join(f"{sides[side]} {side}" for side in ("train", "val", "test", "without") if sides[side])
        lines.append(f"Labelled images by split: {split}.")
    if checked.subjects:
        lines.append(f"{len(checked.subjects)} of them are of {len(set(checked.subjects.values()))} stated subjects.")
    rare = ", ".join(f"{name} ({count})" for name, count in _rare(checked))
    if rare:
        lines.append(f"Placed in fewer than half of them: {rare}.")
    bare = [image.name for image, found in checked.images if not found.says_something]
    if bare:
        lines.append(f"{len(bare)} of them have no placed point, e.g. {bare[0]}: they remain unlabelled.")
    other = [image for image, _ in checked.images if image.id != image.own_id]
    if other:
        lines.append(
            f"{len(other)} of them have an ID that differs from the file name: {other[0].name} is {other[0].id}."
        )
    if checked.pixel_sizes:
        lines.append(
            f"{len(checked.pixel_sizes)} of them have the pixel size that the table states ({CALIBRATION_FILE})."
        )
    return lines


def _rare(checked: CheckedImport) -> list[tuple[str, int]]:
    """The landmarks that fewer than half of the labelled images have, the rarest first, with the number of these."""
    defined = [landmarks.defined for landmarks in checked.labels.values()]
    counts = {name: sum(bool(row[k]) for row in defined) for k, name in enumerate(checked.names)}
    return sorted(((n, c) for n, c in counts.items() if 2 * c < len(defined)), key=lambda item: item[1])


def _document(checked: CheckedImport) -> dict[str, Any]:
    return {
        "studies": str(checked.studies.root),
        "images": len(checked.images),
        "landmarks": list(checked.names),
        "splits": len(checked.splits),
        "subjects": len(set(checked.subjects.values())),
        "pixel_sizes": len(checked.pixel_sizes),
        "ids": {image.name: image.id for image, _ in checked.images},
        "unlabelled": [image.id for image, found in checked.images if not found.says_something],
    }
