"""``monai-landmarks agreement``: how far two readers lie apart, beside a network against each of them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from monai_ext import evaluation, inferers
from monai_ext.landmarks import InputError, Landmarks, Protocol, Unit, find_protocol, write_json_atomically
from monai_ext.studies import ReadImage, Studies, read_readings

from .console import Meter, command_line, now, output, print_json, tell
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
    other does as well as the data can tell.

    Example: `monai-landmarks agreement studies --protocol cephalometric --model cephalometric`
    """
    task, study, wanted = find_protocol(protocol), Studies(studies), known_unit(unit)
    images = read_readings(study, task)
    if not images:
        raise InputError(
            f"{study.root} has no image with labels of two readers for {task.name}: start the server with "
            "`--conf readers 2`, or import each reader's table with --annotator."
        )
    predictor = None if model is None else load_predictor(task, locate_model(model, models), device)
    comparisons = evaluation.compare_readers(images, wanted)
    comparisons += _network(images, task, study, wanted, predictor)
    document = {"protocol": task.name, **evaluation.agreement_document(images, comparisons)}
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
        return
    for item in comparisons:
        output.print(evaluation.agreement_table(item, f"{task.title}: {item.title}, {len(item.images)} images"))
    for sentence in _disagreements(document["disagreements"]):
        tell(sentence)
    tell(f"Written to {out}: {', '.join(written)}")


def _network(
    images: Sequence[ReadImage], task: Protocol, study: Studies, unit: Unit | None, predictor: inferers.Predictor | None
) -> list[evaluation.Comparison]:
    """A model against the readers; without one, what the server noted of the proposals that they were shown."""
    if predictor is None:
        noted, others = evaluation.compare_noted(images, task.landmark_names, unit)
        if others:
            warnings.warn(f"{others} labels note how far points were moved in another unit: left out.", stacklevel=2)
        return noted
    paths, found = study.images(), dict[str, Landmarks]()
    with Meter("Detecting", len(images)) as meter:
        for read in images:
            found[read.image] = predictor.predict(paths[read.image])
            meter.advance()
    return evaluation.compare_predictions(images, f"network {predictor.version}", found, unit)


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
