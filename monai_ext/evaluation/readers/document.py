"""The agreement of readers as a table, as boxes, as JSON, and as one CSV row per image and landmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from monai_ext.evaluation.table import Table, rounded, significant
from monai_ext.landmarks import InputError, Status, plain, write_atomically
from monai_ext.studies import ReadImage

from .compared import Comparison

#: Inches of all boxes, at most: readers and a network make four of each landmark.
TALLEST = 14.0

CSV_COLUMNS = ("comparison", "image", "landmark", "distance", "unit", "first_status", "second_status")


def agreement_document(images: Sequence[ReadImage], comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """All comparisons as finite JSON.

    Returns:
        ``{"images", "comparisons": [{"first", "second", "unit", "images", "landmarks": [{"landmark", "points", "mean",
        "median", "p95", "stated", "agreed"}], "overall": the same}], "disagreements": [{"image", "landmark",
        "placed_by", "missing_for"}]}``; null where nothing was measured, or is known.
    """
    document = {
        "images": len(images),
        "comparisons": [_comparison(item) for item in comparisons],
        "disagreements": disagreements(images),
    }
    answer: dict[str, Any] = plain(document)
    return answer


def disagreements(images: Sequence[ReadImage]) -> list[dict[str, Any]]:
    """The points that one reader placed and another states to be missing."""
    found = []
    for read in images:
        for name in read.consensus.disagreements:
            states = {reader: landmarks.status[landmarks.index(name)] for reader, landmarks in read.readers.items()}
            found.append(
                {
                    "image": read.image,
                    "landmark": name,
                    "placed_by": [reader for reader, state in states.items() if state == Status.DEFINED],
                    "missing_for": [reader for reader, state in states.items() if state == Status.MISSING],
                }
            )
    return found


def agreement_table(comparison: Comparison, title: str = "") -> Table:
    """One comparison: a row for each landmark, and one for all."""
    headings = ["landmark", "n", *(f"{name} [{comparison.unit}]" for name in ("mean", "median", "95 %"))]
    known = comparison.status is not None
    rows = []
    for row in comparison.rows():
        lengths = [rounded(value, 2) for value in (row.mean, row.median, row.p95)]
        same = [f"{row.agreed} of {row.stated}"] if known else []
        rows.append([row.landmark, str(row.points), *lengths, *same])
    headings += ["same status"] if known else []
    return Table(headings, rows, title or comparison.title, rules=[len(rows) - 1], wraps=[0])


def write_distances(path: Path, comparisons: Sequence[Comparison]) -> None:
    """Writes every distance as a CSV row; an empty one where there is none.

    Raises:
        OSError: the file cannot be written.
    """
    rows = []
    for item in comparisons:
        for i, image in enumerate(item.images):
            for k, name in enumerate(item.names):
                states = ["", ""] if item.status is None else [Status(code).word for code in item.status[i, k]]
                rows.append([item.title, image, name, significant(item.distances[i, k]), item.unit, *states])
    write_atomically(path, Table(CSV_COLUMNS, rows).csv())


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
    from monai_ext.evaluation import draw_boxes  # loads matplotlib

    kinds = {(item.unit, item.names) for item in comparisons}
    if len(kinds) != 1:
        raise InputError(
            "Box plots can only be compared with the same unit and landmarks; compare all in the same way."
        )
    unit, names = kinds.pop()
    columns = {item.title: [column[~np.isnan(column)] for column in item.distances.T] for item in comparisons}
    measured = [known for item in comparisons if len(known := item.distances[~np.isnan(item.distances)])]
    limit = max((float(np.percentile(known, 98)) for known in measured), default=1.0)
    draw_boxes(columns, names, limit, f"Distance [{unit}]", path, TALLEST)


def _comparison(item: Comparison) -> dict[str, Any]:
    rows = [asdict(row) for row in item.rows()]
    if item.status is None:
        rows = [{**row, "stated": None, "agreed": None} for row in rows]
    overall = {name: value for name, value in rows[-1].items() if name != "landmark"}
    return {
        "first": item.first,
        "second": item.second,
        "unit": item.unit,
        "images": len(item.images),
        "landmarks": rows[:-1],
        "overall": overall,
    }
