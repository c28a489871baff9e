"""Sections of a page about models that can be compared."""

from __future__ import annotations

import math
from pathlib import Path

from monai_ext.evaluation import (
    DASH,
    Evaluation,
    Interval,
    Scores,
    Table,
    counted,
    difference_interval,
    draw_ced,
    draw_error_boxes,
    mean_interval,
    percent,
    readable_date,
    rounded,
)

from .cases import failure_section, median_sections
from .content import Block, Note, PictureFolder, Section
from .groups import Group
from .render import digits
from .sources import EvaluatedModel


def interval_text(interval: Interval, unit: str) -> str:
    """A mean with its interval, without the unit."""
    count = digits(unit)
    mean = rounded(interval.mean, count)
    return f"{mean} [{interval.low:.{count}f}, {interval.high:.{count}f}]" if interval.known else mean


def share_text(rate: float, count: int) -> str:
    """A share of ``count`` things in percent, and how many; a dash where there are none."""
    return DASH if math.isnan(rate) or not count else f"{100 * rate:.1f} % ({round(rate * count)}/{count})"


def group_sections(group: Group, pictures: PictureFolder, prefix: str, worst: int, median: int) -> list[Section]:
    """All sections of a group, the failures of each model first.

    Args:
        group: the models.
        pictures: where plots and pictures are drawn.
        prefix: of the names of their files.
        worst: worst images of each model to show.
        median: middling images of each model to show.
    """
    sections = [
        *(
            failure_section(model, pictures, f"{prefix}model{number}_", worst)
            for number, model in enumerate(group.models, start=1)
        ),
        Section(group.title, _overview(group)),
        Section("Cumulative error", _ced(group, pictures, prefix), 3),
        Section("Success detection rates", [_rates(group)], 3),
        Section("Errors of each landmark", _boxes(group, pictures, prefix), 3),
    ]
    return [
        *(section for section in sections if section.blocks),
        *median_sections(group, pictures, prefix, worst, median),
    ]


def _overview(group: Group) -> list[Block]:
    blocks: list[Block] = [_summary(group), *(_differences(group)), _origin(group)]
    notes = {note: None for model in group.models for note in model.evaluation.warnings}
    return blocks + [Note(note, "warning") for note in notes]


def _summary(group: Group) -> Table:
    unit, rows = group.first.unit, []
    for model in group.models:
        evaluation, scores = model.evaluation, model.evaluation.overall
        interval = mean_interval(group.aligned_errors(model), group.aligned_subjects(model))
        rows.append(
            [
                model.name,
                interval_text(interval, unit),
                rounded(scores.median, digits(unit)),
                share_text(evaluation.failure_rate, evaluation.images_measured),
                rounded(evaluation.auc, 3),
                f"{len(evaluation.images)} ({evaluation.images_measured})",
                counted(scores.misses),
                counted(scores.false_alarms),
            ]
        )
    first = group.first
    headings = [
        "model",
        f"mean radial error, {unit} [95 % interval]",
        f"median, {unit}",
        f"failures, image > {first.failure_threshold:g} {unit}",
        f"AUC to {first.auc_limit:g} {unit}",
        "images (measured)",
        "missed",
        "false alarms",
    ]
    over = "subjects" if any(model.evaluation.subjects for model in group.models) else "images"
    return Table(headings, rows, caption=f"Summary. The interval is over {over} (bootstrap, 9,999 resamples).")


def _differences(group: Group) -> list[Block]:
    """A sentence for each further model against the first, on the distances that both measured."""
    reference, unit = group.models[0], group.first.unit
    notes: list[Block] = []
    for model in group.models[1:]:
        subjects = group.aligned_subjects(reference) or group.aligned_subjects(model)
        interval = difference_interval(group.aligned_errors(model), group.aligned_errors(reference), subjects)
        notes.append(Note(_difference(model.name, reference.name, interval, unit)))
    return notes


