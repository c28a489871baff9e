"""The table of an ablation for a report, from its results.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monai_ext.landmarks import InputError
from monai_ext.reports import Note, Section, Source, Table


def ablation_section(source: Source) -> Section:
    """The rows of each size: mean ± sample standard deviation over seeds.

    Raises:
        InputError: the results are damaged.
    """
    document = source.document
    try:
        rows, measures = document["rows"], document["measures"]
        sizes = dict.fromkeys(str(row["size"]) for row in rows)
        blocks = [_table([row for row in rows if str(row["size"]) == size], measures) for size in sizes]
        finished, wanted = document["cells_finished"], document["cells_asked_for"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{source.path} is no whole ablation result ({error!r}); write it again.") from None
    if not blocks:
        return Section(_title(document), [Note("No cell of this ablation is finished.")])
    notes = [] if finished == wanted else [Note(f"Only {finished} of {wanted} cells are finished.", "warning")]
    return Section(_title(document), [*notes, *blocks])


def _title(document: Mapping[str, Any]) -> str:
    return f"Ablation of {document.get('protocol', 'a protocol')}"


def _table(rows: Sequence[Mapping[str, Any]], measures: Mapping[str, Any]) -> Table:
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
    return Table(["row", *(heading for heading, _ in columns.values())], cells, caption)


def _number(value: Mapping[str, Any] | None, factor: float) -> str:
    if value is None or value["mean"] is None:
        return "–"
    mean = f"{factor * value['mean']:.2f}"
    return mean if value["sd"] is None else f"{mean} ± {factor * value['sd']:.2f}"
