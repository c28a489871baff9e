"""Errors of cross-task distillation from sources that ship with the project, by set, source, number of labels and row.

    python docs/evidence/cross_task_sources/measure.py SET:SOURCE[:LAMBDA]=ABLATION [...] --output ERRORS.json
    python docs/evidence/cross_task_sources/measure.py --print docs/evidence/cross_task_sources/errors.json

ABLATION is a folder that `monai-landmarks ablate` wrote with one source and one weight of its regularisers. A subject
is a person; the errors are in the order of the images' names, and each has the number of its subject.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trainings import figures_of, read_trainings, words

ROWS = ("FE", "FTP", "FT", "CD", "ED", "Com")
#: What the others are compared with.
BASE = "FT"
#: Without a regulariser, so that the weight makes no difference.
UNWEIGHTED = ("FE", "FTP", BASE)
#: The set whose images chose the weight of each row, which was tried with several.
CHOICE = "chosen_on"

Key = tuple[str, str, int, str, str]


def person_of(image: str) -> str:
    """The person of an image: its name without the word and the number of its frame."""
    return re.sub(r"_\d+$", "", re.sub(r"^(train|test)_", "", image))


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
        base = {} if key[3] == BASE else groups.get((*key[:3], BASE, ""), {})
        found[key] = figures_of(group, base, subjects[key[0]])
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
            cells.append(words(found[group[0]]) if group else "")
        rows.append(f"| {' | '.join(cells)} |")
    return rows


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
        for cell, images in read_trainings(Path(folder)):
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
