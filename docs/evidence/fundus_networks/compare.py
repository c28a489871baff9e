"""Prints the errors of several fundus networks, their paired differences, and how far they are from one another.

python docs/evidence/fundus_networks/compare.py docs/evidence/fundus_networks/results.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from monai_ext.evaluation import difference_interval

#: Each network beside the one that it is compared with.
PAIRS = (("one", "v6"), ("two", "one"), ("two", "v6"), ("two_small", "v6"), ("zian", "v6"))
#: Photographs on which every network is farther than this from the reading, in pixels.
FAR = 15.0
#: Networks within this distance of one another agree, in pixels.
NEAR = 12.0


def figures(photographs: dict[str, dict[str, float | None]], networks: list[str]) -> dict[str, Any]:
    """The figures of one landmark on one kind of photograph."""
    errors = {name: np.array([row[name] for row in photographs.values()], dtype=float) for name in networks}
    between = np.array([row["between_networks"] for row in photographs.values()], dtype=float)
    far = np.min([np.nan_to_num(values, nan=0.0) for values in errors.values()], axis=0) > FAR
    differences = {pair: difference_interval(errors[pair[0]][:, None], errors[pair[1]][:, None]) for pair in PAIRS}
    return {
        "networks": {
            name: (float(np.nanmean(values)), float(np.nanmedian(values)), int(np.isnan(values).sum()))
            for name, values in errors.items()
        },
        "differences": {pair: (found.mean, found.low, found.high) for pair, found in differences.items()},
        "to_reading": float(np.median(np.nanmean(list(errors.values()), axis=0))),
        "between_networks": float(np.median(between)),
        "far": int(far.sum()),
        "far_and_agreed": int((between[far] <= NEAR).sum()),
    }


def main(path: Path) -> None:
    """Prints the figures of a file."""
    told = json.loads(path.read_text(encoding="utf-8"))
    for kind, landmarks in told["photographs"].items():
        for landmark, photographs in landmarks.items():
            found = figures(photographs, list(told["protocols"]))
            print(f"{landmark.replace('_', ' ')}, {kind}")
            for name, (mean, median, missed) in found["networks"].items():
                print(f"  {name}: mean {mean:.1f}, median {median:.1f} px, {missed} missed")
            for (name, other), interval in found["differences"].items():
                mean, low, high = interval
                print(f"  {name} less {other}: {mean:.1f} px [{low:.1f}, {high:.1f}]")
            apart, off = found["between_networks"], found["to_reading"]
            print(f"  medians: {apart:.1f} px between networks, {off:.1f} to the reading")
            print(f"  all beyond {FAR:g} px: {found['far']}; in {found['far_and_agreed']} of them networks agree")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