def _difference(name: str, reference: str, interval: Interval, unit: str) -> str:
    if math.isnan(interval.mean):
        return f"{name} and {reference} have no measured landmark in common, so that their errors cannot be compared."
    count = digits(unit)
    said = f"Mean error of {name} less that of {reference}, on the same images: {interval.mean:+.{count}f} {unit}"
    if not interval.known:
        return f"{said}; one {'image' if interval.images == 1 else 'subject'} is too few for an interval."
    said += f", 95 % interval {interval.low:+.{count}f} to {interval.high:+.{count}f}"
    on = f"{interval.distances} landmarks of {interval.images} images"
    if interval.low <= 0 <= interval.high:
        return f"{said} ({on}): with other images it could be the other way round."
    return f"{said} ({on}): {name if interval.high < 0 else reference} is better on such images."


def _origin(group: Group) -> Table:
    """Origin of the models' numbers."""
    rows = [
        [
            model.name,
            model.fact("model_version"),
            model.fact("model_sha256")[:12],
            model.fact("split"),
            readable_date(model.fact("date")),
            model.fact("command"),
        ]
        for model in group.models
    ]
    headings = ["model", "version", "weights, SHA-256", "split", "evaluated", "command"]
    return Table(headings, rows, caption="What was evaluated.", left=None)


def _measured(group: Group) -> dict[str, Evaluation]:
    return {name: found for name, found in group.evaluations.items() if found.images_measured}


def _ced(group: Group, pictures: PictureFolder, prefix: str) -> list[Block]:
    measured = _measured(group)
    if not measured:
        return [Note("No image has a landmark that is defined in truth and prediction: there is no error to draw.")]

    def draw(path: Path) -> None:
        draw_ced(measured, path)

    caption = "Share of images whose mean error is at most the length on the horizontal axis."
    alt = f"Cumulative error distribution of {', '.join(measured)}"
    return [pictures.figure(f"{prefix}ced.png", draw, caption, alt)]


def _rates(group: Group) -> Table:
    first = group.first
    headings = ["model", "landmarks", *(f"≤ {threshold:g} {first.unit}" for threshold in first.thresholds)]
    rows = []
    for model in group.models:
        scores = model.evaluation.overall
        rows.append([model.name, str(scores.count), *(share_text(r, scores.count) for r in scores.sdr.values())])
    return Table(headings, rows, caption="Share of all measured landmarks at most that far from the truth.")


def _boxes(group: Group, pictures: PictureFolder, prefix: str) -> list[Block]:
    measured = _measured(group)
    blocks: list[Block] = []
    if measured:

        def draw(path: Path) -> None:
            draw_error_boxes(measured, path)

        caption = "Box: middle half of the errors; line and mark inside: median; small marks: single far errors."
        alt = f"Box plots of the error of each landmark, for {', '.join(measured)}"
        blocks.append(pictures.figure(f"{prefix}landmarks.png", draw, caption, alt))
    return blocks + [_landmark_table(model) for model in group.models]


def _landmark_table(model: EvaluatedModel) -> Table:
    evaluation = model.evaluation
    unit = evaluation.unit
    headings = ["landmark", "n", f"mean, {unit}", f"SD, {unit}", f"median, {unit}"]
    headings += [f"≤ {threshold:g} {unit}" for threshold in evaluation.thresholds]
    headings += ["missed", "false alarms"]
    rows = [_landmark_row(scores, unit) for scores in (*evaluation.landmarks, evaluation.overall)]
    return Table(headings, rows, caption=model.name, strong=[len(rows) - 1])


def _landmark_row(scores: Scores, unit: str) -> list[str]:
    lengths = [rounded(value, digits(unit)) for value in (scores.mre, scores.sd, scores.median)]
    rates = [percent(rate, 1) for rate in scores.sdr.values()]
    return [scores.name, str(scores.count), *lengths, *rates, counted(scores.misses), counted(scores.false_alarms)]
