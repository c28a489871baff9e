"""Errors of trainings that begin with ImageNet weights and with random ones, by set, network and number of labels.

    python docs/evidence/initial_weights/measure.py SET:ENCODER=ABLATION [SET:ENCODER=ABLATION ...] --output ERRORS.json
    python docs/evidence/initial_weights/measure.py --print docs/evidence/initial_weights/errors.json

ABLATION is a folder that `monai-landmarks ablate` wrote with one encoder. Images are in the order of their names.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from monai_ext.evaluation import difference_interval

DECODER = "local_soft_argmax"
#: Of the table, and what each is compared with.
PRETRAINED, OTHERS = "pretrained lite0", ("random lite0", "random resnet18")


def read_cell(path: Path) -> dict[str, Any]:
    """The mean error of each image, the median of all points, and the seconds of one training, in pixels."""
    cell = json.loads(path.read_text(encoding="utf-8"))
    images: dict[str, list[float]] = defaultdict(list)
    with (path.parent / "predictions.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["stage"] == "answer" and row["decoder"] == DECODER and row["status_true"] == "defined":
                off = [float(row[f"pred_{axis}"]) - float(row[f"true_{axis}"]) for axis in "xy"]
                images[row["image"]].append(float(np.hypot(*off)))
    points = np.concatenate([images[name] for name in images])
    return {
        "labels": cell["training_images"],
        "seed": cell["seed"],
        "steps": cell["steps"],
        "seconds": round(cell["seconds"]),
        "median": round(float(np.median(points)), 3),
        "images": [round(float(np.mean(images[name])), 3) for name in sorted(images)],
    }


def figures(cells: list[dict[str, Any]]) -> dict[tuple[str, int, str], dict[str, Any]]:
    """The figures by set, number of labels and row.

    ``less``: the mean difference to :data:`PRETRAINED` on the same images and seeds, with a 95 % interval over images.
    """
    groups: dict[tuple[str, int, str], list[dict[str, Any]]] = defaultdict(list)
    for cell in sorted(cells, key=lambda cell: (cell["set"], cell["labels"], cell["row"], cell["seed"])):
        groups[cell["set"], cell["labels"], cell["row"]].append(cell)
    found = {}
    for (name, labels, row), group in groups.items():
        means = np.array([np.mean(cell["images"]) for cell in group])
        own = {cell["seed"]: cell["images"] for cell in group}
        base = {cell["seed"]: cell["images"] for cell in groups.get((name, labels, PRETRAINED), ())}
        both = sorted(own.keys() & base.keys())
        between = None
        if row != PRETRAINED and both:
            mean_of = [np.mean([errors[seed] for seed in both], 0)[:, None] for errors in (own, base)]
            between = difference_interval(*mean_of)
        found[name, labels, row] = {
            "mean": float(means.mean()),
            "sd": float(means.std(ddof=1)) if len(means) > 1 else None,
            "median": float(np.median([cell["median"] for cell in group])),
            "seconds": float(np.median([cell["seconds"] for cell in group])),
            "steps": group[0]["steps"],
            "seeds": len(group),
            "images": len(group[0]["images"]),
            "less": between,
        }
    return found


def table(found: dict[tuple[str, int, str], dict[str, Any]]) -> list[str]:
    """The rows of the table: mean ± standard deviation over seeds / median, and the differences to the pretrained."""
    rows = []
    for name, labels in dict.fromkeys((name, labels) for name, labels, _ in found):
        cells = [f"{name}, {labels}", str(found[name, labels, PRETRAINED]["steps"])]
        for row in (PRETRAINED, *OTHERS):
            numbers = found.get((name, labels, row))
            if numbers is None:
                cells.append("")
                continue
            sd = "" if numbers["sd"] is None else f" ± {numbers['sd']:.2f}"
            words = f"{numbers['mean']:.2f}{sd} / {numbers['median']:.2f}"
            between = numbers["less"]
            if between is not None:
                words += f"; {between.mean:+.2f} [{between.low:.2f}, {between.high:.2f}]"
            cells.append(words)
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
        for path in sorted(Path(folder).glob("cells/*/cell.json")):
            row = json.loads(path.read_text(encoding="utf-8"))["row"]
            cells.append({"set": set_name, "row": f"{row} {encoder}"} | read_cell(path))
    if asked.told is not None:
        cells = json.loads(asked.told.read_text(encoding="utf-8"))["cells"]
    if asked.output is not None:
        asked.output.write_text(json.dumps({"cells": cells}) + "\n", encoding="utf-8")
    print("\n".join(table(figures(cells))))


if __name__ == "__main__":
    main()
