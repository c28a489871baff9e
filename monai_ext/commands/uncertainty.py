"""``monai-landmarks uncertainty``: does a model know where it is wrong?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from monai_ext import active, engines, inferers, networks
from monai_ext.landmarks import InputError, check_writable, shipped_dir, write_json_atomically
from monai_ext.models import (
    COVERAGE,
    Calibration,
    ModelCard,
    Observed,
    check_coverage,
    fewest_errors,
    fit_calibration,
    folds_of,
    write_calibration,
)
from monai_ext.studies import Studies

from .console import Meter, command_line, note, now, output, print_json, tell
from .options import (
    DeviceOption,
    JsonOption,
    ModelsOption,
    ReduceOption,
    StudiesOption,
    locate_model,
)


def run(
    studies: StudiesOption,
    model: Annotated[
        list[str],
        typer.Option("--model", "-m", help="A model folder, or the name of a protocol; several: an ensemble."),
    ],
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results.")] = Path("uncertainty"),
    models: ModelsOption = None,
    split: Annotated[
        Literal["train", "val", "test", "model", "all"],
        typer.Option(
            help="train, val or test: a split of the studies; `model`: the model's own validation images; or `all`."
        ),
    ] = "val",
    measures: Annotated[
        str | None,
        typer.Option("--measures", help="Measures, separated by commas. Default: all that the model supports."),
    ] = None,
    reduce: ReduceOption = "mean",
    coverage: Annotated[float, typer.Option(help="Probability that a radius contains the true point.")] = COVERAGE,
    folds: Annotated[
        int, typer.Option(min=2, help="Number of folds; the radii of each fold are fitted to the other folds.")
    ] = 2,
    unit: Annotated[
        Literal["auto", "mm", "px", "%"],
        typer.Option(
            help="auto: mm if all images are calibrated, otherwise px. %: of the width that the network sees of an "
            "image, for radii that hold for images of any size."
        ),
    ] = "auto",
    store: Annotated[
        bool, typer.Option("--store", help="Store the calibration with the model, so that its predictions have radii.")
    ] = False,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Compare measures of uncertainty with the true errors, and calibrate the model on images it was not trained on.

    Writes uncertainty.json, VERSION.calibration.json, risk_coverage.png and reliability.png.

    Example: `monai-landmarks uncertainty --studies sample_data/fundus --model fundus --split val`
    """
    promised = check_coverage(coverage)
    folders = [locate_model(name, models) for name in model]
    if store and shipped_dir("pretrained") in folders[0].resolve().parents:
        raise InputError(f"--store would change the shipped model {folders[0]}; copy it, or leave --store out.")
    study = Studies(studies)
    study.images()  # refuses a folder that is not there before anything heavy is loaded
    predictors = [inferers.Predictor.load(folder, networks.find_device(device)) for folder in folders]
    first = predictors[0]
    images = _chosen(study, split, first.card)
    trained_on = len(engines.learned_images(study, [image.id for image in images], folders[0], first.card).ids)
    if store and trained_on:
        raise InputError(
            f"--store would calibrate the model with {trained_on} of {len(images)} images that it was trained on, and "
            "its radii would be too small: choose others, e.g. with --split model, val or test, or leave --store out."
        )
    length = active.common_unit(images) if unit == "auto" else unit
    can = active.available_measures(first.protocol, first.network, len(predictors))
    names = can if measures is None else tuple(dict.fromkeys(name.strip() for name in measures.split(",")))
    wanted = [active.find_measure(name, first.protocol, first.network, len(predictors), length) for name in names]
    check_writable(out)
    with Meter("Judging", len(images)) as meter:
        found = active.judge_images(predictors, images, wanted, length, on_image=meter.advance)
    chosen_by = len({image.id for image in images} & set(first.card.val_images))
    rows = active.compare_measures(found, wanted, reduce)
    calibration = fit_calibration(
        found.observed,
        protocol=first.protocol.name,
        version=first.version,
        sha256=first.card.sha256,
        coverage=promised,
    )
    groups = [image.group for image in images]
    radii = active.radius_coverage(found.observed, promised, folds, groups)
    tables = _reliability(found.observed, calibration, groups, folds)
    document: dict[str, Any] = {
        "protocol": first.protocol.name,
        "command": command_line(),
        "date": now(),
        "versions": networks.versions(),
        "model_version": first.version,
        "models": [str(folder) for folder in folders],
        "split": split,
        "images": len(images),
        "images_that_chose_the_model": chosen_by,
        "images_that_trained_the_model": trained_on,
        "unit": length,
        "measures": [row.to_dict() for row in rows],
        "radii": radii.to_dict(),
        "reliability": {name: active.reliability_document(table) for name, table in tables.items()},
    }
    write_json_atomically(out / "uncertainty.json", document)
    written = ["uncertainty.json", write_calibration(out, calibration).name, "risk_coverage.png"]
    active.draw_risk_coverage(found, out / "risk_coverage.png")
    if any(row.observed is not None for table in tables.values() for row in table):
        active.draw_reliability(tables, out / "reliability.png")
        written.append("reliability.png")
    if store:
        write_calibration(folders[0], calibration)
    if as_json:
        print_json(document)
        return
    if chosen_by:
        note(
            f"{chosen_by} of the {len(images)} images chose the weights of the model in training: on new ones radii of "
            f"{_share(promised)} hold somewhat less. Take images that training has not seen, e.g. with --split test."
        )
    if trained_on:
        note(
            f"{trained_on} of the {len(images)} images trained the model: on new ones its errors are larger and its "
            "radii hold less often. Take images that training has not seen, e.g. with --split test."
        )
    title = f"{first.protocol.title}, model {first.version}, {len(images)} images ({split})"
    output.print(active.measure_table(rows, length, title))
    output.print(active.coverage_table(radii))
    tell(active.total_sentence(radii))
    _print_calibration(calibration)
    tell(f"Written to {out}: {', '.join(written)}")


