"""Errors of cross-task distillation from sources that ship with the project, by set, source, number of labels and row.

    python docs/evidence/cross_task_sources/measure.py SET:SOURCE[:LAMBDA]=ABLATION [...] --output ERRORS.json
    python docs/evidence/cross_task_sources/measure.py --print docs/evidence/cross_task_sources/errors.json

ABLATION is a folder that `monai-landmarks ablate` wrote with one source and one weight of its regularisers. A subject
is a person; the errors are in the order of the images' names, and each has the number of its subject.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

DECODER = "local_soft_argmax"
ROWS = ("FE", "FTP", "FT", "CD", "ED", "Com")
#: What the others are compared with.
BASE = "FT"
#: Without a regulariser, so that the weight makes no difference.
UNWEIGHTED = ("FE", "FTP", BASE)
RESAMPLES = 10_000
#: The set whose images chose the weight of each row, which was tried with several.
CHOICE = "chosen_on"

Key = tuple[str, str, int, str, str]


class Difference(NamedTuple):
    """A mean difference, and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def person_of(image: str) -> str:
    """The person of an image: its name without the word and the number of its frame."""
    return re.sub(r"_\d+$", "", re.sub(r"^(train|test)_", "", image))


def read_cell(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The mean error of each image and the median of all points of one training, in pixels; and the images' names."""
    cell = json.loads(path.read_text(encoding="utf-8"))
    images: dict[str, list[float]] = defaultdict(list)
    with (path.parent / "predictions.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["stage"] == "answer" and row["decoder"] == DECODER and row["status_true"] == "defined":
                off = [float(row[f"pred_{axis}"]) - float(row[f"true_{axis}"]) for axis in "xy"]
                images[row["image"]].append(float(np.hypot(*off)))
    names = sorted(images)
    return {
        "row": cell["row"],
        "labels": cell["training_images"],
        "seed": cell["seed"],
        "steps": cell["steps"],
        "seconds": round(cell["seconds"]),
        "median": round(float(np.median(np.concatenate([images[name] for name in names]))), 3),
        "images": [round(float(np.mean(images[name])), 3) for name in names],
    }, names


def crossed_interval(differences: NDArray[np.float64], subjects: list[int]) -> Difference:
    """The mean of (seeds, images) differences, with an interval over other seeds and other subjects.

    Seeds and subjects are drawn with replacement, independently of each other (Owen 2007, The pigeonhole bootstrap).
    """
    rng = np.random.default_rng(0)
    members = np.eye(max(subjects) + 1)[subjects]
    sums, counts = differences @ members, members.sum(0)
    seeds, people = (rng.multinomial(n, np.full(n, 1 / n), RESAMPLES) for n in sums.shape)
    drawn = np.einsum("rs,sp,rp->r", seeds, sums, people) / (len(differences) * (people @ counts))
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Difference(float(differences.mean()), float(low), float(high))


def figures(cells: list[dict[str, Any]], subjects: dict[str, list[int]]) -> dict[Key, dict[str, Any]]:
    """The figures by set, source, number of labels, row and weight of its regularisers (empty where it has none).

    ``less``: the difference to :data:`BASE` on the same images, seeds and labels, which has no weight.
    """
    groups: dict[Key, dict[int, dict[str, Any]]] = defaultdict(dict)
    for cell in sorted(cells, key=lambda cell: cell["seed"]):
        key = (cell["set"], cell["source"], cell["labels"], cell["row"], cell["weight"])
        groups[key][cell["seed"]] = cell
    found = {}
    for key, group in groups.items():
        base = groups.get((*key[:3], BASE, ""), {})
        means = np.array([np.mean(cell["images"]) for cell in group.values()])
        both = sorted(group.keys() & base.keys())
        paired = np.array([np.subtract(group[seed]["images"], base[seed]["images"]) for seed in both])
        found[key] = {
            "mean": float(means.mean()),
            "sd": float(means.std(ddof=1)) if len(means) > 1 else None,
            "median": float(np.median([cell["median"] for cell in group.values()])),
            "seconds": float(np.median([cell["seconds"] for cell in group.values()])),
            "steps": {cell["steps"] for cell in group.values()},
            "seeds": len(group),
            "less": crossed_interval(paired, subjects[key[0]]) if both and key[3] != BASE else None,
        }
    return found


def table(found: dict[Key, dict[str, Any]], name: str, weight: str | None = None) -> list[str]:
    """The rows of a set's table: mean ± standard deviation over seeds / median, and the differences to FT.

    Args:
        found: of :func:`figures`.
        name: of the set.
        weight: of the regularisers; None takes whichever was used.
    """
    rows = []
    for source, labels in sorted({key[1:3] for key in found if key[0] == name}):
        cells = [f"`{source}`, {labels}"]
        for row in ROWS:
            group = [
                key for key in found if key[:4] == (name, source, labels, row) and key[4] in ("", weight or key[4])
            ]
            cells.append(_words(found[group[0]]) if group else "")
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _words(numbers: dict[str, Any]) -> str:
    sd = "" if numbers["sd"] is None else f" ± {numbers['sd']:.2f}"
    less = "" if numbers["less"] is None else "; {0.mean:+.2f} [{0.low:.2f}, {0.high:.2f}]".format(numbers["less"])
    return f"{numbers['mean']:.2f}{sd} / {numbers['median']:.2f}{less}"


def main() -> None:
    """Writes the errors, and prints the rows of the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ablations", nargs="*", help="SET:SOURCE[:LAMBDA]=FOLDER")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--print", type=Path, dest="told")
    asked = parser.parse_args()
    cells: list[dict[str, Any]] = []
    subjects: dict[str, list[int]] = {}
    for ablation in asked.ablations:
        name, folder = ablation.split("=", 1)
        set_name, source, *weight = name.split(":")
        for path in sorted(Path(folder).glob("cells/*/cell.json")):
            cell, images = read_cell(path)
            people = sorted({person_of(image) for image in images})
            subjects[set_name] = [people.index(person_of(image)) for image in images]
            used = "" if cell["row"] in UNWEIGHTED else "".join(weight)
            cells.append({"set": set_name, "source": source, "weight": used, **cell})
    if asked.told is not None:
        told = json.loads(asked.told.read_text(encoding="utf-8"))
        cells, subjects = told["cells"], told["subjects"]
    if asked.output is not None:
        asked.output.write_text(json.dumps({"subjects": subjects, "cells": cells}) + "\n", encoding="utf-8")
    found = figures(cells, subjects)
    for name in subjects:
        for weight in sorted({key[4] for key in found if key[0] == name and key[4]}) if name == CHOICE else [None]:
            print(name, weight or "", *table(found, name, weight), sep="\n")


if __name__ == "__main__":
    main()
