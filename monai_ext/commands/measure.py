"""``monai-landmarks measure``: the measurements of corrected labels as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_ext.landmarks import InputError, csv_of_rows, find_protocol, read_protocols, shipped_dir, write_atomically
from monai_ext.studies import Studies, study_rows

from .console import note, print_json
from .options import ImageOption, JsonOption, OverwriteOption


def run(
    studies: Annotated[Path, typer.Argument(help="Folder of images with labels/final/ID.mrk.json.")],
    protocol: Annotated[
        str | None,
        typer.Option(
            "--protocol",
            "-p",
            help="Only labels of this protocol (name or .yaml file). Default: the shipped protocols.",
        ),
    ] = None,
    image: ImageOption = None,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="A .csv file. Default: print to the terminal.")
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Measure the final labels: angles, and lengths in mm (px for images without calibration).

    One row is one measurement of one image, with who saved the label, the version of the model that proposed it, where
    the calibration came from, the date and the points. Where a landmark is missing or not annotated, the value is
    empty and the column `reason` says why.

    Example: `monai-landmarks measure studies --protocol face --output lengths.csv`
    """
    if out is not None and out.exists() and not overwrite:
        raise InputError(f"{out} exists: use --overwrite to replace it.")
    task = None if protocol is None else find_protocol(protocol)
    protocols = read_protocols([shipped_dir("protocols")]) if task is None else {task.name: task}
    if task is not None and not task.measurements:
        raise InputError(f"The protocol {task.name} defines no measurements: add some to its .yaml file.")
    study, only = Studies(studies), None if task is None else task.name
    chosen: list[str | None] = [*study.known_ids(image)] if image else [None]
    found = [label for wanted in chosen for label in study_rows(study, protocols, wanted, only)]
    if not found:
        raise InputError(
            f"{studies} has no final label{f' of {task.name}' if task else ''}: there is nothing to measure."
        )
    rows = [row for label in found for row in label]
    if as_json:
        print_json({"rows": [row.to_dict() for row in rows]})
    elif out is None:
        typer.echo(csv_of_rows(rows), nl=False)
    else:
        write_atomically(out, csv_of_rows(rows))
    empty = [row for row in rows if row.value is None]
    note(f"{len(rows)} measurements of {len(found)} labels" + (f" in {out}." if out and not as_json else "."))
    if empty:
        first = f"{empty[0].image} {empty[0].measurement}".rstrip()
        note(f"{len(empty)} of them have no value, as {first}: {empty[0].reason.rstrip('.')}.")
