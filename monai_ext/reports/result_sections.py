"""Sections of a report about uncertainty, active learning, ablations and agreement, and the explanation of all."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from monai_ext.active import ReliabilityRow, agreement_document, draw_agreement, draw_reliability, read_agreement
from monai_ext.evaluation import Table, percent, rounded, with_spread
from monai_ext.experiments import CurvePoint, LearningCurve, curve_table, draw_curves
from monai_ext.landmarks import InputError

from .content import Note, PictureFolder, Section
from .sources import Kind, Source

_DAMAGED = (KeyError, TypeError, ValueError, AttributeError)


def reliability_section(source: Source, pictures: PictureFolder, name: str) -> Section:
    """Section about the share of true points that a model's radii hold.

    Args:
        source: an ``uncertainty.json``.
        pictures: where the plot is drawn.
        name: of its file.

    Raises:
        InputError: the file is damaged.
    """
    document = source.document
    try:
        tables = {
            str(kind): [ReliabilityRow(float(r["expected"]), r["observed"], int(r["points"])) for r in rows]
            for kind, rows in document["reliability"].items()
        }
        rows = [
            [kind, percent(row.expected, 1), percent(row.observed, 1), str(row.points)]
            for kind, table in tables.items()
            for row in table
        ]
        title = f"Reliability of the radii of {document['protocol']} {document['model_version']}"
        on = f"{document['images']} images of the split {document['split']}"
    except _DAMAGED as error:
        raise InputError(f"{source.path} is not a complete uncertainty result ({error!r}); write it again.") from None
    table = Table(
        ["radii", "promised", "held", "points judged"], rows, caption=f"Judged on {on}, never on those fitted to."
    )
    if not any(row.observed is not None for rows in tables.values() for row in rows):
        return Section(title, [Note(f"The {on} are too few to judge any radius."), table])
    plot = pictures.figure(
        name, partial(draw_reliability, tables), "Promised and observed coverage.", "Observed over promised coverage"
    )
    return Section(title, [plot, table])


def simulation_section(source: Source, pictures: PictureFolder, name: str) -> Section:
    """The learning curves of strategies.

    Args:
        source: the ``results.json`` of a simulation.
        pictures: where the plot is drawn.
        name: of its file.

    Raises:
        InputError: the file is damaged.
    """
    document = source.document
    try:
        curves = [_curve(curve) for curve in document["curves"]]
        finished, wanted = document["cells_finished"], document["cells_asked_for"]
        title = f"Simulated active learning of {document['protocol']}"
    except _DAMAGED as error:
        raise InputError(f"{source.path} is not a complete simulation result ({error!r}); write it again.") from None
    if not curves:
        return Section(title, [Note("No cell of this simulation is finished.")])
    notes = [] if finished == wanted else [Note(f"Only {finished} of {wanted} cells are finished.", "warning")]
    plot = pictures.figure(
        name,
        partial(draw_curves, curves),
        "Mean error on the validation images over the number of labels; band: one standard deviation over repetitions.",
        f"Learning curves of {', '.join(curve.strategy for curve in curves)}",
    )
    return Section(
        title,
        [*notes, plot, replace(curve_table(curves), caption="Mean ± sample standard deviation over repetitions.")],
    )


def ablation_section(source: Source) -> Section:
    """The rows of each size: mean ± sample standard deviation over seeds.

    Raises:
        InputError: the results are damaged.
    """
    document = source.document
    try:
        rows, measures = document["rows"], document["measures"]
        sizes = dict.fromkeys(str(row["size"]) for row in rows)
        blocks = [_ablation_table([row for row in rows if str(row["size"]) == size], measures) for size in sizes]
        finished, wanted = document["cells_finished"], document["cells_asked_for"]
    except _DAMAGED as error:
        raise InputError(f"{source.path} is not a complete ablation result ({error!r}); write it again.") from None
    title = f"Ablation of {document.get('protocol', 'a protocol')}"
    if not blocks:
        return Section(title, [Note("No cell of this ablation is finished.")])
    notes = [] if finished == wanted else [Note(f"Only {finished} of {wanted} cells are finished.", "warning")]
    return Section(title, [*notes, *blocks])


def _ablation_table(rows: Sequence[Mapping[str, Any]], measures: Mapping[str, Any]) -> Table:
    unit = measures["unit"]
    columns = {"l2": (f"mean radial error, {unit}", 1.0)}
    columns |= {f"sdr_{float(t):g}": (f"≤ {float(t):g} {unit}, %", 100.0) for t in measures["thresholds"]}
    columns |= {
        "me": (f"mean error of an image, {unit}", 1.0),
        "fr": (f"failures > {float(measures['failure']):g} {unit}, %", 100.0),
        "auc": (f"AUC to {float(measures['limit']):g} {unit}", 1.0),
    }
    cells = [
        [str(row["row"]), *(_number(row["numbers"].get(key), factor) for key, (_, factor) in columns.items())]
        for row in rows
    ]
    first = rows[0]
    caption = f"{first['training_images']} training images, {first['steps']} optimiser steps."
    return Table(["row", *(heading for heading, _ in columns.values())], cells, caption=caption)


def _number(value: Mapping[str, Any] | None, factor: float) -> str:
    numbers = value or {"mean": None, "sd": None}
    mean, sd = (math.nan if numbers[key] is None else numbers[key] for key in ("mean", "sd"))
    return with_spread(mean, sd, 2, factor)


def agreement_section(studies: Path, protocol: str, pictures: PictureFolder, name: str) -> Section:
    """Section about the distances that people moved the points that each version proposed.

    Args:
        studies: folder that the server has worked in.
        protocol: name of the landmark task.
        pictures: where the plot is drawn.
        name: of its file.

    Raises:
        InputError: the folder does not exist, or its index is damaged.
    """
    title = f"Agreement with submitted labels: {protocol}"
    records = read_agreement(studies, protocol)
    if not records:
        said = f"{studies} holds no final label of {protocol} that began as a proposal of a model."
        return Section(title, [Note(said)])
    versions = agreement_document(records)["versions"]
    distances = [item["distance"] for item in versions[0]["within"]]
    headings = ["version", "labels", "points", "unit", "mean moved", "median moved", "not moved"]
    headings += [f"≤ {distance:g}" for distance in distances]
    rows = [_agreement_row(row) for row in versions]
    blocks: list[Any] = [Table(headings, rows, caption="How far points were moved before the label was submitted.")]
    if any(record.mean is not None for record in records):
        plot = partial(draw_agreement, records)
        caption = "Each mark is a submitted label; the line is the mean of the last ones."
        blocks.insert(0, pictures.figure(name, plot, caption, "Distance moved, label by label"))
    return Section(title, blocks)


def _agreement_row(row: Mapping[str, Any]) -> list[str]:
    lengths = [rounded(row[key], 2) for key in ("mean", "median")]
    shares = [percent(item["share"], 1) for item in row["within"]]
    counts = [str(row["labels"]), str(row["points"])]
    return [row["model_version"], *counts, row["unit"], *lengths, percent(row["untouched"], 1), *shares]


def _curve(document: Mapping[str, Any]) -> LearningCurve:
    points = (
        CurvePoint(int(point["labels"]), {int(seed): float(error) for seed, error in point["seeds"].items()})
        for point in document["points"]
    )
    return LearningCurve(str(document["strategy"]), document["unit"], tuple(points))


_OF_EVALUATIONS = (
    "Radial error: the distance between a predicted point and the true one. In px it is in pixels of the original "
    "image file; in mm only where every image states its real pixel size.",
    "Mean radial error: the mean of that distance over all landmarks of all images. The 95 % interval says how "
    "far the mean could lie elsewhere with other images of the same kind: images (all those of a subject together, "
    "where subjects are stated) were drawn again and again at random from these ones, and 95 of 100 such means lie in "
    "it. It says nothing about images of another kind, "
    "camera or hospital.",
    "Median: half of the errors are smaller. Where it is far below the mean, a few large errors make up the mean: "
    "look at the worst images.",
    "Success detection rate: the share of landmarks at most that far from the truth.",
    "Failure: an image whose mean error lies above the stated limit.",
    "Cumulative error: the higher a line runs on the left, the better. AUC is the area below it up to the limit, "
    "1 at best.",
    "How this model fails: groups of landmarks with something in common, such as low contrast or a position near the "
    "edge, are compared with the rest. A group with larger errors shows where to expect errors; it does not prove a "
    "cause.",
    "Missed: a landmark that is there was predicted as missing. False alarm: one that is missing was predicted as "
    "there. Neither has a distance, so that they are counted apart: a model that leaves out what is hard has a "
    "small mean error and many misses.",
)
_OF_KINDS = {
    Kind.UNCERTAINTY: (
        "Reliability: where a model promises that 90 % of the true points lie within its circles, do 90 %? On the "
        "diagonal the promise is kept; below it the circles are too small."
    ),
    Kind.TRAINING: (
        "Training: the error on the validation images while a network learned. Where the weights with the least error "
        "were kept, as is usual, this least error is a little too good to be true for new images; where the last were "
        "kept, the last error is an honest one."
    ),
    Kind.SIMULATION: (
        "Simulated active learning: how the error falls with the number of labelled images, for each way to "
        "choose what is labelled next. The band is one standard deviation over repetitions."
    ),
    Kind.ABLATION: (
        "Ablation: the same training with parts of the method left out; mean ± sample standard deviation over "
        "repetitions."
    ),
}
_OF_AGREEMENT = (
    "Agreement: how far people moved the points that a model had proposed before they submitted them. People tend "
    "to leave a point that is nearly right, so that this is no error against an independent truth."
)


def reading_section(kinds: Collection[Kind], *, agreement: bool) -> Section:
    """The words that the page needs.

    Args:
        kinds: of the files of the page.
        agreement: whether it reports on submitted labels.
    """
    texts = list(_OF_EVALUATIONS) if Kind.EVALUATION in kinds else []
    texts += [text for kind, text in _OF_KINDS.items() if kind in kinds]
    texts += [_OF_AGREEMENT] if agreement else []
    texts.append(
        "These numbers describe research software on the images that they were measured on. It is not a medical device."
    )
    return Section("How to read this", [Note(text) for text in texts])
