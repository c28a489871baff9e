"""Plot of the distances that points were moved, label by label in the order of time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from monai_ext.evaluation import color_of, dress, literal, marker_of, new_figure, save_figure
from monai_ext.landmarks import FloatArray, InputError, Unit

from .records import AgreementRecord

#: Labels that the running mean looks back on.
WINDOW = 10


def running_mean(distances: FloatArray, versions: Sequence[str], window: int = WINDOW) -> FloatArray:
    """(N,) mean of the last labels up to each one, at most ``window``, back to where the version last changed.

    Args:
        distances: (N,) in the order of time.
        versions: of each.
        window: how many.
    """
    begin, means = 0, np.empty(len(distances))
    for i in range(len(distances)):
        if i and versions[i] != versions[i - 1]:
            begin = i
        means[i] = distances[max(begin, i + 1 - window) : i + 1].mean()
    return means


def version_changes(versions: Sequence[str]) -> list[int]:
    """Beginnings of other versions: the indices of the first label of each stretch, but for the first."""
    return [i for i in range(1, len(versions)) if versions[i] != versions[i - 1]]


def draw_agreement(records: Sequence[AgreementRecord], path: str | Path) -> None:
    """Draws each label's mean distance in the order of submission, their running mean and the changes of version.

    Labels in px and in mm have a panel each; labels without any compared point are left out.

    Args:
        records: in any order, of one protocol.
        path: a ``.png`` file.

    Raises:
        InputError: no label has a compared point, or the path is no ``.png``.
    """
    ordered = sorted(records, key=lambda record: (record.time, record.image))
    panels: dict[Unit, list[AgreementRecord]] = {}
    for record in ordered:
        if record.mean is not None:
            panels.setdefault(record.unit, []).append(record)
    if not panels:
        raise InputError("There is no agreement to draw: no final label has a point that a model proposed.")
    versions = list(dict.fromkeys(record.model_version for record in ordered))
    figure = new_figure(7.0, 1.0 + 3.6 * len(panels))
    for number, (unit, shown) in enumerate(sorted(panels.items()), start=1):
        _draw_panel(figure.add_subplot(len(panels), 1, number), unit, shown, versions)
    save_figure(figure, path)


def _draw_panel(axes: Any, unit: Unit, records: Sequence[AgreementRecord], versions: Sequence[str]) -> None:
    own = [record.model_version for record in records]
    distances = np.array([record.mean for record in records], dtype=np.float64)
    numbers = np.arange(1, len(records) + 1)
    for index, version in enumerate(versions):
        chosen = np.array([name == version for name in own])
        if chosen.any():
            axes.scatter(
                numbers[chosen],
                distances[chosen],
                s=22,
                color=color_of(index),
                marker=marker_of(index),
                alpha=0.7,
                linewidths=0,
                label=literal(f"{version} ({int(chosen.sum())})"),
                zorder=3,
            )
    changes = version_changes(own)
    means = running_mean(distances, own)
    for begin, end in zip([0, *changes], [*changes, len(records)], strict=True):
        label = f"mean of the last {WINDOW}" if begin == 0 else None
        axes.plot(numbers[begin:end], means[begin:end], color="#000000", linewidth=1.8, label=label, zorder=4)
    for change in changes:
        axes.axvline(change + 0.5, color="#666666", linewidth=1, zorder=2)
    axes.set_xlim(0.5, len(records) + 0.5)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(f"Submitted labels, {records[0].date[:10]} to {records[-1].date[:10]}")
    axes.set_ylabel(f"Mean distance moved [{unit}]")
    dress(axes)
    axes.legend(framealpha=0.9, fontsize=8).set_zorder(20)
