"""``monai-landmarks import``: a table of points and a folder of images become a MONAI Label studies folder."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Annotated

import typer

from monai_ext.landmarks import Frame, InputError, Landmarks, find_protocol
from monai_ext.landmarks.coco import read_coco_keypoints
from monai_ext.landmarks.markups import write_markups
from monai_ext.landmarks.new_protocol import write_new_protocol
from monai_ext.landmarks.studies import Studies, image_id
from monai_ext.landmarks.tables import PointsTable, read_points_table
from monai_ext.transforms.image_io import read_image

from .console import output, print_json, progress_bar


def run(
    table: Annotated[Path, typer.Argument(help="CSV (image,landmark,x,y[,width,height,split]) or COCO keypoints JSON.")],
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
        points = points.renamed(_renames(rename))
    names = find_protocol(protocol).landmark_names if protocol else points.landmark_names
    if new_protocol and new_protocol.exists():
        raise InputError(f"The protocol file {new_protocol} exists: name another one.")
    target = Studies(studies, create=True)
    with progress_bar() as bar:
        frames = {
            name: _checked_frame(images / name, points, name)
            for name in bar.track(points.images, description="Checking images")
        }
        labels = {name: points.landmarks(name, frame, names) for name, frame in frames.items()}
        _refuse_clashes(labels, images, target, overwrite)
        for name, landmarks in bar.track(labels.items(), total=len(labels), description="Writing"):
            _warn_outside(name, landmarks)
            copy = target.root / name
            if not copy.exists():
                shutil.copyfile(images / name, copy)
            write_markups(target.label_path(image_id(name)), landmarks)
    splits = {image_id(name): split for name, split in points.splits.items()}
    if splits:
        target.write_splits({**target.splits(), **splits})
    if new_protocol:
        channels = _channels(images / next(iter(frames)))
        write_new_protocol(new_protocol, names, channels, [frame.size for frame in frames.values()])
    if as_json:
        print_json({"studies": str(studies), "images": len(labels), "landmarks": list(names), "splits": len(splits)})
        return
    output.print(f"{len(labels)} images with {len(names)} landmarks in {studies}", soft_wrap=True, highlight=False)
    if new_protocol:
        output.print(f"Protocol {new_protocol}: describe each landmark, then train.", soft_wrap=True, highlight=False)


def _renames(pairs: list[str]) -> dict[str, str]:
    renames: dict[str, str] = {}
    for pair in pairs:
        old, _, new = pair.partition("=")
        if not old or not new:
            raise InputError(f"--rename needs OLD=NEW, not {pair!r}.")
        renames[old] = new
    return renames


def _checked_frame(path: Path, points: PointsTable, name: str) -> Frame:
    if not path.is_file():
        raise InputError(f"{points.where(name)}: there is no image {name!r} in {path.parent}.")
    _, frame = read_image(path, "grey")  # decodes it all: a damaged image is refused here, not in training
    declared = points.sizes.get(name)
    if declared is not None and declared != frame.size:
        raise InputError(
            f"{points.where(name)}: the table says that {name} is {declared[0]} x {declared[1]} pixels, "
            f"but it is {frame.width} x {frame.height}: correct the size or scale the points."
        )
    return frame


def _refuse_clashes(labels: dict[str, Landmarks], images: Path, target: Studies, overwrite: bool) -> None:
    for name in labels:
        copy, label = target.root / name, target.label_path(image_id(name))
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
