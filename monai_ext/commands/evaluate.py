"""``monai-landmarks evaluate``: how far predictions lie from the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_ext.evaluation import (
    draw_ced,
    draw_worst_cases,
    evaluate_landmarks,
    landmark_table,
    overall_table,
    write_error_csv,
)
from monai_ext.evaluation.report import Pair
from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError
from monai_ext.landmarks.files import write_json_atomically
from monai_ext.landmarks.geometry import Unit
from monai_ext.landmarks.markups import read_markups
from monai_ext.landmarks.studies import Studies
from monai_ext.networks.device import find_device
from monai_ext.transforms.image_io import read_image

from .console import output, print_json, progress_bar
from .models import ModelOption, ModelsOption, locate_model
from .train import StudiesOption


def run(
    studies: StudiesOption,
    model: ModelOption,
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results.")] = Path("evaluation"),
    models: ModelsOption = None,
    split: Annotated[
        str, typer.Option(help="train, val or test as the studies state it; `model`: those it was validated on; `all`.")
    ] = "val",
    threshold: Annotated[
        list[float] | None,
        typer.Option(help="Of the success detection rate, in mm or px; repeatable. Default: 2, 4, 8."),
    ] = None,
    failure: Annotated[float, typer.Option(min=0, help="An image fails above this mean error.")] = 8.0,
    limit: Annotated[float, typer.Option(min=0, help="Upper end of the cumulative error curve and its area.")] = 16.0,
    unit: Annotated[str, typer.Option(help="auto (mm where all images are calibrated), mm or px.")] = "auto",
    worst: Annotated[int, typer.Option(min=0, max=100, help="Images on the worst-cases sheet.")] = 12,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare a model with the labels: tables, metrics.json, errors.csv, ced.png and worst_cases.png.

    Example: `monai-landmarks evaluate --studies sample_data/fundus --model fundus --split val`
    """
    predictor = Predictor.load(locate_model(model, models), find_device(device))
    study = Studies(studies)
    images = study.images()
    chosen = _chosen(study, split, predictor)
    pairs: list[Pair] = []
    with progress_bar() as bar:
        task = bar.add_task("Detecting", total=len(chosen), note="")
        for id in chosen:
            prediction = predictor.predict(images[id])
            truth = read_markups(study.label_path(id), prediction.frame, predictor.protocol.landmark_names)
            pairs.append((id, truth, prediction))
            bar.advance(task)
    evaluation = evaluate_landmarks(pairs, tuple(threshold or (2.0, 4.0, 8.0)), failure, limit, unit=_unit(unit))
    out.mkdir(parents=True, exist_ok=True)
    write_json_atomically(
        out / "metrics.json",
        {"protocol": predictor.protocol.name, "model_version": predictor.version, "split": split}
        | evaluation.to_dict(),
    )
    write_error_csv(out / "errors.csv", pairs, evaluation)
    written = ["metrics.json", "errors.csv"]
    if evaluation.images_measured:
        draw_ced({f"{predictor.protocol.name} {predictor.version}": evaluation}, out / "ced.png")
        written.append("ced.png")
    if evaluation.images_measured and worst:
        draw_worst_cases(
            evaluation,
            pairs,
            lambda id: read_image(images[id], predictor.protocol.channels)[0],
            out / "worst_cases.png",
            worst,
            colors=[item.color for item in predictor.protocol.landmarks],
        )
        written.append("worst_cases.png")
    if as_json:
        print_json(evaluation.to_dict())
        return
    title = f"{predictor.protocol.title}, model {predictor.version}, {len(chosen)} images ({split})"
    output.print(overall_table(evaluation, title))
    output.print(landmark_table(evaluation))
    output.print(f"Written to {out}: {', '.join(written)}", soft_wrap=True, highlight=False)


def _chosen(study: Studies, split: str, predictor: Predictor) -> list[str]:
    """The labelled images of a split.

    Raises:
        InputError: an unknown split, or one without a labelled image.
    """
    splits = study.splits()
    if split == "all":
        chosen = study.labelled()
    elif split == "model":
        chosen = [id for id in study.labelled() if id in predictor.card.val_images]
    elif split in ("train", "val", "test"):
        chosen = [id for id in study.labelled() if splits.get(id) == split]
    else:
        raise InputError(f"--split is train, val, test, model or all, not {split!r}.")
    if not chosen:
        raise InputError(
            f"{study.root} has no labelled image of the split {split!r}; label some, or choose another with --split."
        )
    return chosen


def _unit(unit: str) -> Unit | None:
    units: dict[str, Unit | None] = {"px": "px", "mm": "mm", "auto": None}
    if unit not in units:
        raise InputError(f"--unit is auto, mm or px, not {unit!r}.")
    return units[unit]
