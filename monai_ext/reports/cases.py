"""Failures of each model: causes of its errors and its worst images, and images of median error."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from monai_ext.evaluation import (
    Cause,
    Evaluation,
    GroupErrors,
    ImageScores,
    Pair,
    RecordedPoints,
    Table,
    cause_masks,
    draw_case,
    percent,
    rounded,
    worst_images,
)
from monai_ext.images import read_image
from monai_ext.landmarks import InputError

from .content import Block, Figure, Note, PictureFolder, Section
from .groups import Group
from .render import digits
from .sources import EvaluatedModel

#: Longer side of a picture in pixels.
TILE = 340

CAUSES = (
    "Landmarks with larger errors than the rest. A group is the quarter with the lowest or highest values of its kind; "
    "p is adjusted for the number of groups."
)
OF_SUBJECTS = "Intervals and p are over subjects."
LEGEND = "White cross: truth. Coloured ring: prediction. The picture is zoomed to the landmark that is farthest off."


def median_images(evaluation: Evaluation, count: int) -> list[ImageScores]:
    """The ``count`` images whose mean errors lie about the median, the smallest first."""
    ordered = sorted((row for row in evaluation.images if not math.isnan(row.error)), key=lambda row: row.error)
    begin = max(0, (len(ordered) - count) // 2)
    return ordered[begin : begin + count]


def failure_section(model: EvaluatedModel, pictures: PictureFolder, prefix: str, worst: int) -> Section:
    """The section *How this model fails*: groups with larger errors than the rest, and the worst images.

    Args:
        model: with or without factors in its file.
        pictures: where the worst images are drawn.
        prefix: of the names of their files.
        worst: how many.
    """
    far = worst_images(model.evaluation, worst)
    masks = cause_masks(model.failures, model.errors) if model.failures else {}
    place = {row.image: i for i, row in enumerate(model.evaluation.images)}

    def caption(rank: int, row: ImageScores) -> str:
        held = [name for name, mask in masks.items() if mask[place[row.image], np.nanargmax(row.errors)]]
        words = f" {_sentence('; '.join(held))}" if held else ""
        return f"Worst {rank}: {row.image}. {_errors(row, model.evaluation)}{words}"

    shown = _drawn(model, far, pictures, f"{prefix}worst", caption)
    return Section(f"How this model fails: {model.name}", [*_causes(model), *shown])


def median_sections(group: Group, pictures: PictureFolder, prefix: str, worst: int, count: int) -> list[Section]:
    """Images about the median of each model of a group, in a section each; none where ``count`` is 0.

    Args:
        group: the models.
        pictures: where they are drawn.
        prefix: of the names of their files.
        worst: worst images of each model, which are shown elsewhere.
        count: how many of each model.
    """
    sections = []
    for number, model in enumerate(group.models, start=1):
        far = worst_images(model.evaluation, worst)
        rows = [row for row in median_images(model.evaluation, count) if row not in far]

        def caption(_: int, row: ImageScores, evaluation: Evaluation = model.evaluation) -> str:
            return f"About the median: {row.image}. {_errors(row, evaluation)}"

        blocks = _drawn(model, rows, pictures, f"{prefix}model{number}_median", caption)
        if blocks:
            sections.append(Section(f"Typical images of {model.name}", blocks, 3))
    return sections


def _drawn(
    model: EvaluatedModel,
    rows: Sequence[ImageScores],
    pictures: PictureFolder,
    prefix: str,
    caption: Callable[[int, ImageScores], str],
) -> list[Block]:
    if not rows:
        return []
    if model.points is None:
        return [Note(_no_points(model), "warning")]
    figures = (
        case_figure(model, row, pictures, f"{prefix}{rank}.png", caption(rank, row))
        for rank, row in enumerate(rows, start=1)
    )
    return [Note(LEGEND), *figures]


def _causes(model: EvaluatedModel) -> list[Block]:
    """A table of the causes, and what else was tested."""
    found, unit = model.failures, model.evaluation.unit
    if found is None:
        return [Note(f"{model.source.path} holds no factors of the images: write it again with evaluate.")]
    if not found.tested:
        return [Note(f"{len(model.evaluation.images)} images are too few to search for causes of errors.")]
    others = [name for name in found.tested if name not in {cause.name for cause in found.causes}]
    rest = Note(f"Tested without finding larger errors than in the rest: {', '.join(others)}.")
    if not found.causes:
        return [rest]
    limit = f"> {model.evaluation.failure_threshold:g} {unit} or missed"
    headings = ["group", "landmarks", f"mean, {unit} [95 %]", f"median, {unit}", limit, "times the rest [95 %]", "p"]
    rows = [row for cause in found.causes for row in _cause_rows(cause, unit)]
    caption = f"{CAUSES} {OF_SUBJECTS}" if model.evaluation.subjects else CAUSES
    return [Table(headings, rows, caption=caption), *([rest] if others else [])]


def _cause_rows(cause: Cause, unit: str) -> list[list[str]]:
    """A row of the group and one of the rest."""
    where = f" (most at {cause.landmark})" if cause.factor != "landmark" and cause.group.count else ""
    times, low, high = (rounded(value, 2) for value in (cause.ratio, cause.low, cause.high))
    ratio = f"{times} [{low}, {high}]"
    return [
        [f"{cause.name}{where}", *_group_cells(cause.group, unit), ratio, f"{max(cause.p, 0.0001):.4f}"],
        ["the rest", *_group_cells(cause.rest, unit), "", ""],
    ]


def _group_cells(group: GroupErrors, unit: str) -> list[str]:
    count = digits(unit)
    mean, low, high, median = (rounded(value, count) for value in (group.mean, group.low, group.high, group.median))
    return [str(group.count), f"{mean} [{low}, {high}]", median, percent(group.failed, 1)]


def _sentence(text: str) -> str:
    """A text with a capital letter first, the names in it as they are."""
    return f"{text[:1].upper()}{text[1:]}."


def _errors(row: ImageScores, evaluation: Evaluation) -> str:
    """The mean error of an image and its worst landmark."""
    worst = max((e, k) for k, e in enumerate(row.errors) if not math.isnan(e))
    name = evaluation.names[worst[1]]
    return f"Mean error {row.error:.2f} {evaluation.unit}; farthest off: {name}, {worst[0]:.2f} {evaluation.unit}."


def case_figure(
    model: EvaluatedModel, row: ImageScores, pictures: PictureFolder, name: str, caption: str, *, tile: int = TILE
) -> Figure:
    """Truth and prediction on one image; a figure without a picture, which says why, where the image is not at hand.

    Args:
        model: that has the image among its own.
        row: the image's errors.
        pictures: where it is drawn.
        name: of the file.
        caption: below it.
        tile: its longer side in pixels.
    """
    try:
        if model.points is None:
            raise InputError(_no_points(model))
        recorded = next(image for image in model.points.images if image.image == row.image)
        file = image_file(model.studies, recorded.file)
        draw = partial(_draw, row=row, pair=model.points.pair(recorded), image=file, points=model.points, tile=tile)
        return pictures.figure(name, draw, caption, f"Truth and prediction on the image {row.image}", small=True)
    except InputError as error:
        return Figure(None, f"{caption} {error}", small=True)


def _no_points(model: EvaluatedModel) -> str:
    return f"{model.source.path} holds no points, so that no image can be drawn: write it again with evaluate."


def image_file(studies: Path | None, file: str) -> Path:
    """The file of an image.

    Raises:
        InputError: the folder of the images is not known, the name leads out of it, or there is no such file.
    """
    if studies is None:
        raise InputError("The evaluation does not say where its images are: name their folder with --studies.")
    if Path(file).name != file or "\\" in file:
        raise InputError(
            f"The evaluation names the image file {file!r}, which is not a plain file name, so it is not read."
        )
    path = studies / file
    if not path.is_file():
        raise InputError(f"The image file {file} is not in {studies}: name the folder of the images with --studies.")
    return path


def _draw(path: Path, *, row: ImageScores, pair: Pair, image: Path, points: RecordedPoints, tile: int) -> None:
    _, truth, prediction = pair
    pixels, _ = read_image(image, points.channels)
    draw_case(row, truth, prediction, pixels, path, tile=tile, colors=points.colors)
