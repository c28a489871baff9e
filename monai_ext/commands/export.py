"""``monai-landmarks export``: the labels of a studies folder in the format of another program."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from monai_ext.formats import FORMATS, Format, find_format, losses, named_files, write_table
from monai_ext.images import read_exif_orientation, read_frame, stored_to_upright, upright_size
from monai_ext.landmarks import (
    Frame,
    ImagePoints,
    InputError,
    Markups,
    PointsTable,
    Status,
    TablePoint,
    check_label,
    find_protocol,
    read_protocols,
    shipped_dir,
)
from monai_ext.structured_reports import EXTENSION, REPORTS, write_reports
from monai_ext.studies import Studies

from .console import Meter, print_json, tell
from .options import ImageOption, JsonOption, OverwriteOption

FORMATS_HELP = "; ".join([*(f"{item.name}: {item.title}" for item in FORMATS.values()), f"{REPORTS}: DICOM reports"])


def run(
    studies: Annotated[Path, typer.Argument(help="Folder of images with labels/TAG/ID.mrk.json.")],
    format: Annotated[str, typer.Option("--format", "-f", help=f"{FORMATS_HELP}.")],
    out: Annotated[Path, typer.Option("--output", "-o", help="File, or folder for formats with one file per image.")],
    tag: Annotated[
        str, typer.Option("--tag", help="Labels to export: final, draft, original (proposals), reader1 or reader2.")
    ] = "final",
    image: ImageOption = None,
    protocol: Annotated[
        str | None,
        typer.Option("--protocol", "-p", help=f"With {REPORTS}: name or .yaml file. Default: shipped ones."),
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Export the labels of a studies folder: tables, annotation tools, Slicer, DICOM structured reports.

    Each format has (0, 0) where its own program has it: nothing is half a pixel off. What a format cannot hold, as
    that a landmark is known to be missing, is said. All files are complete before the first takes its place.

    Example: `monai-landmarks export studies --format tps --output wings.tps`
    """
    if format == REPORTS:
        _export_reports(Studies(studies), tag, image or [], protocol, out, overwrite, as_json)
        return
    if protocol is not None:
        raise InputError(f"--protocol {protocol} is of no use with --format {format}; leave it out.")
    chosen = find_format(format)
    study = Studies(studies)
    paths = _labelled_images(study, tag, image or [])
    _refuse_existing(out, chosen, [path.name for path in paths.values()], overwrite)
    table, frames = _read_labels(study, paths, tag)
    table = _as_shown(table, frames, paths, chosen)
    lost = losses(table, chosen)
    try:
        write_table(out, table, format, frames={path.name: frames[path.name] for path in paths.values()})
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error}).") from None
    for sentence in lost:
        warnings.warn(sentence, stacklevel=1)
    if as_json:
        names = list(table.names)
        print_json({"output": str(out), "format": format, "images": len(paths), "landmarks": names, "lost": lost})
        return
    tell(f"{len(paths)} images with {len(table.names)} landmarks in {out}")


def _export_reports(
    study: Studies, tag: str, wanted: list[str], protocol: str | None, out: Path, overwrite: bool, as_json: bool
) -> None:
    """A DICOM structured report of each label."""
    images = _labelled_images(study, tag, wanted)
    task = None if protocol is None else find_protocol(protocol)
    protocols = read_protocols([shipped_dir("protocols")]) if task is None else {task.name: task}
    existing = next((file for id in images if (file := out / f"{id}{EXTENSION}").exists()), None)
    if existing is not None and not overwrite:
        raise InputError(f"{existing} exists: use --overwrite to replace it.")
    with Meter("Writing reports", len(images)) as meter:
        written = write_reports(study, images, tag, protocols, out, meter.advance)
    if as_json:
        print_json({"output": str(out), "format": REPORTS, "images": len(written)})
        return
    tell(f"{len(written)} reports in {out}")


def _labelled_images(study: Studies, tag: str, wanted: list[str]) -> dict[str, Path]:
    """The image files by ID: those with a label, or those that are wanted.

    Raises:
        InputError: there is no label, or a wanted image has none.
    """
    labelled = study.labelled(tag)
    images, wanted = study.images(), study.known_ids(wanted)
    for id in wanted:
        if id not in labelled:
            raise InputError(f"The image {id!r} of {study.root} has no label with the tag {tag!r}; label it first.")
    if not labelled:
        raise InputError(f"{study.root} has no label with the tag {tag!r}; label some images first.")
    return {id: images[id] for id in wanted or labelled}


def _refuse_existing(out: Path, chosen: Format, images: list[str], overwrite: bool) -> None:
    files = [out / name for name in named_files(images, chosen.extension)] if chosen.folder else [out]
    existing = next((file for file in files if file.exists()), None)
    if existing is not None and (existing.is_dir() or not overwrite):
        what = "is a folder: name a file" if existing.is_dir() else "exists: use --overwrite to replace it"
        raise InputError(f"{existing} {what}.")


def _read_labels(study: Studies, paths: dict[str, Path], tag: str) -> tuple[PointsTable, dict[str, Frame]]:
    """The labels as a table by the names of the image files, with the pixel sizes that the images state."""
    found, splits, subjects = {}, study.splits(), study.subjects()
    descriptions: dict[str, dict[str, str]] = {}
    with Meter("Reading labels", len(paths)) as meter:
        for id, path in paths.items():
            label = study.label_path(id, tag)
            markups = Markups.read(label)
            found[path.name] = markups.landmarks(read_frame(path))
            descriptions[path.name] = markups.descriptions
            check_label(found[path.name], label, tag)
            meter.advance()
    table = PointsTable.from_landmarks(
        found,
        {path.name: splits[id] for id, path in paths.items() if id in splits},
        {path.name: subjects[id] for id, path in paths.items() if id in subjects},
        descriptions,
    )
    frames = {name: item.frame for name, item in found.items()}
    images = {name: replace(entry, mm_per_px=frames[name].spacing) for name, entry in table.images.items()}
    return PointsTable(table.names, images), frames


def _as_shown(table: PointsTable, frames: dict[str, Frame], paths: dict[str, Path], chosen: Format) -> PointsTable:
    """The table with the points on the picture that the format's program shows, which heeds the EXIF orientation."""
    if not chosen.upright:
        return table
    turned = {path.name: turn for path in paths.values() if (turn := read_exif_orientation(path)) != 1}
    if turned:
        warnings.warn(
            f"{len(turned)} images have an EXIF orientation: their points are written on the upright picture, which "
            f"{chosen.title} shows.",
            stacklevel=1,
        )
    images = {
        name: _upright(entry, turned[name], frames[name].size) if name in turned else entry
        for name, entry in table.images.items()
    }
    return PointsTable(table.names, images)


def _upright(entry: ImagePoints, orientation: int, stored: tuple[int, int]) -> ImagePoints:
    def turned(point: TablePoint) -> TablePoint:
        if point.status is not Status.DEFINED:
            return point
        x, y = stored_to_upright(np.array([point.x, point.y]), orientation, stored).tolist()
        return replace(point, x=x, y=y)

    points = {name: turned(point) for name, point in entry.points.items()}
    size, pixel = upright_size(orientation, stored), entry.mm_per_px
    if pixel is not None and upright_size(orientation, (1, 2)) != (1, 2):
        pixel = pixel[1], pixel[0]
    return replace(entry, points=points, size=size, mm_per_px=pixel)
