"""``monai-landmarks review``: which labels are worth a second look?"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from monai_ext import active, inferers
from monai_ext.active import FACTOR
from monai_ext.images import read_image
from monai_ext.landmarks import InputError, ModelError, Protocol, find_protocol, shipped_dir
from monai_ext.models import find_model
from monai_ext.studies import Studies

from .console import Meter, note, output, print_json, tell
from .options import (
    DeviceOption,
    JsonOption,
    ModelsOption,
    ProtocolOption,
    default_models_dir,
    load_predictor,
    locate_model,
)


def run(
    studies: Annotated[Path, typer.Argument(help="Folder of images with labels/final/ID.mrk.json.")],
    protocol: ProtocolOption,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="A model folder. Default: the model of the protocol, if there is one."),
    ] = None,
    models: ModelsOption = None,
    factor: Annotated[
        float, typer.Option(help="Flag labels farther from the model's point than this many radii.")
    ] = FACTOR,
    pictures: Annotated[Path | None, typer.Option(help="Folder for pictures of the flagged labels.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="List confirmed labels too.")] = False,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """List implausible final labels, worst first: far from the model, left and right swapped, out of order.

    A flag means that a label differs from the model or from the other labels; the label may still be right. On images
    that the model was trained on, only gross errors are found.

    Example: `monai-landmarks review sample_data/fundus --protocol fundus --pictures review`
    """
    task = find_protocol(protocol)
    if not 0 < factor < float("inf"):
        raise InputError(f"--factor is a positive number, not {factor}.")
    study = Studies(studies)
    found = active.read_final_labels(study, task)
    if not found.labels:
        raise InputError(f"{study.root} has no final label of the protocol {task.name}; label some images first.")
    predictor = _predictor(task, model, models, device)
    evidence: dict[str, active.Evidence] = {}
    images = study.images()

    def look(image: str) -> active.Evidence | None:
        assert predictor is not None
        try:
            answer = predictor.predict_stages(images[image])
        except ModelError:
            raise
        except InputError as error:
            warnings.warn(f"The model has not looked at {image}: {error}", stacklevel=2)
            return None
        evidence[image] = active.Evidence(answer.landmarks, answer.radius)
        return evidence[image]

    with Meter("Reviewing", len(found.labels)) as meter:
        rows = active.review_labels(
            found.labels,
            task,
            None if predictor is None else look,
            factor=factor,
            on_image=meter.advance,
        )
    flagged = [row for row in rows if row.flags and (everything or row.image not in found.confirmed)]
    if pictures is not None:
        _draw(pictures, task, study, found, flagged, evidence)
    left_out = () if predictor is None else active.never_judged(evidence, task.landmark_names)
    document: dict[str, Any] = {
        "protocol": task.name,
        "model_version": None if predictor is None else predictor.version,
        "factor": factor,
        "labels": len(found.labels),
        "confirmed": len(found.confirmed),
        "distance_not_judged": list(task.landmark_names if predictor is None else left_out),
        "orders_judged": len(found.labels) >= active.FEWEST_LABELS,
        "flagged": [row.to_dict() for row in flagged],
    }
    if as_json:
        print_json(document)
        return
    about = "no model" if predictor is None else f"model {predictor.version}"
    if flagged:
        output.print(_table(flagged, f"{task.title}, {about}, {len(found.labels)} labels"))
    first, *rest = _sentences(found, flagged, predictor, left_out, everything)
    tell(first)
    for sentence in rest:
        note(sentence)


def _predictor(task: Protocol, model: str | None, models: Path | None, device: str) -> inferers.Predictor | None:
    """The model that a person named, else the protocol's own, else None.

    Raises:
        InputError: the named model does not exist, or a model is damaged or of other landmarks.
    """
    root = models or default_models_dir()
    folder = locate_model(model, models) if model else find_model(task.name, root, shipped_dir("pretrained"))
    if folder is None:
        return None
    return load_predictor(task, folder, device)


def _draw(
    folder: Path,
    task: Protocol,
    study: Studies,
    found: active.FinalLabels,
    rows: list[active.ReviewedLabel],
    evidence: dict[str, active.Evidence],
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    images = study.images()
    for number, row in enumerate(rows, start=1):
        try:
            pixels, _ = read_image(images[row.image], task.channels)
        except InputError as error:
            warnings.warn(f"There is no picture of {row.image}: {error}", stacklevel=2)
            continue
        active.draw_review(
            pixels,
            found.labels[row.image],
            evidence.get(row.image),
            row.flags,
            folder / f"{number:03}_{row.image}.png",
            colors=[item.color for item in task.landmarks],
        )


def _table(rows: list[active.ReviewedLabel], title: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("image", overflow="fold")
    table.add_column("flag", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("what", overflow="fold")
    for row in rows:
        for i, flag in enumerate(row.flags):
            name = row.image if i == 0 else ""
            table.add_row(name, flag.kind, f"{flag.size:.1f}", flag.sentence)
    return table


def _sentences(
    found: active.FinalLabels,
    flagged: list[active.ReviewedLabel],
    predictor: inferers.Predictor | None,
    left_out: tuple[str, ...],
    everything: bool,
) -> list[str]:
    """Sentences about the findings and the labels that could not be reviewed."""
    count = len(found.labels)
    sentences = [f"Worth a second look: {len(flagged)} of {count} labels." if flagged else "No label stands out."]
    if predictor is None:
        sentences.append("There is no model: how far labels lie from where it finds the points was not judged.")
    elif left_out:
        sentences.append(
            f"The model {predictor.version} has no calibrated radius for {', '.join(left_out)}: how far their labels "
            "lie from its points was not judged."
        )
    if count < active.FEWEST_LABELS:
        sentences.append(f"The order of landmarks was not checked: that requires {active.FEWEST_LABELS} labels.")
    if found.confirmed and not everything:
        sentences.append(f"Confirmed and left out: {len(found.confirmed)}; --all lists them too.")
    if found.others:
        sentences.append(f"Labels of other protocols: {found.others}.")
    return sentences
