"""``monai-landmarks import``: a table of points and a folder of images become a MONAI Label studies folder."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from monai_ext.landmarks import Frame, InputError, Landmarks, find_protocol
from monai_ext.landmarks.coco import read_coco_keypoints
from monai_ext.landmarks.files import write_atomically
from monai_ext.landmarks.label_check import check_label
from monai_ext.landmarks.markups import write_markups
from monai_ext.landmarks.new_protocol import write_new_protocol
from monai_ext.landmarks.studies import Studies
from monai_ext.landmarks.tables import PointsTable, read_points_table
from monai_ext.transforms.image_io import read_image

from .console import output, print_json, progress_bar
from .images import known_image_id


def run(
    table: Annotated[
        Path, typer.Argument(help="CSV (image,landmark,x,y[,width,height,split]) or COCO keypoints JSON.")
    ],
    images: Annotated[Path, typer.Option("--images", "-i", help="Folder of the images that the table names.")],
    studies: Annotated[Path, typer.Option("--studies", "-s", help="Studies folder to make or add to.")],
    protocol: Annotated[
        str | None, typer.Option("--protocol", "-p", help="Check the names against this protocol (name or .yaml file).")
    ] = None,
    new_protocol: Annotated[
        Path | None, typer.Option(help="Write a new protocol file with the landmarks of the table, ready to edit.")
    ] = None,
    rename: Annotated[
        list[str] | None, typer.Option(help="OLD=NEW landmark name; repeatable. With it, other landmarks are left out.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace labels that exist.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Turn a table of points and a folder of images into a studies folder with .mrk.json labels.

    Everything is checked before anything is written. x is the column and y the row, (0, 0) the CENTRE of the
    top-left pixel. A `split` column (train, val, test) is kept.

    Example: `monai-landmarks import points.csv --images photos --studies studies --new-protocol wings.yaml`
    """
    points = read_coco_keypoints(table) if table.suffix.lower() == ".json" else read_points_table(table)
    if rename:
        points = _renamed(points, rename)
    names = find_protocol(protocol).landmark_names if protocol else points.names
    if new_protocol and new_protocol.exists():
        raise InputError(f"The protocol file {new_protocol} exists: name another one.")
    target = Studies(studies)
    with progress_bar() as bar:
        task = bar.add_task("Checking images", total=2 * len(points.images), note="")
        labels: dict[str, Landmarks] = {}
        for name in points.images:
            labels[name] = points.landmarks(name, _checked_frame(images / name, table), names)
            check_label(labels[name], f"{table}, {name}")
            bar.advance(task)
        _refuse_clashes(labels, images, target, overwrite)
        target.root.mkdir(parents=True, exist_ok=True)
        for name, landmarks in labels.items():
            _warn_outside(name, landmarks)
            copy = target.root / name
            if not copy.exists():
                write_atomically(copy, (images / name).read_bytes())
            write_markups(target.label_path(known_image_id(copy)), landmarks)
            bar.advance(task)
    splits = {known_image_id(images / n): entry.split for n, entry in points.images.items() if entry.split}
    if splits:
        target.write_splits({**target.splits(), **splits})
    if new_protocol:
        channels = _channels(images / next(iter(labels)))
        write_new_protocol(new_protocol, names, channels, [item.frame.size for item in labels.values()])
    if as_json:
        print_json({"studies": str(studies), "images": len(labels), "landmarks": list(names), "splits": len(splits)})
        return
    output.print(f"{len(labels)} images with {len(names)} landmarks in {studies}", soft_wrap=True, highlight=False)
    if new_protocol:
        output.print(f"Protocol {new_protocol}: describe each landmark, then train.", soft_wrap=True, highlight=False)


def _renamed(table: PointsTable, pairs: list[str]) -> PointsTable:
    """The table with the landmarks of ``OLD=NEW`` pairs only, under their new names.

    Raises:
        InputError: a pair is malformed, or the table has no such landmark.
    """
    renames: dict[str, str] = {}
    for pair in pairs:
        old, _, new = pair.partition("=")
        if not old or not new:
            raise InputError(f"--rename needs OLD=NEW, not {pair!r}.")
        if old not in table.names:
            raise InputError(f"--rename {pair}: the table has no landmark {old!r}; it has {', '.join(table.names)}.")
        renames[old] = new
    images = {
        name: replace(entry, points={new: entry.points[old] for old, new in renames.items() if old in entry.points})
        for name, entry in table.images.items()
    }
    return PointsTable(tuple(renames.values()), images)


def _checked_frame(path: Path, table: Path) -> Frame:
    if not path.is_file():
        raise InputError(f"{table} names the image {path.name!r}, which is not in {path.parent}.")
    known_image_id(path)
    _, frame = read_image(path, "grey")  # decodes it all: a damaged image is refused here, not in training
    return frame


def _refuse_clashes(labels: dict[str, Landmarks], images: Path, target: Studies, overwrite: bool) -> None:
    for name in labels:
        copy = target.root / name
        label = target.label_path(known_image_id(copy))
        if copy.exists() and copy.read_bytes() != (images / name).read_bytes():
            raise InputError(f"{copy} exists and is another image: use a new studies folder.")
        if label.exists() and not overwrite:
            raise InputError(f"The label {label} exists: use --overwrite to replace it.")


def _warn_outside(name: str, landmarks: Landmarks) -> None:
    outside = landmarks.defined & ~landmarks.frame.contains(landmarks.points)
    if outside.any():
        which = ", ".join(n for n, out in zip(landmarks.names, outside, strict=True) if out)
        warnings.warn(f"{name}: outside the image: {which}; kept as stated.", stacklevel=2)


def _channels(path: Path) -> str:
    image, _ = read_image(path, "rgb")
    return "grey" if (image[0] == image[1]).all() and (image[0] == image[2]).all() else "rgb"
