"""Errors of trainings that begin with ImageNet weights and with random ones, by set, network and number of labels.

    python docs/evidence/initial_weights/measure.py SET:ENCODER=ABLATION [SET:ENCODER=ABLATION ...] --output ERRORS.json
    python docs/evidence/initial_weights/measure.py --print docs/evidence/initial_weights/errors.json

ABLATION is a folder that `monai-landmarks ablate` wrote with one encoder. Images are in the order of their names.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trainings import figures_of, read_trainings, words

#: Of the table, and what each is compared with.
PRETRAINED, OTHERS = "pretrained lite0", ("random lite0", "random resnet18")


def figures(cells: list[dict[str, Any]]) -> dict[tuple[str, int, str], dict[str, Any]]:
    """The figures by set, number of labels and row.

    ``less``: the mean difference to :data:`PRETRAINED` on the same images and seeds, with a 95 % interval over both.
    """
    groups: dict[tuple[str, int, str], dict[int, dict[str, Any]]] = defaultdict(dict)
    for cell in sorted(cells, key=lambda cell: (cell["set"], cell["labels"], cell["row"], cell["seed"])):
        groups[cell["set"], cell["labels"], cell["row"]][cell["seed"]] = cell
    found = {}
    for (name, labels, row), group in groups.items():
        base = {} if row == PRETRAINED else groups.get((name, labels, PRETRAINED), {})
        images = len(next(iter(group.values()))["images"])
        found[name, labels, row] = figures_of(group, base, range(images))
    return found


def table(found: dict[tuple[str, int, str], dict[str, Any]]) -> list[str]:
    """The rows of the table: mean ± standard deviation over seeds / median, and the differences to the pretrained."""
    rows = []
    for name, labels in dict.fromkeys((name, labels) for name, labels, _ in found):
        (steps,) = found[name, labels, PRETRAINED]["steps"]
        numbers = [found.get((name, labels, row)) for row in (PRETRAINED, *OTHERS)]
        cells = [f"{name}, {labels}", str(steps), *("" if each is None else words(each) for each in numbers)]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def main() -> None:
    """Writes the errors, and prints the rows of the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ablations", nargs="*", help="SET:ENCODER=FOLDER")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--print", type=Path, dest="told")
    asked = parser.parse_args()
    cells: list[dict[str, Any]] = []
    for ablation in asked.ablations:
        name, folder = ablation.split("=", 1)
        set_name, encoder = name.split(":")
        for cell, _ in read_trainings(Path(folder)):
            cells.append({**cell, "set": set_name, "row": f"{cell['row']} {encoder}"})
    if asked.told is not None:
        cells = json.loads(asked.told.read_text(encoding="utf-8"))["cells"]
    if asked.output is not None:
        asked.output.write_text(json.dumps({"cells": cells}) + "\n", encoding="utf-8")
    print("\n".join(table(figures(cells))))


if __name__ == "__main__":
    main()
