"""The worst images of an evaluation on one sheet, each zoomed to its worst landmark."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from monai_ext.landmarks import FloatArray, InputError, Landmarks

from .evaluate import Pair, aligned_pairs
from .marks import Marker
from .overlay import checked_rgb, landmark_colors, mark_landmarks
from .picture import Canvas, Cutout
from .scores import Evaluation, ImageScores

#: Least part of the image's longer side that a tile shows, so that one can see where one is.
CONTEXT = 1 / 3

_GAP = 12
_FONT = 15.0
_LINE = 20
LEGEND = "ring: predicted    cross: true place"
_HEADER = 3 * _LINE  # rows above each tile: the image, its mean error, its worst landmark


def worst_images(evaluation: Evaluation, count: int) -> list[ImageScores]:
    """The ``count`` images with the largest mean error, the worst first; images without a measurable error are out."""
    measured = [row for row in evaluation.images if not math.isnan(row.error)]
    return sorted(measured, key=lambda row: -row.error)[:count]


def _focus(truth: Landmarks, prediction: Landmarks, worst: int) -> tuple[float, float, float, float]:
    """The box, in pixel edges and inside the image, around the truth and the prediction of one landmark."""
    size = np.array(truth.frame.size, dtype=np.float64)
    ends: FloatArray = np.stack([truth.points[worst], prediction.points[worst]]) + 0.5
    side = max(float(np.ptp(ends, axis=0).max()) * 1.6, float(size.max()) * CONTEXT)
    extent = np.minimum(side, size)
    low = (ends.mean(axis=0) - extent / 2).clip(min=0, max=size - extent)
    high = low + extent
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def draw_case(
    row: ImageScores,
    truth: Landmarks,
    prediction: Landmarks,
    image: ArrayLike,
    path: str | Path,
    *,
    tile: int = 380,
    colors: Sequence[str] | None = None,
) -> None:
    """Draws one tile of such a sheet alone, without words around it, and writes a PNG file.

    Args:
        row: the image's errors; at least one is measurable.
        truth: of the image.
        prediction: of the image, its landmarks in the same order.
        image: (C, H, W).
        path: a ``.png`` file.
        tile: longer side of the picture in pixels.
        colors: (K,) colours in landmark order, e.g. the protocol's.

    Raises:
        InputError: the image does not fit its landmarks, or the path is no ``.png``.
    """
    rgb = checked_rgb(image, truth.frame)
    box = _focus(truth, prediction, int(np.nanargmax(row.errors)))
    scale = tile / max(box[2] - box[0], box[3] - box[1])
    view = Cutout(box, 0, 0, max(1, round((box[2] - box[0]) * scale)), max(1, round((box[3] - box[1]) * scale)))
    canvas = Canvas(view.width, view.height)
    canvas.show(rgb, view)
    marker = Marker(canvas, view, size=max(4.0, tile / 50))
    mark_landmarks(marker, prediction, truth, landmark_colors(prediction, colors), _FONT - 2)
    canvas.save(path)


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def draw_worst_cases(
    evaluation: Evaluation,
    pairs: Sequence[Pair],
    load_image: Callable[[str], ArrayLike],
    path: str | Path,
    count: int = 12,
    *,
    columns: int = 4,
    tile: int = 380,
    colors: Sequence[str] | None = None,
) -> None:
    """Draws the images with the largest mean errors, the worst first, and writes a PNG file.

    Each tile shows the surroundings of the image's worst landmark, with every landmark that lies there: the truth as a
    white cross, the prediction as a coloured ring, joined by a line; the last row says so. Only the images on the
    sheet are loaded.

    Args:
        evaluation: of these pairs.
        pairs: image ID, truth and prediction of each image.
        load_image: gives the (C, H, W) image of an ID.
        path: a ``.png`` file.
        count: how many images at most.
        columns: tiles in a row.
        tile: side of a tile in pixels.
        colors: (K,) colours in landmark order, e.g. the protocol's.

    Raises:
        InputError: the evaluation is of other images, no image has a measurable error, a number is below 1, or an
            image does not fit its landmarks.
    """
    if min(count, columns, tile) < 1:
        raise InputError(f"The count, columns and tile must be at least 1, not {count}, {columns} and {tile}.")
    by_id = {image: (truth, prediction) for image, truth, prediction in aligned_pairs(pairs)}
    rows = worst_images(evaluation, count)
    if not rows:
        raise InputError("No image of the evaluation has a measurable error, so there is no worst image.")
    unknown = [row.image for row in rows if row.image not in by_id]
    if unknown:
        raise InputError(f"The evaluation holds the image {unknown[0]}, which is not among the pairs to draw.")
    columns = min(columns, len(rows))
    lines = math.ceil(len(rows) / columns)
    canvas = Canvas(columns * (tile + _GAP) + _GAP, lines * (tile + _HEADER + _GAP) + _GAP + _LINE)
    for index, row in enumerate(rows):
        truth, prediction = by_id[row.image]
        left = _GAP + (index % columns) * (tile + _GAP)
        top = _GAP + (index // columns) * (tile + _HEADER + _GAP)
        rgb = checked_rgb(load_image(row.image), truth.frame)
        worst = int(np.nanargmax(row.errors))
        view = Cutout.fitted(_focus(truth, prediction, worst), left, top + _HEADER, (tile, tile))
        canvas.show(rgb, view)
        marker = Marker(canvas, view, size=max(4.0, tile / 50))
        mark_landmarks(marker, prediction, truth, landmark_colors(prediction, colors), _FONT - 2)
        error = f"mean {row.error:.2f} {evaluation.unit}"
        detail = f"{truth.names[worst]} {row.errors[worst]:.2f} {evaluation.unit}"
        for line, text in enumerate((f"{index + 1}. {row.image}", error, f"worst: {detail}")):
            short = _shortened(text, max(4, int(tile / (0.6 * _FONT))))
            canvas.text(left, top + line * _LINE, short, _FONT, color="#F0F0F0" if line else "#FFFFFF")
    canvas.text(_GAP, lines * (tile + _HEADER + _GAP) + _GAP, LEGEND, _FONT - 2, color="#F0F0F0")
    canvas.save(path)
