"""The worst and the middling images of each model, with truth and prediction drawn on them."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

from monai_ext.evaluation import Evaluation, ImageScores, Pair, RecordedPoints, draw_case, worst_images
from monai_ext.images import read_image
from monai_ext.landmarks import InputError

from .content import Block, Figure, Note, PictureFolder, Section
from .groups import Group
from .sources import EvaluatedModel

#: Longer side of a picture in pixels.
TILE = 340

LEGEND = "White cross: truth. Coloured ring: prediction. The picture is zoomed to the landmark that is farthest off."


def median_images(evaluation: Evaluation, count: int) -> list[ImageScores]:
    """The ``count`` images whose mean errors lie about the median, the smallest first."""
    ordered = sorted((row for row in evaluation.images if not math.isnan(row.error)), key=lambda row: row.error)
    begin = max(0, (len(ordered) - count) // 2)
    return ordered[begin : begin + count]


def case_sections(group: Group, pictures: PictureFolder, prefix: str, *, worst: int, median: int) -> list[Section]:
    """A section for each model of a group.

    Args:
        group: the models.
        pictures: where they are drawn.
        prefix: of the names of their files.
        worst: how many of the worst images.
        median: how many middling ones.
    """
    sections = []
    for number, model in enumerate(group.models, start=1):
        blocks = _blocks(model, pictures, f"{prefix}model{number}_", worst, median)
        if blocks:
            sections.append(Section(f"Images of {model.name}", blocks, 3))
    return sections


def _blocks(model: EvaluatedModel, pictures: PictureFolder, prefix: str, worst: int, median: int) -> list[Block]:
    far = worst_images(model.evaluation, worst)
    middling = [row for row in median_images(model.evaluation, median) if row not in far]
    chosen = {"worst": far, "median": middling}
    if not any(chosen.values()):
        return []
    if model.points is None:
        return [Note(_no_points(model), "warning")]
    blocks: list[Block] = [Note(LEGEND)]
    for kind, rows in chosen.items():
        for rank, row in enumerate(rows, start=1):
            title = f"Worst {rank}" if kind == "worst" else "About the median"
            caption = f"{title}: {row.image}. {_errors(row, model.evaluation)}"
            name = f"{prefix}{kind}{rank}.png"
            blocks.append(case_figure(model, row, pictures, name, caption))
    return blocks


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
        raise InputError(f"The evaluation names the image file {file!r}, which is no plain file name: it is not read.")
    path = studies / file
    if not path.is_file():
        raise InputError(f"The image file {file} is not in {studies}: name the folder of the images with --studies.")
    return path


def _draw(path: Path, *, row: ImageScores, pair: Pair, image: Path, points: RecordedPoints, tile: int) -> None:
    _, truth, prediction = pair
    pixels, _ = read_image(image, points.channels)
    draw_case(row, truth, prediction, pixels, path, tile=tile, colors=points.colors)
