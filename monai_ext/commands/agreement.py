"""``monai-landmarks agreement``: how far two readers lie apart, beside a network against each of them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from monai_ext import engines, evaluation, inferers
from monai_ext.landmarks import InputError, Landmarks, Protocol, Unit, find_protocol, write_json_atomically
from monai_ext.studies import ReadImage, Studies, read_readings

from .console import Meter, command_line, now, output, print_json, say, tell
from .options import (
    DeviceOption,
    JsonOption,
    ModelsOption,
    ProtocolOption,
    UnitOption,
    known_unit,
    load_predictor,
    locate_model,
)
from .predict import answer_or_problem

#: Disagreements that are named on the terminal.
NAMED = 10


def run(
    studies: Annotated[Path, typer.Argument(help="Folder of images that two readers have labelled.")],
    protocol: ProtocolOption,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", help="A model to compare with the readers. Default: the proposals recorded in the labels."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results.")] = Path("agreement"),
    models: ModelsOption = None,
    unit: UnitOption = "auto",
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Measure the distances between two readers of the same images: agreement.json, distances.csv, agreement.png.

    Only images count that both have labelled. A network that lies no farther from the readers than they from each
    other does as well as the data can tell. Images that cannot be read are left out and named: the exit code is 1 then.

    Example: `monai-landmarks agreement studies --protocol cephalometric --model cephalometric`
    """
    task, study, wanted = find_protocol(protocol), Studies(studies), known_unit(unit)
    problems: list[str] = []
    images = read_readings(study, task, problems)
    if not images:
        if problems:
            raise InputError(f"None of the {len(problems)} images could be read: {'; '.join(problems)}.")
        raise InputError(
            f"{study.root} has no image with labels of two readers for {task.name}: start the server with "
            "`--conf readers 2`, or import each reader's table with --annotator."
        )
    folder = None if model is None else locate_model(model, models)
    predictor = None if folder is None else load_predictor(task, folder, device)
    comparisons = evaluation.compare_readers(images, wanted)
    document: dict[str, Any] = {"protocol": task.name}
    if folder is None or predictor is None:
        comparisons += _noted(images, task, wanted)
    else:
        learned = engines.learned_images(study, [read.image for read in images], folder, predictor.card)
        document["images_that_trained_the_model"] = learned.count
        if learned.sentence:
            say("Warning", "yellow", learned.sentence)
        comparisons += _network(images, study, comparisons[0].unit, predictor, problems)
    document |= evaluation.agreement_document(images, comparisons)
    about = {
        "studies": study.root.as_posix(),
        "command": command_line(),
        "date": now(),
    }
    out.mkdir(parents=True, exist_ok=True)
    write_json_atomically(out / "agreement.json", {**about, **document})
    evaluation.write_distances(out / "distances.csv", comparisons)
    written = ["agreement.json", "distances.csv", *_picture(comparisons, out)]
    if as_json:
        print_json(document)
    else:
        _show(task, comparisons, document["disagreements"])
        tell(f"Written to {out}: {', '.join(written)}")
    if problems:
        many = "1 image was" if len(problems) == 1 else f"{len(problems)} images were"
        say("Warning", "yellow", f"{many} not looked at: {'; '.join(problems)}.")
        raise typer.Exit(1)


def _show(
    task: Protocol, comparisons: Sequence[evaluation.Comparison], disagreements: Sequence[dict[str, list[str] | str]]
) -> None:
    for item in comparisons:
        output.print(evaluation.agreement_table(item, f"{task.title}: {item.title}, {len(item.images)} images"))
    for sentence in _disagreements(disagreements):
        tell(sentence)


def _noted(images: Sequence[ReadImage], task: Protocol, unit: Unit | None) -> list[evaluation.Comparison]:
    """What the server noted of the proposals that the readers were shown, against them."""
    noted, others = evaluation.compare_noted(images, task.landmark_names, unit)
    if others:
        warnings.warn(f"{others} labels note how far points were moved in another unit: left out.", stacklevel=2)
    return noted


def _network(
    images: Sequence[ReadImage], study: Studies, unit: Unit, predictor: inferers.Predictor, problems: list[str]
) -> list[evaluation.Comparison]:
    """A model against the readers, on the images that it can look at."""
    paths, found = study.images(), dict[str, Landmarks]()
    with Meter("Detecting", len(images)) as meter:
        for read in images:
            answer = answer_or_problem(predictor, paths[read.image], problems)
            if answer is not None:
                found[read.image] = answer.landmarks
            meter.advance()
    seen = [read for read in images if read.image in found]
    return evaluation.compare_predictions(seen, f"network {predictor.version}", found, unit) if seen else []


def _picture(comparisons: Sequence[evaluation.Comparison], out: Path) -> list[str]:
    if all(not row.points for item in comparisons for row in item.rows()):
        return []
    evaluation.draw_distances(comparisons, out / "agreement.png")
    return ["agreement.png"]


def _disagreements(found: Sequence[dict[str, list[str] | str]]) -> list[str]:
    """Landmarks that one reader placed and the other marked as missing."""
    if not found:
        return []
    lines = [f"Placed by one reader and missing for the other: {len(found)}; these points do not train:"]
    lines += [
        f"  {item['image']} {item['landmark']}: placed by {', '.join(item['placed_by'])}, missing for "
        f"{', '.join(item['missing_for'])}"
        for item in found[:NAMED]
    ]
    return [*lines, f"  and {len(found) - NAMED} more: see agreement.json"] if len(found) > NAMED else lines
