"""The measurements of the open image as rows of a table, with the columns of the server's table of the whole study."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from .measurements import MeasuredValue
from .work import Work

#: As ``GET /datastore/measurements`` has them.
COLUMNS = (
    "image", "protocol", "measurement", "value", "unit", "reason", "annotator", "model_version", "spacing_source",
    "mm_per_px_x", "mm_per_px_y", "date", "points",
)  # fmt: skip
#: Those that hold numbers.
NUMBERS = ("value", "mm_per_px_x", "mm_per_px_y")


def measurement_rows(work: Work, annotator: str, source: str, date: str) -> list[dict[str, str]]:
    """One row for each measurement, also for those that have no value, with the reason.

    Args:
        work: the open image with its points as they are now, sent or not.
        annotator: who works on it.
        source: where the size of a pixel is known from.
        date: of the points, ISO 8601.
    """
    calibrated = work.geometry.unit == "mm"
    shared = {
        "image": work.image,
        "protocol": work.task.name,
        "annotator": annotator,
        "model_version": work.model_version or "",
        "spacing_source": source,
        "mm_per_px_x": repr(work.geometry.spacing[0]) if calibrated else "",
        "mm_per_px_y": repr(work.geometry.spacing[1]) if calibrated else "",
        "date": date,
    }
    return [_row(work, item, shared) for item in work.measurements()]


def csv_text(rows: Iterable[dict[str, str]]) -> str:
    """A CSV table with a header."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _row(work: Work, item: MeasuredValue, shared: dict[str, str]) -> dict[str, str]:
    points = {name: work[work.task.index(name)] for name in item.definition.between}
    absent = [name for name, point in points.items() if point.position is None]
    reason = ""
    if item.value is None:
        reason = f"{' and '.join(absent)}: no point" if absent else "two of its points are in one place"
    ends = []
    for name, point in points.items():
        if point.position is None:
            ends.append(name)
        else:
            x, y = work.geometry.to_pixel(point.position)
            ends.append(f"{name} {x!r} {y!r}")
    return {
        **shared,
        "measurement": item.definition.name,
        "value": "" if item.value is None else repr(item.value),
        "unit": item.unit,
        "reason": reason,
        "points": "; ".join(ends),
    }
