"""``monai-landmarks evaluate``: how far predictions lie from the truth."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.table import Table

from monai_ext.evaluation import (
    comparison_table,
    draw_ced,
    draw_worst_cases,
    landmark_table,
    overall_table,
    write_error_csv,
)
from monai_ext.evaluation.model_evaluation import Measures, Reading, evaluate_model
from monai_ext.evaluation.recorded_points import record_points
from monai_ext.images import read_image
from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError, Protocol
from monai_ext.landmarks.files import write_json_atomically
from monai_ext.landmarks.network_config import Decoder
from monai_ext.networks import find_device, machine, versions
from monai_ext.studies import Studies

from .choices import unit_or_auto
from .console import output, print_json
from .meter import Meter
from .models import ModelOption, ModelsOption, locate_model
from .normalize_by import between
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
    normalize_by: Annotated[
        str | None,
        typer.Option(help="NAME1,NAME2: errors also in % of the true distance between these two landmarks."),
    ] = None,
    share_limit: Annotated[
        float,
        typer.Option("--normalized-limit", min=0, help="In %: an image fails above it, and the area goes up to it."),
    ] = 10.0,
    decoder: Annotated[
        str | None, typer.Option(help="Decoders to set beside the protocol's own, with commas, e.g. argmax,dark.")
    ] = None,
    worst: Annotated[int, typer.Option(min=0, max=100, help="Images on the worst-cases sheet.")] = 12,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare a model with the labels: tables, metrics.json, errors.csv, ced.png and worst_cases.png.

    Example: `monai-landmarks evaluate --studies sample_data/fundus --model fundus --split val`
    """
    predictor = Predictor.load(locate_model(model, models), find_device(device))
    protocol, study = predictor.protocol, Studies(studies)
    measures = Measures(
        tuple(threshold or (2.0, 4.0, 8.0)),
        failure,
        limit,
        unit_or_auto(unit),
        between(normalize_by, protocol),
        share_limit,
    )
    decoders = _decoders(decoder, protocol)
    chosen = _chosen(study, split, predictor)
    with Meter("Detecting", len(chosen)) as meter:
        readings = evaluate_model(predictor, study, chosen, measures, decoders, meter.advance)
    reading = readings[decoders[0]]
    document = reading.to_dict()
    if len(readings) > 1:
        document["decoders"] = {name: other.to_dict() for name, other in readings.items()}
    points = record_points(reading.pairs, study.images(), protocol).model_dump(mode="json")
    about = _about(predictor, study, split)
    out.mkdir(parents=True, exist_ok=True)
    write_json_atomically(out / "metrics.json", about | document | {"points": points})
    write_error_csv(out / "errors.csv", reading.pairs, reading.evaluation)
    written = ["metrics.json", "errors.csv", *_pictures(out, predictor, study, readings, worst)]
    if as_json:
        print_json(document)
        return
    title = f"{protocol.title}, model {predictor.version}, {len(chosen)} images ({split})"
    output.print(overall_table(reading.evaluation, title, reading.normalized))
    output.print(landmark_table(reading.evaluation))
    if len(readings) > 1:
        output.print(_decoder_table(readings))
    output.print(f"Written to {out}: {', '.join(written)}", soft_wrap=True, highlight=False)


def _about(predictor: Predictor, study: Studies, split: str) -> dict[str, Any]:
    """What was evaluated, by which command, when and on what machine."""
    return {
        "protocol": predictor.protocol.name,
        "title": predictor.protocol.title,
        "model_version": predictor.version,
        "model_sha256": predictor.card.sha256,
        "split": split,
        "studies": study.root.as_posix(),
        "command": shlex.join(["monai-landmarks", *sys.argv[1:]]),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(predictor.device),
        "versions": versions(),
    }


def _pictures(
    out: Path, predictor: Predictor, study: Studies, readings: Mapping[Decoder, Reading], worst: int
) -> list[str]:
    """Writes the plot of the errors and the sheet of the worst cases; their names."""
    protocol, reading = predictor.protocol, next(iter(readings.values()))
    if not reading.evaluation.images_measured:
        return []
    model = f"{protocol.name} {predictor.version}"
    lines = {f"{model}, {name}" if len(readings) > 1 else model: r.evaluation for name, r in readings.items()}
    draw_ced(lines, out / "ced.png")
    if not worst:
        return ["ced.png"]
    images = study.images()
    draw_worst_cases(
        reading.evaluation,
        reading.pairs,
        lambda id: read_image(images[id], protocol.channels)[0],
        out / "worst_cases.png",
        worst,
        colors=[item.color for item in protocol.landmarks],
    )
    return ["ced.png", "worst_cases.png"]


def _decoder_table(readings: Mapping[Decoder, Reading]) -> Table:
    """The decoders side by side."""
    return comparison_table(
        {name: reading.evaluation for name, reading in readings.items()},
        {name: reading.normalized for name, reading in readings.items() if reading.normalized},
        "Decoders of the same heatmaps",
        "Decoder",
    )


def _decoders(named: str | None, protocol: Protocol) -> tuple[Decoder, ...]:
    """The protocol's own decoder and then those that a person named.

    Raises:
        InputError: an unknown decoder.
    """
    own, known = protocol.network.decoder, {name: name for name in get_args(Decoder)}
    chosen: dict[Decoder, None] = {own: None}
    for name in (named or own).split(","):
        if name.strip() not in known:
            raise InputError(f"--decoder names decoders out of {', '.join(known)}, not {name.strip()!r}.")
        chosen[known[name.strip()]] = None
    return tuple(chosen)


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
