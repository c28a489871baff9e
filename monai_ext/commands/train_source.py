"""``monai-landmarks train-source``: from images with classes to the classifier that a detector learns from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from monai_ext.engines.source_images import read_class_folders, read_class_table
from monai_ext.engines.source_training import SourceOptions, train_source
from monai_ext.landmarks import InputError

from .console import output, print_json
from .meter import Meter


def run(
    images: Annotated[Path, typer.Argument(help="Folder with one folder of images per class, or with --classes any.")],
    file: Annotated[Path, typer.Option("--output", "-o", help="The .safetensors file to write.")],
    classes: Annotated[
        Path | None, typer.Option(help="CSV table image,class[,split]; images are relative to the folder.")
    ] = None,
    architecture: Annotated[str, typer.Option(help="An encoder, e.g. resnet50 or efficientnet-lite0.")] = "resnet18",
    input_size: Annotated[int, typer.Option(min=32, max=1024, help="Width and height of the input, pixels.")] = 224,
    max_epochs: Annotated[int, typer.Option(min=1)] = 60,
    batch_size: Annotated[int, typer.Option(min=2)] = 32,
    learning_rate: Annotated[float, typer.Option(min=1e-9, max=1)] = 1e-3,
    flip: Annotated[
        float, typer.Option(min=0, max=1, help="Probability of a left-right flip; 0 where classes tell sides.")
    ] = 0.5,
    val_fraction: Annotated[
        float, typer.Option(min=0.01, max=0.9, help="Of each class, held out where the table states no split.")
    ] = 0.2,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    workers: Annotated[int | None, typer.Option(min=0, help="Processes that load images.")] = None,
    data: Annotated[str, typer.Option(help="A sentence for the file: what the images are.")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file where it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train the classifier that cross-task distillation starts from, where none can be had.

    Its classes are of a task near to the landmarks: persons, views, modalities. The file is written once, at the end;
    Ctrl-C leaves nothing. The accuracy is that of images that it has not seen.

    Example: `monai-landmarks train-source faces --output sources/people.safetensors --input-size 128`
    """
    if file.exists() and not overwrite:
        raise InputError(f"The file {file} exists: use --overwrite to replace it, or name another.")
    found = read_class_table(classes, images) if classes else read_class_folders(images)
    options = SourceOptions(
        architecture=architecture,
        input_size=input_size,
        max_epochs=max_epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        flip=flip,
        val_fraction=val_fraction,
        seed=seed,
        device=device,
        num_workers=workers,
    )
    with Meter(f"Training {architecture}", max_epochs) as meter:

        def show(progress: dict[str, Any]) -> None:
            if progress["epoch"] == 0:
                return
            note = f"loss {progress['loss']:.3f}, top-1 {100 * progress['accuracy']:.1f} %"
            meter.update(progress["epoch"], note=note, line=f"epoch {progress['epoch']}/{max_epochs}: {note}")

        result = train_source(found, file, options, on_progress=show, data=data)
    if as_json:
        print_json({**asdict(result), "file": str(result.file)})
        return
    output.print(
        f"{result.file}: {result.classes} classes, learned from {result.train_images} images; "
        f"top-1 {100 * result.accuracy:.1f} % of {result.val_images} held-out images.",
        soft_wrap=True,
        highlight=False,
    )