def _reliability(
    observed: Observed, calibration: Calibration, groups: Sequence[str], folds: int
) -> dict[str, list[active.ReliabilityRow]]:
    found = observed.errors(calibration.presence)
    part = folds_of(groups, folds)
    tables = {"one radius for all": active.reliability(found, part=part)}
    scaled = calibration.scaled_radius
    if scaled is not None:
        tables["radius by uncertainty"] = active.reliability(
            found, observed.map_radius, smoothing=scaled.smoothing, part=part
        )
    return tables


def _print_calibration(calibration: Calibration) -> None:
    plain, radius = calibration.radius, calibration.answered
    assert plain is not None
    assert radius is not None
    parts = [
        f"{name} {'not calibrated' if q is None else f'{q:.2f} {plain.unit}'}"
        for name, q in zip(plain.landmarks, plain.quantiles, strict=True)
    ]
    tell(f"Radius for {_share(plain.coverage)}: {', '.join(parts)}")
    kind = (
        "one radius for all images" if radius.scaled_by is None else f"a radius by the uncertainty {radius.scaled_by}"
    )
    tell(f"Predictions have {kind if any(q is not None for q in plain.quantiles) else 'no radius'}.")
    few = [name for name, q in zip(plain.landmarks, plain.quantiles, strict=True) if q is None]
    if few:
        note(
            f"A coverage of {_share(plain.coverage)} requires at least {fewest_errors(plain.coverage)} labelled images "
            f"of a landmark: {', '.join(few)} have fewer."
        )
    presence = calibration.presence
    if presence is not None:
        fitted = [
            f"{name} {'not fitted' if t is None else f'{t:.2f}'}"
            for name, t in zip(presence.landmarks, presence.thresholds, strict=True)
        ]
        tell(f"Threshold of presence: {', '.join(fitted)}")


def _share(coverage: float) -> str:
    return f"{100 * coverage:g} %"


def _chosen(studies: Studies, split: str, card: ModelCard) -> Sequence[engines.LabelledImage]:
    """The labelled images of a split.

    Raises:
        InputError: there is none.
    """
    own = card.val_images if split == "model" else ()
    labelled = engines.labelled_images(studies)
    chosen = [image for image in labelled if split in ("all", image.split) or image.id in own]
    if not chosen:
        raise InputError(
            f"{studies.root} has no labelled image of the split {split!r}; label some, or choose another with --split."
        )
    return chosen
