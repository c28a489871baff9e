"""``monai-landmarks model-card``: what a model is for, what it was made from, and how wrong it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from monai_ext import evaluation, reports
from monai_ext.landmarks import InputError, write_atomically
from monai_ext.models import ModelCard, check_weights, read_calibration, read_training_record

from .console import note, print_json, tell
from .options import JsonOption, ModelsOption, locate_model

#: Side of the pictures in pixels: the card travels with the model.
TILE = 240
DOCUMENT, PAGE, PICTURES = "model_card.json", "MODEL_CARD.md", "model_card_files"


def run(
    model: Annotated[str, typer.Argument(help="A model folder (holds card.json), or the name of a protocol.")],
    evaluated: Annotated[
        list[Path] | None,
        typer.Option("--evaluation", "-e", help="metrics.json of this model, or its folder; repeatable."),
    ] = None,
    cross_validation: Annotated[
        Path | None, typer.Option(help="cross_validation.json of the model's protocol, or its folder.")
    ] = None,
    about: Annotated[
        Path | None,
        typer.Option(help="YAML file with what only the authors know. Default: about.yaml in the model folder."),
    ] = None,
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the card.")] = Path("model_card"),
    studies: Annotated[
        Path | None, typer.Option("--studies", "-s", help="Folder of the images if it has moved since the evaluation.")
    ] = None,
    worst: Annotated[int, typer.Option(min=0, max=20, help="Number of worst images to draw for each evaluation.")] = 3,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the card of a model: model_card.json and MODEL_CARD.md.

    Facts that about.yaml does not give appear as "not stated"; errors come from evaluations of these weights.

    Example: `monai-landmarks model-card fundus --evaluation evaluation --output card`
    """
    folder = locate_model(model, models)
    card = check_weights(folder)
    said = _about(folder, about)
    sources = reports.find_sources(evaluated or [])
    wrong = next((source for source in sources if source.kind is not reports.Kind.EVALUATION), None)
    if wrong is not None:
        raise InputError(f"{wrong.path} holds {wrong.kind.value}: --evaluation takes what `evaluate` wrote.")
    pictures = reports.PictureFolder(out / PICTURES)
    evaluations = [
        _measured(item, card, pictures, f"evaluation{number}_", worst)
        for number, item in enumerate(reports.read_evaluated(sources, studies), start=1)
    ]
    calibration = read_calibration(folder, card.version, card.protocol.landmark_names, card.sha256)
    record = read_training_record(folder, card.version)
    folds = None if cross_validation is None else reports.read_cross_validated(cross_validation, card)
    facts = reports.model_facts(card, said, evaluations, calibration, record, folds)
    write_atomically(out / DOCUMENT, facts.model_dump_json(indent=2) + "\n")
    text = reports.model_card_markdown(facts)
    write_atomically(out / PAGE, text)
    if as_json:
        print_json(facts.model_dump(mode="json"))
        return
    tell(f"Written to {out}: {DOCUMENT}, {PAGE}")
    missing = text.lower().count(reports.NOT_STATED)
    if missing:
        note(
            f"{reports.NOT_STATED.capitalize()} in the card: {missing} of its facts; write them into "
            f"{folder / reports.ABOUT} or give --about and --evaluation."
        )


def _about(folder: Path, path: Path | None) -> reports.About:
    if path is not None:
        return reports.read_about(path)
    own = folder / reports.ABOUT
    return reports.read_about(own) if own.is_file() else reports.About()


def _measured(
    model: reports.EvaluatedModel, card: ModelCard, pictures: reports.PictureFolder, prefix: str, worst: int
) -> reports.MeasuredError:
    reports.measured_error(model, card)  # refuses another model before its images are drawn
    return reports.measured_error(model, card, _worst(model, pictures, prefix, worst))


def _worst(
    model: reports.EvaluatedModel, pictures: reports.PictureFolder, prefix: str, count: int
) -> Sequence[reports.WorstCase]:
    cases = []
    for rank, row in enumerate(evaluation.worst_images(model.evaluation, count), start=1):
        name = f"{prefix}worst{rank}.png"
        figure = reports.case_figure(model, row, pictures, name, row.image, tile=TILE)
        if figure.png is None:
            note(figure.caption)
        picture = None if figure.png is None else f"{PICTURES}/{name}"
        cases.append(reports.WorstCase(image=row.image, error=evaluation.finite(row.error), picture=picture))
    return cases
