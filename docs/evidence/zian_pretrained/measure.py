"""Errors of the rows of a ZIAN by photograph: medians and paired differences beside the means of ``ablate``.

    python docs/evidence/zian_pretrained/measure.py ABLATION [ABLATION ...] --output ERRORS.json
    python docs/evidence/zian_pretrained/measure.py --print docs/evidence/zian_pretrained/errors.json

ABLATION is a folder that `monai-landmarks ablate` wrote. Photographs are in the order of their names.
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
#: The diameter of an optic disc as a share of its distance from the fovea; an error beyond it is another place.
DISC = 0.4
#: Each pair of answers whose errors are compared, as (row, stage).
PAIRS = (
    (("1roi", "answer"), ("base", "answer")),
    (("1roi+sa", "answer"), ("1roi", "answer")),
    (("mr+sa", "answer"), ("1roi+sa", "answer")),
    (("zian", "answer"), ("mr+sa", "answer")),
    (("zian", "coarse"), ("base", "answer")),
    (("zian", "answer"), ("zian", "coarse")),
    (("zian", "answer"), ("base", "answer")),
    (("zian", "answer"), ("pretrained", "answer")),
    (("base", "answer"), ("pretrained", "answer")),
)

#: Errors in pixels by row, stage, seed and landmark, in the order of the photographs.
Errors = dict[str, dict[str, dict[str, dict[str, list[float]]]]]


def read_cells(ablation: Path) -> tuple[Errors, list[float]]:
    """The errors of all finished cells of an ablation, and the diameter of the disc of each photograph, in pixels."""
    found: Errors = {}
    truth: dict[str, list[tuple[float, float]]] = {}
    for path in sorted(ablation.glob("cells/*/cell.json")):
        cell = json.loads(path.read_text(encoding="utf-8"))
        stages: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        truth = {}
        with (path.parent / "predictions.csv").open(encoding="utf-8", newline="") as file:
            for row in sorted(csv.DictReader(file), key=lambda row: row["image"]):
                if row["decoder"] == DECODER:
                    if row["stage"] == "answer":
                        truth.setdefault(row["image"], []).append((float(row["true_x"]), float(row["true_y"])))
                    x, y = (float(row[f"pred_{axis}"]) - float(row[f"true_{axis}"]) for axis in "xy")
                    stages[row["stage"]][row["landmark"]].append(round(float(np.hypot(x, y)), 3))
        for stage, landmarks in stages.items():
            found.setdefault(cell["row"], {}).setdefault(stage, {})[str(cell["seed"])] = dict(landmarks)
    return found, [round(DISC * float(np.hypot(*np.subtract(*points))), 1) for points in truth.values()]


def table(errors: Errors, row: str, stage: str) -> dict[str, np.ndarray]:
    """(seeds, photographs) errors by landmark."""
    seeds = errors[row][stage]
    return {name: np.array([seeds[seed][name] for seed in sorted(seeds)]) for name in next(iter(seeds.values()))}


def figures(errors: Errors, discs: list[float]) -> dict[str, Any]:
    """The figures by row and stage, and the paired differences of :data:`PAIRS`.

    A difference is of the means over seeds, with an interval over the photographs; both landmarks of one stay together.
    """
    answers = {(row, stage): table(errors, row, stage) for row, stages in errors.items() for stage in stages}
    rows = {}
    for key, landmarks in answers.items():
        both = np.stack(list(landmarks.values()), -1)
        means = both.mean((1, 2))
        rows[key] = {
            "mean": float(means.mean()),
            "sd": float(means.std(ddof=1)) if len(means) > 1 else None,
            "median": float(np.median(both)),
            "within": [100 * float((both <= limit).mean()) for limit in (5, 10, 20)],
            "beyond_disc": int((both > np.array(discs)[:, None]).sum()),
            "points": both.size,
            "landmarks": {name: (float(part.mean()), float(np.median(part))) for name, part in landmarks.items()},
            "seeds": len(means),
        }
    differences = {}
    for one, other in PAIRS:
        if one in answers and other in answers:
            first, second = (np.stack([part.mean(0) for part in answers[key].values()], -1) for key in (one, other))
            differences[one, other] = difference_interval(first, second)
    return {"rows": rows, "differences": differences}


def main() -> None:
    """Writes or prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ablations", nargs="*", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--print", type=Path, dest="told")
    asked = parser.parse_args()
    errors: Errors = {}
    discs: list[float] = []
    for folder in asked.ablations:
        cells, discs = read_cells(folder)
        errors |= cells
    if asked.told is not None:
        told = json.loads(asked.told.read_text(encoding="utf-8"))
        errors, discs = told["errors"], told["disc_diameters"]
    if asked.output is not None:
        told = {"disc_diameters": discs, "errors": errors}
        asked.output.write_text(json.dumps(told) + "\n", encoding="utf-8")
    found = figures(errors, discs)
    for (row, stage), numbers in found["rows"].items():
        shares = " / ".join(f"{share:.1f}" for share in numbers["within"])
        sd = "" if numbers["sd"] is None else f" ± {numbers['sd']:.2f}"
        print(
            f"{row}, {stage}: mean {numbers['mean']:.2f}{sd}, median {numbers['median']:.2f} px, {shares} %,", end=" "
        )
        print(f"{numbers['beyond_disc']} of {numbers['points']} beyond a disc's diameter, {numbers['landmarks']}")
    for (one, other), interval in found["differences"].items():
        words = f"{interval.mean:.2f} [{interval.low:.2f}, {interval.high:.2f}] px"
        print(f"{one[0]} {one[1]} less {other[0]} {other[1]}: {words}")


if __name__ == "__main__":
    main()
