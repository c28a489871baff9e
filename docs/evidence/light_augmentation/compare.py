"""What `haze` and `spots` of `recipe.augmentation` change on fundus photographs that no model has seen, and on copies.

    python docs/evidence/light_augmentation/compare.py both=FOLDS neither=FOLDS [NAME=FOLDS ...] --output ERRORS.json
    python docs/evidence/light_augmentation/compare.py --print docs/evidence/light_augmentation/errors.json

FOLDS is a folder that `monai-landmarks cross-validate --also CHANGED` wrote. Photographs are in the order of names.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from monai_ext.evaluation import difference_interval

#: With both augmentations, what the others are compared with.
BOTH = "both"
SETS = {"images": "as they are", "changed": "as other cameras would draw them"}
#: The diameter of an optic disc as a share of its distance from the fovea.
DISC = 0.4

#: Errors in pixels by variant, set and landmark, in the order of the photographs.
Errors = dict[str, dict[str, dict[str, list[float]]]]


def read_errors(path: Path) -> tuple[dict[str, list[float]], list[float]]:
    """The errors of an `errors.csv` by landmark, and the diameter of the disc of each photograph, in pixels."""
    errors: dict[str, list[float]] = {}
    truth: dict[str, list[tuple[float, float]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in sorted(csv.DictReader(file), key=lambda row: row["image"]):
            at, of = ((float(row[f"{kind}_x"]), float(row[f"{kind}_y"])) for kind in ("pred", "true"))
            errors.setdefault(row["landmark"], []).append(round(float(np.hypot(*np.subtract(at, of))), 2))
            truth.setdefault(row["image"], []).append(of)
    return errors, [round(DISC * float(np.hypot(*np.subtract(*points))), 1) for points in truth.values()]


def figures(errors: Errors, discs: dict[str, list[float]]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The figures by set, landmark and variant; ``less`` is the mean paired difference to :data:`BOTH`."""
    found = {}
    for kind in SETS:
        for landmark in errors[BOTH][kind]:
            base = np.array(errors[BOTH][kind][landmark])
            for variant, sets in errors.items():
                values = np.array(sets[kind][landmark])
                less = None if variant == BOTH else difference_interval(values[:, None], base[:, None])
                beyond = int((values > np.array(discs[kind])).sum())
                numbers = {"mean": float(values.mean()), "median": float(np.median(values)), "beyond_disc": beyond}
                found[kind, landmark, variant] = numbers | {"photographs": len(values), "less": less}
    return found


def table(found: dict[tuple[str, str, str], dict[str, Any]]) -> list[str]:
    """The rows of the table: mean / median, points beyond a disc's diameter, and the difference to :data:`BOTH`."""
    rows = []
    for kind, landmark in dict.fromkeys((kind, landmark) for kind, landmark, _ in found):
        cells = [SETS[kind], landmark.replace("_", " ")]
        for numbers in (numbers for key, numbers in found.items() if key[:2] == (kind, landmark)):
            words = f"{numbers['mean']:.1f} / {numbers['median']:.1f}, {numbers['beyond_disc']}"
            between = numbers["less"]
            if between is not None:
                words += f"; {between.mean:+.1f} [{between.low:.1f}, {between.high:.1f}]"
            cells.append(words)
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def main() -> None:
    """Writes the errors, and prints the rows of the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*", help="NAME=FOLDS")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--print", type=Path, dest="told")
    asked = parser.parse_args()
    errors: Errors = {}
    discs: dict[str, list[float]] = {}
    for variant in asked.variants:
        name, folder = variant.split("=", 1)
        errors[name] = {}
        for kind in SETS:
            errors[name][kind], discs[kind] = read_errors(Path(folder) / kind / "errors.csv")
    if asked.told is not None:
        told = json.loads(asked.told.read_text(encoding="utf-8"))
        errors, discs = told["errors"], told["disc_diameters"]
    if asked.output is not None:
        asked.output.write_text(json.dumps({"disc_diameters": discs, "errors": errors}) + "\n", encoding="utf-8")
    print("\n".join(table(figures(errors, discs))))


if __name__ == "__main__":
    main()
