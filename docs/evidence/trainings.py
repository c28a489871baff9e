"""Errors of the trainings that `monai-landmarks ablate` left in a folder, and of what their rows differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monai_ext.experiments import ReadOut, read_predictions

READ_OUT = ReadOut("answer", "local_soft_argmax")
RESAMPLES = 10_000


class Difference(NamedTuple):
    """A mean difference, and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def read_trainings(ablation: Path) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Each finished training: mean error of each image and median of all points in pixels; and the images' names."""
    for path in sorted(ablation.glob("cells/*/cell.json")):
        cell = json.loads(path.read_text(encoding="utf-8"))
        answers = sorted(read_predictions(path.parent / "predictions.csv")[READ_OUT], key=lambda answer: answer.image)
        errors = [np.linalg.norm(found.points - truth.points, axis=1)[truth.defined] for _, truth, found, _ in answers]
        yield (
            {
                "row": cell["row"],
                "labels": cell["training_images"],
                "seed": cell["seed"],
                "steps": cell["steps"],
                "seconds": round(cell["seconds"]),
                "median": round(float(np.median(np.concatenate(errors))), 3),
                "images": [round(float(np.mean(of_image)), 3) for of_image in errors],
            },
            [answer.image for answer in answers],
        )


def crossed_interval(differences: NDArray[np.float64], subjects: Sequence[int]) -> Difference:
    """The mean of (seeds, images) differences, with an interval over other seeds and other subjects.

    Seeds and subjects are drawn with replacement, independently of each other (Owen 2007, The pigeonhole bootstrap).
    """
    rng = np.random.default_rng(0)
    members = np.eye(max(subjects) + 1)[subjects]
    sums, counts = differences @ members, members.sum(0)
    seeds, people = (rng.multinomial(n, np.full(n, 1 / n), RESAMPLES) for n in sums.shape)
    drawn = (seeds @ sums * people).sum(1) / (len(differences) * (people @ counts))
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Difference(float(differences.mean()), float(low), float(high))


def figures_of(
    group: dict[int, dict[str, Any]], base: dict[int, dict[str, Any]], subjects: Sequence[int]
) -> dict[str, Any]:
    """The figures of the trainings of a row by seed.

    Args:
        group: the trainings.
        base: those that they are compared with on the same images and seeds; none if there are none.
        subjects: of the images, by number.

    Returns:
        ``less``: the mean difference to ``base``, or None; the others are of the row alone.
    """
    means = np.array([np.mean(cell["images"]) for cell in group.values()])
    both = sorted(group.keys() & base.keys())
    paired = np.array([np.subtract(group[seed]["images"], base[seed]["images"]) for seed in both])
    return {
        "mean": float(means.mean()),
        "sd": float(means.std(ddof=1)) if len(means) > 1 else None,
        "median": float(np.median([cell["median"] for cell in group.values()])),
        "seconds": float(np.median([cell["seconds"] for cell in group.values()])),
        "steps": sorted({cell["steps"] for cell in group.values()}),
        "seeds": len(group),
        "less": crossed_interval(paired, subjects) if both else None,
    }


def words(numbers: dict[str, Any]) -> str:
    """Mean ± standard deviation over seeds / median; difference [interval]."""
    sd = "" if numbers["sd"] is None else f" ± {numbers['sd']:.2f}"
    less = "" if numbers["less"] is None else "; {0.mean:+.2f} [{0.low:.2f}, {0.high:.2f}]".format(numbers["less"])
    return f"{numbers['mean']:.2f}{sd} / {numbers['median']:.2f}{less}"
