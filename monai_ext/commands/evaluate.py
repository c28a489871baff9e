"""``monai-landmarks evaluate``: how far predictions lie from the truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer

from monai_ext import engines, evaluation, inferers, networks
from monai_ext.images import read_image
from monai_ext.landmarks import Decoder, InputError, Protocol, check_writable, write_json_atomically
from monai_ext.studies import Studies

from .console import Meter, command_line, now, output, print_json, say, tell
from .options import (
    DeviceOption,
    FailureOption,
    JsonOption,
    LimitOption,
    ModelOption,
    ModelsOption,
    NormalizedLimitOption,
    NormalizeOption,
    StudiesOption,
    SuccessOption,
    UnitOption,
    between,
    distances,
    known_unit,
    locate_model,
)


def run(
    studies: StudiesOption,
    model: ModelOption,
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results.")] = Path("evaluation"),
    models: ModelsOption = None,
    split: Annotated[
        Literal["train", "val", "test", "model", "all"],
        typer.Option(
            help="train, val or test: a split of the studies; `model`: the model's own validation images; `all`."
        ),
    ] = "val",
    sdr: SuccessOption = None,
    failure: FailureOption = None,
    limit: LimitOption = None,
    unit: UnitOption = "auto",
    normalize_by: NormalizeOption = None,
    share_limit: NormalizedLimitOption = 10.0,
    decoder: Annotated[
        str | None,
        typer.Option(
            help="Further decoders to compare with the protocol's own, separated by commas, e.g. argmax,dark."
        ),
    ] = None,
    worst: Annotated[int, typer.Option(min=0, max=100, help="Number of images in worst_cases.png.")] = 12,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Measure the error of a model on labelled images: tables, metrics.json, errors.csv, ced.png, worst_cases.png.

    Example: `monai-landmarks evaluate --studies sample_data/fundus --model fundus --split val`
    """
    study, folder = Studies(studies), locate_model(model, models)
    study.images()  # refuses a folder that is not there before anything heavy is loaded
    predictor = inferers.Predictor.load(folder, networks.find_device(device))
    protocol = predictor.protocol
    decoders = _decoders(decoder, protocol)
    chosen = _chosen(study, split, predictor)
    learned = engines.learned_images(study, chosen, folder, predictor.card)
    if learned.sentence:
        say("Warning", "yellow", learned.sentence)
    labels = engines.read_labels((one for one in engines.labelled_images(study) if one.id in chosen), protocol)
    limits = evaluation.fitting_limits(
        labels, known_unit(unit), thresholds=distances(sdr), failure=failure, limit=limit
    )
    measures = evaluation.Measures(*limits, known_unit(unit), between(normalize_by, protocol), share_limit)
    check_writable(out)
    with Meter("Detecting", len(chosen)) as meter:
        readings = evaluation.evaluate_model(predictor, study, chosen, measures, decoders, meter.advance)
    reading = readings[decoders[0]]
    document = reading.to_dict()
    if len(readings) > 1:
        document["decoders"] = {name: other.to_dict() for name, other in readings.items()}
    points = evaluation.record_points(reading.pairs, study.images(), protocol).model_dump(mode="json")
    failures = _failures(reading, study, protocol)
    about = _about(predictor, study, split)
    document["failures"] = failures.model_dump(mode="json")
    document["images_that_trained_the_model"] = learned.count
    document["warnings"] += [learned.sentence] if learned.sentence else []
    write_json_atomically(out / "metrics.json", about | document | {"points": points})
    evaluation.write_error_csv(out / "errors.csv", reading.pairs, reading.evaluation, failures.factors)
    written = ["metrics.json", "errors.csv", *_pictures(out, predictor, study, readings, worst)]
    if as_json:
        print_json(document)
        return
    title = f"{protocol.title}, model {predictor.version}, {len(chosen)} images ({split})"
    output.print(evaluation.overall_table(reading.evaluation, title, reading.normalized))
    output.print(evaluation.landmark_table(reading.evaluation))
    if len(readings) > 1:
        output.print(_decoder_table(readings))
    tell(f"Written to {out}: {', '.join(written)}")


def _failures(reading: evaluation.Reading, study: Studies, protocol: Protocol) -> evaluation.FailureCauses:
    """Factors of the images, and those with which errors are larger."""
    pairs, images, result = evaluation.aligned_pairs(reading.pairs), study.images(), reading.evaluation
    ids, truths, answers = zip(*pairs, strict=True)
    files = [images[id] for id in ids]
    factors = evaluation.measure_factors(truths, answers, files, lit_field=protocol.network.field_of_view)
    errors = [row.errors for row in result.images]
    return evaluation.find_causes(errors, result.names, factors, result.failure_threshold, result.subjects)


def _about(predictor: inferers.Predictor, study: Studies, split: str) -> dict[str, Any]:
    """Provenance of the evaluation: model, split, command, date, machine and versions."""
    return {
        "protocol": predictor.protocol.name,
        "title": predictor.protocol.title,
        "model_version": predictor.version,
        "model_sha256": predictor.card.sha256,
        "split": split,
        "studies": study.root.as_posix(),
        "command": command_line(),
        "date": now(),
        "machine": networks.machine(predictor.device),
        "versions": networks.versions(),
    }


def _pictures(
    out: Path, predictor: inferers.Predictor, study: Studies, readings: Mapping[Decoder, evaluation.Reading], worst: int
) -> list[str]:
    """Writes the plot of the errors and the sheet of the worst cases; their names."""
    protocol, reading = predictor.protocol, next(iter(readings.values()))
    if not reading.evaluation.images_measured:
        return []
    model = f"{protocol.name} {predictor.version}"
    lines = {f"{model}, {name}" if len(readings) > 1 else model: r.evaluation for name, r in readings.items()}
    evaluation.draw_ced(lines, out / "ced.png")
    if not worst:
        return ["ced.png"]
    images = study.images()
    evaluation.draw_worst_cases(
        reading.evaluation,
        reading.pairs,
        lambda id: read_image(images[id], protocol.channels)[0],
        out / "worst_cases.png",
        worst,
        colors=[item.color for item in protocol.landmarks],
    )
    return ["ced.png", "worst_cases.png"]


def _decoder_table(readings: Mapping[Decoder, evaluation.Reading]) -> evaluation.Table:
    """The decoders side by side."""
    return evaluation.comparison_table(
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


def _chosen(study: Studies, split: str, predictor: inferers.Predictor) -> list[str]:
    """The labelled images of a split.

    Raises:
        InputError: there is none.
    """
    splits, chosen = study.splits(), study.labelled()
    if split == "model":
        chosen = [id for id in chosen if id in predictor.card.val_images]
    elif split != "all":
        chosen = [id for id in chosen if splits.get(id) == split]
    if not chosen:
        raise InputError(
            f"{study.root} has no labelled image of the split {split!r}; label some, or choose another with --split "
            "(`--split model`: the images that the model was validated on)."
        )
    return chosen
