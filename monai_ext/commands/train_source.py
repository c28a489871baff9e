"""``monai-landmarks train-source``: from images with classes to the classifier that a detector learns from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from monai_ext import engines
from monai_ext.landmarks import InputError

from .console import Meter, print_json, tell
from .options import Fields, JsonOption, OverwriteOption, with_settings


@with_settings
def run(
    images: Annotated[Path, typer.Argument(help="Folder with one folder of images per class, or with --classes any.")],
    file: Annotated[Path, typer.Option("--output", "-o", help="The .safetensors file to write.")],
    options: Annotated[
        engines.SourceOptions,
        Fields(
            "architecture",
            "input_size",
            "max_epochs",
            "batch_size",
            "learning_rate",
            "flip",
            "val_fraction",
            "seed",
            "device",
            num_workers="--workers",
        ),
    ],
    classes: Annotated[
        Path | None, typer.Option(help="CSV table image,class[,split]; images are relative to the folder.")
    ] = None,
    data: Annotated[str, typer.Option(help="A sentence for the file: what the images are.")] = "",
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train the classifier that cross-task distillation starts from, where none can be had.

    Its classes are of a task near to the landmarks: persons, views, modalities. The file is written once, at the end;
    Ctrl-C leaves nothing. The accuracy is that of images that it has not seen.

    Example: `monai-landmarks train-source faces --output sources/people.safetensors --input-size 128`
    """
    if file.exists() and not overwrite:
        raise InputError(f"The file {file} exists: use --overwrite to replace it, or name another.")
    if not images.is_dir():
        raise InputError(f"The image folder {images} does not exist: give a folder with one folder per class.")
    found = engines.read_class_table(classes, images) if classes else engines.read_class_folders(images)
    epochs = options.max_epochs
    with Meter(f"Training {options.architecture}", epochs) as meter:

        def show(progress: dict[str, Any]) -> None:
            if progress["epoch"] == 0:
                return
            shown = f"loss {progress['loss']:.3f}, top-1 {100 * progress['accuracy']:.1f} %"
            meter.update(progress["epoch"], note=shown, line=f"epoch {progress['epoch']}/{epochs}: {shown}")

        result = engines.train_source(found, file, options, on_progress=show, data=data)
    if as_json:
        print_json({**asdict(result), "file": str(result.file)})
        return
    tell(
        f"{result.file}: {result.classes} classes, learned from {result.train_images} images; "
        f"top-1 {100 * result.accuracy:.1f} % of {result.val_images} held-out images."
    )
