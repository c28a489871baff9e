"""``monai-landmarks predict``: landmarks for image files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from monai_ext.evaluation.overlay import draw_overlay
from monai_ext.images import read_image
from monai_ext.inferers import Predictor
from monai_ext.landmarks import Landmarks
from monai_ext.landmarks.answer import prediction_document
from monai_ext.landmarks.files import write_json_atomically
from monai_ext.landmarks.markups import write_markups
from monai_ext.landmarks.tables import PointsTable, write_points_table
from monai_ext.networks import find_device

from .console import output, print_json
from .images import image_files
from .meter import Meter
from .models import ModelOption, ModelsOption, locate_model
from .pixel_sizes import stated_pixel_sizes


def run(
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of images.")],
    model: ModelOption,
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results.")] = Path("predictions"),
    models: ModelsOption = None,
    mm_per_px: Annotated[
        str | None,
        typer.Option(
            help="Millimetres per pixel of images that do not state them: one number, or two as 0.1,0.2 (x,y)."
        ),
    ] = None,
    overrule: Annotated[
        bool, typer.Option("--overrule", help="--mm-per-px counts for images that state a pixel size too.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    overlays: Annotated[bool, typer.Option(help="Draw each image with its points.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the predictions as JSON.")] = False,
) -> None:
    """Detect the landmarks of images: Slicer markups (ID.mrk.json), tables of them all, and an overlay picture each.

    answers.json has all that is known of each landmark, also the radius that holds it with a stated probability, where
    the model is calibrated; lengths are in mm where the image states the size of a pixel, a person stated it
    (calibration.json beside the image), or --mm-per-px does. The picture shows the radius as a dashed circle.

    Example: `monai-landmarks predict sample_data/fundus --model fundus --output predictions`
    """
    files = image_files(images)
    sizes = stated_pixel_sizes(mm_per_px, files, overrule=overrule)
    predictor = Predictor.load(locate_model(model, models), find_device(device))
    out.mkdir(parents=True, exist_ok=True)
    colors = [item.color for item in predictor.protocol.landmarks]
    found: dict[str, Landmarks] = {}
    answers: list[dict[str, Any]] = []
    with Meter("Detecting", len(files)) as meter:
        for id, path in files.items():
            answer = predictor.predict_stages(path, size=sizes.get(id))
            landmarks = answer.landmarks
            found[id] = landmarks
            write_markups(out / f"{id}.mrk.json", landmarks)
            if overlays:
                image, _ = read_image(path, predictor.protocol.channels)
                draw_overlay(image, landmarks, out / f"{id}.png", colors=colors, radius=answer.radius)
            answers.append(
                prediction_document(
                    predictor.protocol,
                    landmarks,
                    image=id,
                    model_version=predictor.version,
                    radius=answer.radius,
                    coverage=answer.coverage,
                    coarse=answer.coarse,
                    uncertainty=answer.uncertainty.to_dict(landmarks.names),
                )
            )
            meter.advance()
    write_points_table(out / "landmarks.csv", PointsTable.from_landmarks(found))
    write_json_atomically(out / "answers.json", answers)
    if as_json:
        print_json(answers)
    else:
        output.print(f"{len(files)} images: results in {out}", soft_wrap=True, highlight=False)
