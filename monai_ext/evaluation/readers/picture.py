"""The distances between readers as boxes, one for each landmark, beside those of a network from each of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from monai_ext.evaluation.error_boxes import draw_boxes
from monai_ext.landmarks import InputError

from .compared import Comparison

#: Inches of all boxes, at most: readers and a network make four of each landmark.
TALLEST = 14.0


def draw_distances(comparisons: Sequence[Comparison], path: str | Path) -> None:
    """Draws a box per landmark and comparison: quartiles, median, whiskers to 1.5 box lengths, single ones beyond.

    The axis ends at the largest 98th percentile of a comparison unless a box reaches farther; how many distances lie
    beyond its end stands at the right edge.

    Args:
        comparisons: of one unit and the same landmarks.
        path: a ``.png`` file.

    Raises:
        InputError: no distance was measured, units or landmarks differ, or the path is no ``.png``.
    """
    kinds = {(item.unit, item.names) for item in comparisons}
    if len(kinds) != 1:
        raise InputError("Boxes stand side by side where unit and landmarks are the same; compare all alike.")
    unit, names = kinds.pop()
    columns = {item.title: [column[~np.isnan(column)] for column in item.distances.T] for item in comparisons}
    measured = [known for item in comparisons if len(known := item.distances[~np.isnan(item.distances)])]
    limit = max((float(np.percentile(known, 98)) for known in measured), default=1.0)
    draw_boxes(columns, names, limit, f"Distance [{unit}]", path, TALLEST)
