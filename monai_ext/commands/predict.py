"""``monai-landmarks predict``: landmarks for image files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from monai_ext.evaluation.overlay import draw_overlay
from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError, Landmarks
from monai_ext.landmarks.answer import prediction_document
from monai_ext.landmarks.markups import write_markups
from monai_ext.landmarks.studies import Studies, image_id
from monai_ext.landmarks.tables import PointsTable, write_points_table
from monai_ext.transforms.image_io import read_image

from .console import output, print_json, progress_bar
from .models import ModelOption, ModelsOption, locate_model


def run(
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of images.")],
    model: ModelOption,
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results.")] = Path("predictions"),
    models: ModelsOption = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    overlays: Annotated[bool, typer.Option(help="Draw each image with its points.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the predictions as JSON.")] = False,
) -> None:
    """Detect the landmarks of images: Slicer markups (ID.mrk.json), one CSV, and an overlay picture each.

    Example: `monai-landmarks predict sample_data/fundus --model fundus --output predictions`
    """
    files = _image_files(images)
    predictor = Predictor.load(locate_model(model, models), device)
    out.mkdir(parents=True, exist_ok=True)
    colors = {item.name: item.color for item in predictor.protocol.landmarks}
    found: dict[str, Landmarks] = {}
    answers: list[dict[str, Any]] = []
    with progress_bar() as bar:
        for id, path in bar.track(files.items(), total=len(files), description="Detecting"):
            landmarks = predictor.predict(path)
            found[id] = landmarks
            write_markups(out / f"{id}.mrk.json", landmarks)
            if overlays:
                image, _ = read_image(path, predictor.protocol.channels)
                draw_overlay(image, landmarks, out / f"{id}.png", colors=colors)
            answers.append(
                prediction_document(predictor.protocol, landmarks, image=id, model_version=predictor.version)
            )
    write_points_table(out / "landmarks.csv", PointsTable.from_landmarks(found))
    if as_json:
        print_json(answers)
    else:
        output.print(f"{len(files)} images: results in {out}", soft_wrap=True, highlight=False)


def _image_files(paths: list[Path]) -> dict[str, Path]:
    """Image files by ID, from files and folders.

    Raises:
        InputError: a path does not exist, a folder holds no image, two files share an ID.
    """
    files: dict[str, Path] = {}
    for path in paths:
        if path.is_dir():
            inside = Studies(path).images()
            if not inside:
                raise InputError(f"The folder {path} holds no image.")
        elif path.is_file():
            inside = {image_id(path): path}
        else:
            raise InputError(f"The image {path} does not exist.")
        for id, file in inside.items():
            if id in files:
                raise InputError(f"{files[id]} and {file} would both be written as {id!r}: rename one.")
            files[id] = file
    return files
