"""``monai-landmarks uncertainty``: does a model know where it is wrong?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from monai_ext.active.calibration import Calibration, write_calibration
from monai_ext.active.conformal import ConformalRadius, check_coverage, fewest_errors
from monai_ext.active.judgement import Judgement, common_unit, judge_images
from monai_ext.active.measure import Reduction
from monai_ext.active.measure_comparison import compare_measures, draw_risk_coverage, measure_table
from monai_ext.active.measures import available_measures, find_measure
from monai_ext.active.presence_threshold import PresenceThreshold
from monai_ext.active.reliability import draw_reliability, reliability, reliability_document
from monai_ext.engines import LabelledImage, labelled_images
from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError
from monai_ext.landmarks.files import write_json_atomically
from monai_ext.landmarks.geometry import Unit
from monai_ext.landmarks.protocol_file import shipped_dir
from monai_ext.landmarks.studies import Studies
from monai_ext.networks.device import find_device

from .console import errors, output, print_json, progress_bar
from .models import ModelsOption, locate_model
from .train import StudiesOption

#: Radii by uncertainty are proportional to this measure.
SCALED_BY = "map_radius"


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
    coverage: Annotated[float, typer.Option(help="Of the radii that are fitted.")] = 0.95,
    unit: Annotated[str, typer.Option(help="auto (mm where all images are calibrated), mm or px.")] = "auto",
    store: Annotated[
        bool, typer.Option("--store", help="Put the calibration beside the model too, which then answers with radii.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare measures of uncertainty with the true errors, and calibrate the model on images it has not learned from.

    Writes uncertainty.json, calibration.json, risk_coverage.png and reliability.png.

    Example: `monai-landmarks uncertainty --studies sample_data/fundus --model fundus --split val`
    """
    reduction, promised = _reduction(reduce), check_coverage(coverage)
    folders = [locate_model(name, models) for name in model]
    if store and shipped_dir("pretrained") in folders[0].resolve().parents:
        raise InputError(f"--store would change the shipped model {folders[0]}; copy it, or leave --store out.")
    predictors = [Predictor.load(folder, find_device(device)) for folder in folders]
    first = predictors[0]
    images = _chosen(Studies(studies), split)
    length = common_unit(images) if unit == "auto" else _unit(unit)
    can = available_measures(first.protocol, first.network, len(predictors))
    names = can if measures is None else tuple(dict.fromkeys(name.strip() for name in measures.split(",")))
    wanted = [find_measure(name, first.protocol, first.network, len(predictors), length) for name in names]
    with progress_bar() as bar:
        task = bar.add_task("Judging", total=len(images), note="")
        found = judge_images(predictors, images, wanted, length, on_image=lambda: bar.advance(task))
    rows = compare_measures(found, wanted, reduction)
    calibration = _calibration(found, first, promised)
    tables = {"one radius for all": reliability(found.errors)}
    if calibration.scaled_radius is not None:
        tables["radius by uncertainty"] = reliability(found.errors, found.values[SCALED_BY])
    document: dict[str, Any] = {
        "protocol": first.protocol.name,
        "model_version": first.version,
        "models": [str(folder) for folder in folders],
        "split": split,
        "images": len(images),
        "unit": length,
        "measures": [row.to_dict() for row in rows],
        "reliability": {name: reliability_document(table) for name, table in tables.items()},
    }
    write_json_atomically(out / "uncertainty.json", document)
    write_calibration(out, calibration)
    draw_risk_coverage(found, out / "risk_coverage.png")
    written = ["uncertainty.json", "calibration.json", "risk_coverage.png"]
    if any(row.observed is not None for table in tables.values() for row in table):
        draw_reliability(tables, out / "reliability.png")
        written.append("reliability.png")
    if store:
        write_calibration(folders[0], calibration)
    if as_json:
        print_json(document)
        return
    title = f"{first.protocol.title}, model {first.version}, {len(images)} images ({split})"
    output.print(measure_table(rows, length, title))
    _print_calibration(calibration)
    output.print(f"Written to {out}: {', '.join(written)}", soft_wrap=True, highlight=False)


def _calibration(found: Judgement, predictor: Predictor, coverage: float) -> Calibration:
    names = predictor.protocol.landmark_names
    scale = found.values.get(SCALED_BY)
    return Calibration(
        protocol=predictor.protocol.name,
        version=predictor.version,
        images=len(found.ids),
        radius=ConformalRadius.fit(found.errors, names, coverage=coverage, unit=found.unit),
        scaled_radius=None
        if scale is None
        else ConformalRadius.fit(
            found.errors, names, coverage=coverage, unit=found.unit, scale=scale, scaled_by=SCALED_BY
        ),
        presence=None if found.presence is None else PresenceThreshold.fit(found.presence, found.true_status, names),
    )


def _print_calibration(calibration: Calibration) -> None:
    radius = calibration.radius
    assert radius is not None
    parts = [
        f"{name} {'not calibrated' if q is None else f'{q:.2f} {radius.unit}'}"
        for name, q in zip(radius.landmarks, radius.quantiles, strict=True)
    ]
    output.print(f"Radius for {radius.coverage:.0%}: {', '.join(parts)}", soft_wrap=True, highlight=False)
    few = [name for name, q in zip(radius.landmarks, radius.quantiles, strict=True) if q is None]
    if few:
        errors.print(
            f"A coverage of {radius.coverage:.0%} takes {fewest_errors(radius.coverage)} labelled images of a landmark "
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


def _unit(unit: str) -> Unit:
    if unit not in ("px", "mm"):
        raise InputError(f"--unit is auto, mm or px, not {unit!r}.")
    return cast(Unit, unit)


def _reduction(name: str) -> Reduction:
    if name not in ("mean", "max"):
        raise InputError(f"--reduce is mean or max, not {name!r}.")
    return cast(Reduction, name)
