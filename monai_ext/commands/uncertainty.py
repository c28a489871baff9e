"""``monai-landmarks uncertainty``: does a model know where it is wrong?"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

import typer

from monai_ext.active.judgement import common_unit, judge_images
from monai_ext.active.measure_comparison import compare_measures, draw_risk_coverage, measure_table
from monai_ext.active.measures import available_measures, find_measure
from monai_ext.active.radius_coverage import coverage_table, radius_coverage, total_sentence
from monai_ext.active.reliability import ReliabilityRow, draw_reliability, reliability, reliability_document
from monai_ext.engines import LabelledImage, labelled_images
from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError
from monai_ext.landmarks.files import write_json_atomically
from monai_ext.landmarks.protocol_file import shipped_dir
from monai_ext.models import (
    COVERAGE,
    Calibration,
    Observed,
    check_coverage,
    fewest_errors,
    fit_calibration,
    folds_of,
    write_calibration,
)
from monai_ext.networks import find_device, versions
from monai_ext.studies import Studies

from .choices import reduction_of, unit_or_auto
from .console import errors, output, print_json
from .meter import Meter
from .models import ModelsOption, locate_model
from .train import StudiesOption


def run(
    studies: StudiesOption,
    model: Annotated[
        list[str],
        typer.Option(
            "--model", "-m", "--protocol", "-p", help="A model folder, or the name of a protocol; several: an ensemble."
        ),
    ],
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results.")] = Path("uncertainty"),
    models: ModelsOption = None,
    split: Annotated[str, typer.Option(help="train, val or test as the studies state it; `all`.")] = "val",
    measures: Annotated[
        str | None, typer.Option("--measures", help="With commas. Default: all that the model can have.")
    ] = None,
    reduce: Annotated[str, typer.Option(help="mean or max: how landmarks make the score of an image.")] = "mean",
    coverage: Annotated[float, typer.Option(help="Of the radii that are fitted.")] = COVERAGE,
    folds: Annotated[
        int, typer.Option(help="Parts of the images; each is judged by radii that are fitted to the others.")
    ] = 2,
    unit: Annotated[str, typer.Option(help="auto (mm where all images are calibrated), mm or px.")] = "auto",
    store: Annotated[
        bool, typer.Option("--store", help="Put the calibration beside the model too, which then answers with radii.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare measures of uncertainty with the true errors, and calibrate the model on images it has not learned from.

    Writes uncertainty.json, VERSION.calibration.json, risk_coverage.png and reliability.png.

    Example: `monai-landmarks uncertainty --studies sample_data/fundus --model fundus --split val`
    """
    reduction, promised = reduction_of(reduce), check_coverage(coverage)
    if folds < 2:
        raise InputError(
            f"--folds is 2 or more, as radii are judged on images that they were not fitted on, not {folds}."
        )
    folders = [locate_model(name, models) for name in model]
    if store and shipped_dir("pretrained") in folders[0].resolve().parents:
        raise InputError(f"--store would change the shipped model {folders[0]}; copy it, or leave --store out.")
    predictors = [Predictor.load(folder, find_device(device)) for folder in folders]
    first = predictors[0]
    images = _chosen(Studies(studies), split)
    length = unit_or_auto(unit) or common_unit(images)
    can = available_measures(first.protocol, first.network, len(predictors))
    names = can if measures is None else tuple(dict.fromkeys(name.strip() for name in measures.split(",")))
    wanted = [find_measure(name, first.protocol, first.network, len(predictors), length) for name in names]
    with Meter("Judging", len(images)) as meter:
        found = judge_images(predictors, images, wanted, length, on_image=meter.advance)
    chosen_by = len({image.id for image in images} & set(first.card.val_images))
    rows = compare_measures(found, wanted, reduction)
    calibration = fit_calibration(
        found.observed, protocol=first.protocol.name, version=first.version, coverage=promised
    )
    radii = radius_coverage(found.observed, promised, folds)
    tables = _reliability(found.observed, calibration, folds)
    document: dict[str, Any] = {
        "protocol": first.protocol.name,
        "command": shlex.join(["monai-landmarks", *sys.argv[1:]]),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": versions(),
        "model_version": first.version,
        "models": [str(folder) for folder in folders],
        "split": split,
        "images": len(images),
        "images_that_chose_the_model": chosen_by,
        "unit": length,
        "measures": [row.to_dict() for row in rows],
        "radii": radii.to_dict(),
        "reliability": {name: reliability_document(table) for name, table in tables.items()},
    }
    write_json_atomically(out / "uncertainty.json", document)
    written = ["uncertainty.json", write_calibration(out, calibration).name, "risk_coverage.png"]
    draw_risk_coverage(found, out / "risk_coverage.png")
    if any(row.observed is not None for table in tables.values() for row in table):
        draw_reliability(tables, out / "reliability.png")
        written.append("reliability.png")
    if store:
        write_calibration(folders[0], calibration)
    if as_json:
        print_json(document)
        return
    if chosen_by:
        errors.print(
            f"{chosen_by} of the {len(images)} images chose the weights of the model in training: on new ones radii of "
            f"{promised:.0%} hold somewhat less. Take images that training has not seen, e.g. with --split test.",
            soft_wrap=True,
            highlight=False,
        )
    title = f"{first.protocol.title}, model {first.version}, {len(images)} images ({split})"
    output.print(measure_table(rows, length, title))
    output.print(coverage_table(radii))
    output.print(total_sentence(radii), soft_wrap=True, highlight=False)
    _print_calibration(calibration)
    output.print(f"Written to {out}: {', '.join(written)}", soft_wrap=True, highlight=False)


