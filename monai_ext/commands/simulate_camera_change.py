"""``monai-landmarks simulate-camera-change``: labelled images as other cameras might have taken them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from monai_ext import engines, evaluation
from monai_ext.images import read_frame, read_image
from monai_ext.landmarks import (
    InputError,
    Landmarks,
    Protocol,
    find_protocol,
    write_atomically,
    write_json_atomically,
    write_markups,
)
from monai_ext.studies import Studies

from .console import Meter, note, tell
from .options import ProtocolOption

#: What was drawn for each image.
RECORD = "camera_change.json"


def run(
    studies: Annotated[Path, typer.Argument(help="Folder of labelled images.")],
    protocol: ProtocolOption,
    out: Annotated[Path, typer.Option("--output", "-o", help="New studies folder.")],
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives another set.")] = 0,
) -> None:
    """Make a test set that differs from the training camera: a new studies folder with the labels moved along.

    Field of view, border, size, side, colour, tone, light, focus, grain and compression of each image depend on its ID
    and the seed alone. Training never draws them in this form; do not train on the new folder.

    Example: `monai-landmarks simulate-camera-change studies --protocol fundus --output other_camera`
    """
    task, source, target = find_protocol(protocol), Studies(studies), Studies(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} exists and is not empty: name a new folder.")
    labels = engines.read_labels(engines.labelled_images(source), task)
    if not labels:
        raise InputError(f"{source.root} has no labelled image: label some, or name another folder.")
    images, records = source.images(), {}
    with Meter("Changing", len(labels)) as meter:
        for name, label in labels.items():
            changed = _changed(images[name], label, task, name, seed)
            path = out / f"{name}.jpg"
            write_atomically(path, changed.jpeg())
            landmarks = changed.landmarks(task.landmark_names, read_frame(path))
            write_markups(target.label_path(name), landmarks)
            records[name] = changed.record
            meter.advance()
    splits, subjects = source.splits(), source.subjects()
    if splits:
        target.write_splits({name: splits[name] for name in labels if name in splits})
    if subjects:
        target.write_subjects({name: subjects[name] for name in labels if name in subjects})
    document: dict[str, Any] = {"source": str(studies), "seed": seed, "images": records}
    write_json_atomically(out / RECORD, document)
    tell(f"Written to {out}: {len(labels)} images with labels, {RECORD}")
    if any(label.frame.spacing is not None for label in labels.values()):
        note("Pixel sizes are not taken along: lengths and errors on the copies are in pixels.")


def _changed(path: Path, label: Landmarks, protocol: Protocol, name: str, seed: int) -> evaluation.ChangedImage:
    """One image, after a look that its values are those of a photograph.

    Raises:
        InputError: the image cannot be read, or has values beyond 8 bits.
    """
    array, _ = read_image(path, protocol.channels)
    lowest, highest = float(np.min(array)), float(np.max(array))
    if lowest < 0 or highest > 255:
        raise InputError(
            f"{path} has values from {lowest:g} to {highest:g}: a camera is simulated for 8-bit images, 0 to 255."
        )
    import torch

    return evaluation.change_camera(torch.from_numpy(array), label, protocol.swap, name, seed)
