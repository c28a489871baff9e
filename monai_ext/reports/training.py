"""The validation errors of trainings, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.ticker import MaxNLocator

from monai_ext.evaluation import DASH, Table, line_look, marker_of, plot_file, rounded
from monai_ext.landmarks import InputError

from .content import Block, Note, PictureFolder, Section
from .sources import Source


class Training(NamedTuple):
    """One training.

    Attributes:
        name: protocol and version.
        protocol: name; empty if it is not stated.
        unit: of the errors.
        epochs, errors: of each validation; NaN where there was no error.
        facts: labels, seed, time and machine, as far as they are known.
    """

    name: str
    protocol: str
    unit: str
    epochs: tuple[float, ...]
    errors: tuple[float, ...]
    facts: tuple[str, ...]


def training_sections(sources: Sequence[Source], pictures: PictureFolder) -> list[Section]:
    """A section for each protocol and unit, with all its trainings in one plot.

    Args:
        sources: files of the kind TRAINING.
        pictures: where the plots are drawn.

    Raises:
        InputError: a file is damaged.
    """
    groups: dict[tuple[str, str], list[Training]] = {}
    for source in sources:
        training = _read(source)
        groups.setdefault((training.protocol, training.unit), []).append(training)
    return [
        Section(f"Training of {protocol or 'a model'}, errors in {unit}", _blocks(members, pictures, number))
        for number, ((protocol, unit), members) in enumerate(groups.items(), start=1)
    ]


def draw_trainings(trainings: Sequence[Training], path: str | Path) -> None:
    """Draws the validation errors of trainings of one unit over their epochs, and writes a PNG file."""
    with plot_file(path, 7.0, 4.2) as axes:
        for i, training in enumerate(trainings):
            look = line_look(i, training.name) | {"linewidth": 1.8, "zorder": 2}
            axes.plot(training.epochs, training.errors, marker=marker_of(i), **look)
        axes.set_xlabel("Epoch")
        axes.set_ylabel(f"Mean error on the validation images [{trainings[0].unit}]")
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(framealpha=0.9)


def _blocks(trainings: Sequence[Training], pictures: PictureFolder, number: int) -> list[Block]:
    shown = [training for training in trainings if any(not math.isnan(error) for error in training.errors)]
    blocks: list[Block] = [Note("No validation of these trainings has an error.")]
    if shown:
        alt = f"Validation error by epoch of {', '.join(training.name for training in shown)}"
        caption = "Mean error on the validation images while the network learned."
        blocks = [pictures.figure(f"training{number}.png", partial(draw_trainings, shown), caption, alt)]
    rows = [[t.name, str(len(t.epochs)), _least(t), *t.facts] for t in trainings]
    headings = ["training", "validations", "least error", "labels", "seed", "seconds", "machine"]
    return [*blocks, Table(headings, rows)]


def _least(training: Training) -> str:
    known = [error for error in training.errors if not math.isnan(error)]
    return f"{rounded(min(known), 3)} {training.unit}" if known else DASH


def _read(source: Source) -> Training:
    document = source.document
    card: Mapping[str, Any] = document.get("card") or {}
    protocol = str(document.get("protocol") or (card.get("protocol") or {}).get("name") or "")
    version = str(document.get("model_version") or card.get("version") or source.path.parent.name)
    machine: Mapping[str, Any] = document.get("machine") or {}
    facts = [document.get("labels_used", card.get("labels_used")), document.get("seed", card.get("seed"))]
    facts += [document.get("seconds"), machine.get("device")]
    try:
        history = document["history"]
        return Training(
            f"{protocol} {version}".strip(),
            protocol,
            str(document["unit"]),
            tuple(float(entry["epoch"]) for entry in history),
            tuple(math.nan if entry["val_error"] is None else float(entry["val_error"]) for entry in history),
            tuple("not stated" if fact is None else str(fact) for fact in facts),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{source.path} is not a complete training history ({error!r}); train again.") from None