def _reliability(observed: Observed, calibration: Calibration, folds: int) -> dict[str, list[ReliabilityRow]]:
    found = observed.errors(calibration.presence)
    part = folds_of(observed.ids, folds)
    tables = {"one radius for all": reliability(found, part=part)}
    scaled = calibration.scaled_radius
    if scaled is not None:
        tables["radius by uncertainty"] = reliability(found, observed.map_radius, smoothing=scaled.smoothing, part=part)
    return tables


def _print_calibration(calibration: Calibration) -> None:
    plain, radius = calibration.radius, calibration.answered
    assert plain is not None
    assert radius is not None
    parts = [
        f"{name} {'not calibrated' if q is None else f'{q:.2f} {plain.unit}'}"
        for name, q in zip(plain.landmarks, plain.quantiles, strict=True)
    ]
    output.print(f"Radius for {plain.coverage:.0%}: {', '.join(parts)}", soft_wrap=True, highlight=False)
    kind = (
        "one radius for all images" if radius.scaled_by is None else f"a radius by the uncertainty {radius.scaled_by}"
    )
    output.print(f"Answers hold {kind}.", soft_wrap=True, highlight=False)
    few = [name for name, q in zip(plain.landmarks, plain.quantiles, strict=True) if q is None]
    if few:
        errors.print(
            f"A coverage of {plain.coverage:.0%} takes {fewest_errors(plain.coverage)} labelled images of a landmark "
            f"or more: {', '.join(few)} have fewer.",
            soft_wrap=True,
            highlight=False,
        )
    presence = calibration.presence
    if presence is not None:
        fitted = [
            f"{name} {'not fitted' if t is None else f'{t:.2f}'}"
            for name, t in zip(presence.landmarks, presence.thresholds, strict=True)
        ]
        output.print(f"Threshold of presence: {', '.join(fitted)}", soft_wrap=True, highlight=False)


def _chosen(studies: Studies, split: str) -> Sequence[LabelledImage]:
    """The labelled images of a split.

    Raises:
        InputError: an unknown split, or one without a labelled image.
    """
    if split not in ("train", "val", "test", "all"):
        raise InputError(f"--split is train, val, test or all, not {split!r}.")
    chosen = [image for image in labelled_images(studies) if split in ("all", image.split)]
    if not chosen:
        raise InputError(
            f"{studies.root} has no labelled image of the split {split!r}; label some, or choose another with --split."
        )
    return chosen
