"""Measures answers of the protocol ``face``: errors, measurements, and the corners of the eyes.

    python tests/benchmarks/face_points.py METRICS --output results.json

METRICS is a ``metrics.json`` with points, which ``monai-landmarks evaluate`` and ``cross-validate`` write. Errors are
in percent of the distance of the outer corners of the eyes. The corners' errors are along the line of those corners,
positive to the left of the person, so that a model or a template that leans to one side shows.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from bench_face import CORNERS, measurement_errors, summary
from record import write_record

from monai_ext.evaluation.recorded_points import read_points
from monai_ext.landmarks import FloatArray, Landmarks, find_protocol, read_json

SIDES = ("right", "left")


def along(landmarks: Landmarks, truth: Landmarks, name: str) -> float:
    """A point's place from the middle of the true outer corners along their line, percent of their distance."""
    first, second = (truth.point(corner) for corner in CORNERS)
    line = second - first
    return float(100 * (landmarks.point(name) - (first + second) / 2) @ line / (line @ line))


def fissure(landmarks: Landmarks, side: str) -> float:
    """Width of one eye, pixels."""
    ends = (landmarks.point(f"{side}_{end}canthion") for end in ("exo", "endo"))
    return float(np.linalg.norm(next(ends) - next(ends)))


def shares(landmarks: Landmarks) -> FloatArray:
    """(2,) width of the right and the left eye, percent of the distance of the outer corners."""
    length = np.linalg.norm(np.subtract(*(landmarks.point(corner) for corner in CORNERS)))
    return np.array([100 * fissure(landmarks, side) / length for side in SIDES])


def spread(values: FloatArray) -> dict[str, float]:
    """Mean, standard deviation and mean absolute value."""
    return {
        "mean": round(float(values.mean()), 3),
        "sd": round(float(values.std(ddof=1)), 3),
        "mean_absolute": round(float(np.abs(values).mean()), 3),
    }


def eyes(pairs: list[tuple[Landmarks, Landmarks]]) -> dict[str, Any]:
    """Signed errors of the corners and of the eyes' widths, and how far both eyes of a face differ."""
    names = [f"{side}_{end}canthion" for side in SIDES for end in ("exo", "endo")]
    corners = {
        name: spread(np.array([along(found, truth, name) - along(truth, truth, name) for found, truth in pairs]))
        for name in names
    }
    true = np.array([[fissure(truth, side) for side in SIDES] for _, truth in pairs])
    found = np.array([[fissure(answer, side) for side in SIDES] for answer, _ in pairs])
    errors = 100 * (found - true) / true
    share = np.array([shares(truth) for _, truth in pairs])
    others = (share.sum(0) - share) / (len(share) - 1)
    told = np.array([shares(answer) for answer, _ in pairs])
    return {
        "corners_along_the_eyes": corners,
        "fissure_errors": {side: spread(errors[:, k]) for k, side in enumerate(SIDES)},
        "correlation_of_both_errors": round(float(np.corrcoef(errors.T)[0, 1]), 3),
        "mean_of_both_eyes": spread(100 * (found.sum(1) - true.sum(1)) / true.sum(1)),
        "right_less_left_true": spread(200 * (true[:, 0] - true[:, 1]) / true.sum(1)),
        "right_less_left_found": spread(200 * (found[:, 0] - found[:, 1]) / found.sum(1)),
        "share_of_outer_distance_true": spread(share.mean(1)),
        "share_of_outer_distance_found": spread(told.mean(1)),
        "error_of_the_others_mean_share": {
            side: spread(100 * (others - share)[:, k] / share[:, k]) for k, side in enumerate(SIDES)
        },
    }


def main() -> None:
    """Measures, prints and writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("metrics", type=Path)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    points = read_points(read_json(args.metrics))
    assert points is not None, f"{args.metrics} holds no points"
    pairs = [(found, truth) for _, truth, found in (points.pair(image) for image in points.images)]
    protocol = find_protocol("face")
    figures = {
        "photographs": summary(pairs),
        "measurements": measurement_errors(pairs, protocol),
        "eyes": eyes(pairs),
    }
    print(figures)
    if args.output:
        write_record(args.output, figures)


if __name__ == "__main__":
    main()
