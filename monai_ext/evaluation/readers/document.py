"""The agreement of readers as a table, as JSON, and as one CSV row per image and landmark."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from monai_ext.evaluation.tables import rounded
from monai_ext.landmarks import Status
from monai_ext.landmarks.answer import plain
from monai_ext.landmarks.files import write_atomically
from monai_ext.studies import ReadImage

from .compared import Comparison

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
    """One comparison for the terminal."""
    table = Table(title=title or comparison.title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("landmark", overflow="fold")
    headings = ["n", f"mean [{comparison.unit}]", f"median [{comparison.unit}]", f"95 % [{comparison.unit}]"]
    if comparison.status is not None:
        headings.append("same status")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    rows = comparison.rows()
    for number, row in enumerate(rows):
        last = len(rows) - 2 if number == len(rows) - 2 else -1
        cells = [row.landmark, str(row.points), rounded(row.mean, 2), rounded(row.median, 2), rounded(row.p95, 2)]
        if comparison.status is not None:
            cells.append(f"{row.agreed} of {row.stated}")
        table.add_row(*cells, end_section=number == last)
    return table


def write_distances(path: Path, comparisons: Sequence[Comparison]) -> None:
    """Writes every distance as a CSV row; an empty one where there is none.

    Raises:
        OSError: the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for item in comparisons:
        for i, image in enumerate(item.images):
            for k, name in enumerate(item.names):
                distance = item.distances[i, k]
                states = ["", ""] if item.status is None else [Status(code).word for code in item.status[i, k]]
                shown = "" if np.isnan(distance) else repr(float(distance))
                writer.writerow([item.title, image, name, shown, item.unit, *states])
    write_atomically(path, text.getvalue())


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
