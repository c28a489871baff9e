"""Results of a cross-validation: cross_validation.json, table.md, and a folder like that of evaluate for each set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from monai_ext.evaluation import Measures, Table, draw_ced, draw_worst_cases, record_points, rounded, write_error_csv
from monai_ext.images import read_image
from monai_ext.landmarks import write_atomically, write_json_atomically
from monai_ext.studies import Studies

from .cross_validation import CrossValidation
from .out_of_fold import OutOfFold

RESULTS, TABLE, PLOT = "cross_validation.json", "table.md", "ced.png"
#: The images themselves, and changed copies of them; also the names of their folders.
PLAIN, COPIES = "images", "changed"
WORST = 12


def write_cross_validation(
    validation: CrossValidation, measures: Measures, command: str, *, pictures: bool = False
) -> tuple[dict[str, OutOfFold], dict[str, Any]]:
    """Writes the results of the finished folds.

    Args:
        validation: of which the finished folds are measured.
        measures: thresholds and limits.
        command: that made it.
        pictures: draw the plot and the worst cases too.

    Returns:
        The reading of the images and of the changed copies, as far as there are any, and what the JSON file holds.

    Raises:
        InputError: the measures do not fit the images.
    """
    done = [fold for fold in validation.cells if validation.finished(fold) is not None]
    found = {
        PLAIN: [answer for fold in done for answer in validation.answers(fold)],
        COPIES: [answer for fold in done for answer in validation.changed_answers(fold)],
    }
    subjects = validation.studies.subjects()
    readings = {name: OutOfFold.of_answers(answers, measures, subjects) for name, answers in found.items() if answers}
    settings = validation.settings
    about = {
        "protocol": validation.protocol.name,
        "title": validation.protocol.title,
        "model_version": f"{settings.folds}-fold cross-validation, seed {settings.seed}",
        "split": "out of fold",
        **validation.origin(command),
    }
    for name, reading in readings.items():
        studies = validation.studies if name == PLAIN else validation.changed
        assert studies is not None
        _write_set(validation, studies, reading, validation.output / name, about, pictures=pictures)
    document = about | {
        "settings": settings.recorded(),
        "studies": validation.studies.root.as_posix(),
        "changed": None if validation.changed is None else validation.changed.root.as_posix(),
        "recipe": validation.given.recipe.model_dump(mode="json"),
        "network": validation.given.network.model_dump(mode="json"),
        "length": asdict(validation.length),
        "folds_finished": len(done),
        "folds_asked_for": len(validation.cells),
        "unit": next(iter(readings.values())).evaluation.unit if readings else None,
        "between": None if measures.between is None else list(measures.between),
        "relative": {name: [row.to_dict() for row in reading.rows] for name, reading in readings.items()},
        "folds": [validation.finished(fold) for fold in done],
    }
    write_json_atomically(validation.output / RESULTS, document)
    if readings:
        write_atomically(validation.output / TABLE, _markdown(validation, readings, measures, len(done), command))
        if pictures:
            draw_ced({name: reading.evaluation for name, reading in readings.items()}, validation.output / PLOT)
    return readings, document


def _write_set(
    validation: CrossValidation,
    studies: Studies,
    reading: OutOfFold,
    folder: Path,
    about: Mapping[str, Any],
    *,
    pictures: bool,
) -> None:
    images, protocol = studies.images(), validation.protocol
    points = record_points(reading.pairs, images, protocol).model_dump(mode="json")
    document = {**about, "studies": studies.root.as_posix(), **reading.to_dict(), "points": points}
    write_json_atomically(folder / "metrics.json", document)
    write_error_csv(folder / "errors.csv", reading.pairs, reading.evaluation, called=reading.called or None)
    if pictures and reading.evaluation.images_measured:
        draw_worst_cases(
            reading.evaluation,
            reading.pairs,
            lambda id: read_image(images[id], protocol.channels)[0],
            folder / "worst_cases.png",
            WORST,
            colors=[item.color for item in protocol.landmarks],
        )


def relative_table(readings: Mapping[str, OutOfFold], measures: Measures, title: str = "") -> Table:
    """One row per set and landmark, and one per set for all landmarks."""
    unit = next(iter(readings.values())).evaluation.unit
    between = measures.between
    limit = f"{measures.failure:g} {unit}" if between is None else f"{measures.normalized_limit:g} % of it"
    headings = ["set", "landmark", f"mean, {unit}", "95 % interval", "median", "% of width"]
    headings += [] if between is None else [f"% of {between[0]} to {between[1]}"]
    headings += ["worst", f"failed, > {limit}"]
    rows = []
    for name, reading in readings.items():
        for row in reading.rows:
            interval = f"{rounded(row.low, 2)} to {rounded(row.high, 2)}"
            relative = [rounded(row.of_width, 3), *([] if between is None else [rounded(row.of_distance, 2)])]
            failed = f"{row.failures} of {row.judged}"
            lengths = [rounded(row.mean, 2), interval, rounded(row.median, 2)]
            rows.append([name, row.name, *lengths, *relative, rounded(row.worst, 1), failed])
    return Table(headings, rows, title, left=2, wraps=None)


def _markdown(
    validation: CrossValidation, readings: Mapping[str, OutOfFold], measures: Measures, done: int, command: str
) -> str:
    over = "subjects" if any(reading.evaluation.subjects for reading in readings.values()) else "images"
    lines = [
        f"# Cross-validation of {validation.protocol.title}",
        f"{done} of {len(validation.cells)} folds are finished. Every image was answered by a model that had not seen "
        f"it, trained for {validation.length.steps} optimiser steps; the last weights count. Intervals are of the mean "
        f"over other {over}, by bootstrap. An image fails in the rows `all` where any of its landmarks does. "
        "Distances are measured to the likeliest place of a landmark, also where the model calls the landmark missing; "
        "misses and false alarms count what the model calls it.",
        f"Command: `{command}`",
        relative_table(readings, measures).markdown(gap=""),
        *_left_out(readings),
    ]
    return "\n\n".join(lines) + "\n"


def _left_out(readings: Mapping[str, OutOfFold]) -> list[str]:
    """Names the images that are not judged in percent of a distance, set by set."""
    return [
        f"Left out of failures and of percentages of the distance in the set `{name}`, because their truth has no "
        f"distance between {' and '.join(scores.between)}: {', '.join(f'`{image}`' for image in scores.left_out)}."
        for name, reading in readings.items()
        if (scores := reading.normalized) is not None and scores.left_out
    ]
